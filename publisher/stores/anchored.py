"""Paths below a folder, walked one segment at a time without following a link: nothing inside can lead out.

Standard library only. Raises plain OSError; the directory store says what it means.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder(root: Path, segments: tuple[str, ...], *, create: bool = False, mode: int = 0o755) -> Iterator[int]:
    """Open the folder `root/segments...` and yield its descriptor.

    With `create`, missing folders are made and flushed to disk in their parent. OSError (ENOTDIR or ELOOP) if a
    segment is a link or a file, FileNotFoundError if one is missing. `root` itself may be a link: it is the user's.
    """
    if create:
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for segment in segments:
            deeper = _enter(handle, segment, create=create, mode=mode)
            os.close(handle)
            handle = deeper
        yield handle
    finally:
        os.close(handle)


def _enter(parent: int, name: str, *, create: bool, mode: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, mode, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        pass
    return os.open(name, _FOLDER, dir_fd=parent)


def open_regular(name: str, *, inside: int) -> int:
    """Open a regular file for reading; OSError (ELOOP, EISDIR) for anything that is not one."""
    # O_NONBLOCK: opening a FIFO would wait for a writer for ever.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IsADirectoryError(errno.EISDIR, "not a regular file")
    return handle


def create_new(name: str, *, inside: int, mode: int = 0o600) -> int:
    """Create a file that did not exist and open it for writing."""
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=inside)
