"""The device's eye: download through `cdn_url`, check length and SHA-256 over everything, only then decrypt and unpack.

The order matters: a decryption that runs before the check is a padding oracle and a decompression bomb.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from publisher.destinations.fleet.readback import checked
from publisher.errors import DestinationError, LocalResourceError
from publisher.model import DataKey, Digest
from publisher.registries.port import Row
from publisher.sealing.unseal import Write, unseal

Download = Callable[[str], AbstractContextManager[Iterator[bytes]]]
"""Open a URL for reading in pieces. Raises `NotFoundError`, `TransportError`, `RejectedError`, `CredentialsError`."""

OPENED_LIMIT_BYTES = 1 << 40


def open_row(row: Row, download: Download, write: Write, *, compression: str) -> None:
    """Download, check, decrypt and unpack one registered artifact.

    `write` gets the plaintext only after the whole download was checked. Raises `DamagedObjectError` if the bytes are
    not what the row says, `DestinationError` if the registry does not give the key back.
    """
    key = _key_of(row)
    with _downloaded(row, download) as held:
        _opened(held, write, key=key, compression=compression)


def check_download(row: Row, download: Download) -> None:
    """Download and compare length and SHA-256 without opening. Raises `DamagedObjectError`."""
    with download(row.cdn_url) as pieces:
        for _ in checked(pieces, size_bytes=row.size_bytes, digest=row.sha256):
            pass


def fetch_to(path: Path, row: Row, download: Download, *, compression: str) -> tuple[int, Digest]:
    """Write the opened artifact to `path` by temporary file and rename; return its size in bytes and SHA-256."""
    key = _key_of(row)
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise LocalResourceError(f"cannot write {path}", hint="name a file in a folder that can be written to")
    # The temporary file is made only when the download is there: a download may be left behind at any time.
    with _downloaded(row, download) as held, _replacing(path) as file:
        digest = _opened(held, file.write, key=key, compression=compression)
        return file.tell(), digest


def _key_of(row: Row) -> DataKey:
    if row.encryption_key is None:
        raise DestinationError(
            "the registry does not give encryption keys back, so the artifact cannot be opened",
            hint="use `publish verify --mode head`, or read the Resources table with RESOURCES_DATABASE_URL",
        )
    return row.encryption_key


@contextlib.contextmanager
def _downloaded(row: Row, download: Download) -> Iterator[BinaryIO]:
    """Yield the whole download in a file without a name, after it was checked."""
    try:
        with tempfile.TemporaryFile(prefix="publish-") as held:
            with download(row.cdn_url) as pieces:
                for piece in checked(pieces, size_bytes=row.size_bytes, digest=row.sha256):
                    held.write(piece)
            held.seek(0)
            yield held
    except OSError as error:
        raise LocalResourceError(
            f"cannot keep the download: {error.strerror}", hint="free some space, or set TMPDIR to a larger disk"
        ) from error


def _opened(held: BinaryIO, write: Write, *, key: DataKey, compression: str) -> Digest:
    pieces = iter(lambda: held.read(1 << 20), b"")
    return unseal(pieces, write, key=key, compression=compression, limit_bytes=OPENED_LIMIT_BYTES).sha256


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file that takes the place of `path` if the block succeeds, and is gone if not."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise LocalResourceError(
            f"cannot write {path}: {error.strerror}", hint="name a file that can be made"
        ) from error
