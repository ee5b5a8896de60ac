"""Whole files or nothing: written beside their place, flushed to disk, then renamed over it.

A link is followed, so that the file it names is replaced; a terminal or /dev/null is written to as it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from publisher.errors import InputError, LocalResourceError

_HINT = "check the folder's permissions and free space"


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` by `text` in UTF-8, making its folder when needed.

    Raises `LocalResourceError` if it cannot be written; the old file is untouched then.
    """
    with written_whole(path, mode=mode) as file:
        file.write(text.encode())


@contextlib.contextmanager
def written_whole(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open what replaces `path` at the end of the block, if nothing is raised in it; makes its folder when needed.

    Raises `LocalResourceError` if it cannot be written; the old file is untouched then, as after any other exception.
    """
    try:
        if path.is_char_device():
            with path.open("wb") as device:
                yield device
            return
        place = _real(path)
        handle, beside = _make_beside(place, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(place)
        finally:
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
    except OSError as error:
        raise LocalResourceError(f"cannot write {path}: {error.strerror or error}", hint=_HINT) from error


def require_writable(path: Path) -> None:
    """Make sure that `path` could be written, before there is anything to write; its folder is made when needed.

    Raises `InputError` if not, also for a folder, a pipe or a socket.
    """
    try:
        there = path.stat() if path.exists() else None
        if there is not None and not (stat.S_ISREG(there.st_mode) or stat.S_ISCHR(there.st_mode)):
            raise InputError(f"cannot write {path}: it is not a regular file", hint="name a file")
        if there is not None and not os.access(path, os.W_OK):
            raise InputError(f"cannot write {path}: no permission", hint=_HINT)
        if there is None or stat.S_ISREG(there.st_mode):
            handle, beside = _make_beside(_real(path), 0o600)
            os.close(handle)
            beside.unlink()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}", hint=_HINT) from error


def _make_beside(place: Path, mode: int) -> tuple[int, Path]:
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name[:200]}.{secrets.token_hex(8)}")
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), beside


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
