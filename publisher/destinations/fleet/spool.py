"""Sealed bytes in a temporary file that has no name: it is gone with the process, however that ends.

The content is ciphertext and harmless; the file is private all the same. Free space is checked before anything is read.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from publisher.destinations.fleet.staging import Whole
from publisher.errors import LocalResourceError
from publisher.sealing.seal import Sealed as Made
from publisher.stores.port import Body, BodyDigest

MARGIN_BYTES = 64 * 1024


def sealed_bound(source_bytes: int) -> int:
    """Return a size that the sealed object of a source of this size never exceeds, in bytes."""
    return source_bytes + source_bytes // 1000 + MARGIN_BYTES


class Spool(Whole):
    """One nameless temporary file of sealed bytes. Discard it, or let the process end."""

    def __init__(self, folder: Path, file: BinaryIO, digests: frozenset[BodyDigest]) -> None:
        super().__init__(digests)
        self._folder = folder
        self._file = file

    @classmethod
    def make(cls, base: Path | None, *, source_bytes: int, digests: frozenset[BodyDigest] = frozenset()) -> Spool:
        """Create a spool in `base` (default: the system's temporary folder).

        Raises `LocalResourceError` if the ciphertext of `source_bytes` would not fit, or nothing can be written there.
        """
        parent = base or Path(tempfile.gettempdir())
        needed = sealed_bound(source_bytes)
        try:
            free = shutil.disk_usage(parent).free
            if free < needed:
                raise LocalResourceError(
                    f"needs about {needed / 2**30:.2f} GiB in {parent}, but {free / 2**30:.2f} GiB are free",
                    hint="free some space, or set PUBLISH_SPOOL_DIR (or TMPDIR) to a larger disk",
                )
            # Never visible where the system can make nameless files, and unlinked at once elsewhere.
            file = tempfile.TemporaryFile(prefix="publish-", dir=parent, buffering=0)  # noqa: SIM115 - closed by discard
        except OSError as error:
            raise cls.unwritable(parent, error) from error
        return cls(parent, cast("BinaryIO", file), digests)

    def write(self, piece: memoryview) -> None:
        self.count(piece)
        try:
            while piece:
                written = self._file.write(piece)
                piece = piece[written:]
        except OSError as error:
            raise self.unwritable(self._folder, error) from error

    def finish(self, made: Made) -> None:
        self.describe(Body(self.open, made.object_size), made)

    def open(self) -> BinaryIO:
        """Open the bytes from the start; each reader has its own position."""
        return cast("BinaryIO", io.BufferedReader(_Reader(self._file.fileno()), buffer_size=256 * 1024))

    def discard(self) -> str | None:
        self._file.close()
        self.body = None
        return None

    @staticmethod
    def unwritable(folder: Path, error: OSError) -> LocalResourceError:
        return LocalResourceError(
            f"cannot spool to {folder}: {error.strerror}",
            hint="free some space, or set PUBLISH_SPOOL_DIR (or TMPDIR) to a writable disk",
        )


class _Reader(io.RawIOBase):
    """Reads an open file at a position of its own: the file has no name to be opened by again."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += os.fstat(self._descriptor).st_size
        elif whence == io.SEEK_CUR:
            offset += self._position
        self._position = offset
        return offset
