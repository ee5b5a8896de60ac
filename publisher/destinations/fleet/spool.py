"""Where sealed bytes wait for their upload: one private temporary file an artifact.

The content is ciphertext and harmless; the folder is 0700, the file 0600 and created exclusively. Free space is checked
before anything is read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from publisher.errors import LocalResourceError

MARGIN_BYTES = 64 * 1024


class Spool:
    """One temporary file of sealed bytes. Use as a context manager; the file is gone afterwards, whatever happened."""

    def __init__(self, folder: Path, path: Path, file: BinaryIO) -> None:
        self._folder = folder
        self._path = path
        self._file = file

    @classmethod
    def make(cls, base: Path | None, *, source_bytes: int) -> Spool:
        """Create a spool below `base` (default: the system's temporary folder).

        Raises `LocalResourceError` if the ciphertext of `source_bytes` would not fit, or nothing can be written there.
        """
        parent = base or Path(tempfile.gettempdir())
        needed = source_bytes + source_bytes // 1000 + MARGIN_BYTES
        try:
            free = shutil.disk_usage(parent).free
            if free < needed:
                raise LocalResourceError(
                    f"needs about {needed / 2**30:.2f} GiB in {parent}, but {free / 2**30:.2f} GiB are free",
                    hint="free some space, or set PUBLISH_SPOOL_DIR (or TMPDIR) to a larger disk",
                )
            folder = Path(tempfile.mkdtemp(prefix="publish-", dir=parent))
            path = folder / "sealed"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise cls.unwritable(parent, error) from error
        return cls(folder, path, os.fdopen(descriptor, "wb", buffering=0))

    def write(self, piece: memoryview) -> None:
        try:
            while piece:
                written = self._file.write(piece)
                piece = piece[written:]
        except OSError as error:
            raise self.unwritable(self._folder, error) from error

    def finish(self) -> None:
        """Close the file for writing; call before `open`."""
        try:
            self._file.close()
        except OSError as error:
            raise self.unwritable(self._folder, error) from error

    def open(self) -> BinaryIO:
        return self._path.open("rb")

    def remove(self) -> None:
        """Delete the file and its folder; twice is fine."""
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def unwritable(folder: Path, error: OSError) -> LocalResourceError:
        return LocalResourceError(
            f"cannot spool to {folder}: {error.strerror}",
            hint="free some space, or set PUBLISH_SPOOL_DIR (or TMPDIR) to a writable disk",
        )
