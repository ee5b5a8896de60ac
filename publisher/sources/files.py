"""Regular files as sources: opened safely, read once, and refused if they change while they are read.

A path is resolved, must lie below the project root, and is then opened component by component without following
links, so that nothing can be swapped in between. A FIFO, socket, device or folder is refused without being opened
for reading, so nothing here ever hangs. Files are read, never mapped: a truncated map would kill the process.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import IO

from publisher.errors import SourceChangedError, SourceError
from publisher.model import Digest, FileSource, SourceFacts
from publisher.sources.bounded import PositionedFile

_PIECE_BYTES = 1024 * 1024


class OpenFile:
    """An open source. `read_into` fills a buffer and returns the count, 0 at the end."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self._descriptor = descriptor
        self._shown = shown
        self._before = os.fstat(descriptor)
        self._read_bytes = 0

    @property
    def facts(self) -> os.stat_result:
        """What the system said of the file when it was opened."""
        return self._before

    @property
    def size_bytes(self) -> int:
        return self._before.st_size

    def read_into(self, buffer: memoryview) -> int:
        """Raises `SourceError` if the file cannot be read."""
        try:
            count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            if error.errno == errno.ESTALE:
                raise self._changed() from error
            raise SourceError(
                f"{self._shown} cannot be read: {error.strerror}", hint="check the disk or the network share"
            ) from error
        self._read_bytes += count
        return count

    def beside(self) -> IO[bytes]:
        """Return the same file for reading here and there in it, without moving this pass; close it before this one."""
        return io.BufferedReader(PositionedFile(self._descriptor))

    def check_unchanged(self, stream_sha256: Digest, planned: SourceFacts) -> None:
        """Raise `SourceChangedError` unless all of the file was read untouched, and what was read is the planned file.

        `stream_sha256` is of everything that `read_into` gave.
        """
        self.check_untouched()
        if self._read_bytes != planned.size_bytes or planned.fingerprint not in (None, stream_sha256):
            raise SourceChangedError(f"{self._shown} changed since it was planned", hint="run the same command again")

    def check_untouched(self) -> None:
        """Raise `SourceChangedError` unless all of the file was read and nothing touched it meanwhile."""
        before, after = self._before, os.fstat(self._descriptor)
        same = (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (
            before.st_size,
            before.st_mtime_ns,
            before.st_ctime_ns,
        )
        if not same or self._read_bytes != before.st_size:
            raise self._changed()

    def _changed(self) -> SourceChangedError:
        return SourceChangedError(
            f"{self._shown} changed while it was read", hint="wait until it is written completely, then run again"
        )


@contextlib.contextmanager
def open_file(source: FileSource) -> Iterator[OpenFile]:
    """Open a source for one pass. Raises `SourceError` if it is missing, not a regular file or outside its root."""
    descriptor = _open_below_root(source)
    try:
        yield OpenFile(descriptor, source.shown)
    finally:
        os.close(descriptor)


def fingerprint(source: FileSource, check: Callable[[], None]) -> SourceFacts:
    """Read the whole file and return its size and SHA-256. `check` may raise to cancel; it is asked once per MiB."""
    with open_file(source) as file:
        return fingerprint_of(file, check)


def fingerprint_of(file: OpenFile, check: Callable[[], None]) -> SourceFacts:
    """Do the same with a file that is open and was not read from."""
    digest = sha256()
    buffer = memoryview(bytearray(_PIECE_BYTES))
    while count := file.read_into(buffer):
        check()
        digest.update(buffer[:count])
    file.check_untouched()
    return SourceFacts(file.size_bytes, Digest(digest.hexdigest()))


def read_whole(source: FileSource, *, limit_bytes: int) -> bytes:
    """Return all bytes of a small file. Raises `SourceError` if it is larger, and like `open_file`."""
    with open_file(source) as file:
        if file.size_bytes > limit_bytes:
            raise SourceError(f"{source.shown} has more than {limit_bytes:,} bytes", hint="is it the right file?")
        data = bytearray(file.size_bytes)
        read = 0
        while count := file.read_into(memoryview(data)[read:]):
            read += count
        file.check_untouched()
        return bytes(data)


def _open_below_root(source: FileSource) -> int:
    try:
        # Not pathlib's: a manifest names thousands of files, and these are half of what opening one costs.
        root = os.path.realpath(source.root, strict=True)
        real = os.path.realpath(source.path, strict=True)
    except (OSError, ValueError) as error:
        raise _unopenable(source, error) from error
    inside = root.rstrip("/") + "/"
    if not real.startswith(inside):
        raise SourceError(
            f"{source.shown} leads out of the project root", hint="move the file below it, or run from another root"
        )
    *folders, last = real[len(inside) :].split("/")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in folders:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = _open_regular(last, folder, source)
    except OSError as error:
        raise _unopenable(source, error) from error
    finally:
        os.close(folder)
    return descriptor


def _open_regular(name: str, folder: int, source: FileSource) -> int:
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise _not_regular(source)
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(source)
    return descriptor


def _not_regular(source: FileSource) -> SourceError:
    return SourceError(f"{source.shown} is not a regular file", hint="name a file, not a folder, pipe or device")


def _unopenable(source: FileSource, error: OSError | ValueError) -> SourceError:
    reason = error.strerror if isinstance(error, OSError) else "no path of this system"
    return SourceError(f"{source.shown} cannot be opened: {reason}", hint="check the path in the manifest and build it")
