"""Small files: read up to a limit, and never a FIFO or device, which could hang or be endless."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from publisher.errors import InputError


def read_regular(path: Path, limit_bytes: int, *, shown: str | None = None) -> bytes:
    """Return at most `limit_bytes` bytes of a regular file. Raises `InputError` for any other, `OSError`, `ValueError`.

    `shown` is how messages name the file.
    """
    # Non-blocking, because between a look and an open a file can be replaced by a FIFO.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{shown or path} is not a regular file", hint="name the file itself")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit_bytes)
    finally:
        os.close(descriptor)


def read_own(path: Path, limit_bytes: int) -> bytes:
    """Return at most `limit_bytes` bytes of a file of our own making.

    OSError unless it is regular, no link, this user's, and not writable by others.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise PermissionError("not a file of this user alone")
        return file.read(limit_bytes)
