"""The device's eye: download through `cdn_url`, check length and SHA-256 over everything, only then decrypt and unpack.

The order matters: a decryption that runs before the check is a padding oracle and a decompression bomb.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from publisher.destinations.fleet.readback import checked
from publisher.errors import DestinationError, LocalResourceError
from publisher.model import Digest
from publisher.registries.port import Row
from publisher.sealing.unseal import unseal

Download = Callable[[str], AbstractContextManager[Iterator[bytes]]]
"""Open a URL for reading in pieces. Raises `NotFoundError`, `TransportError`, `RejectedError`, `CredentialsError`."""

OPENED_LIMIT_BYTES = 1 << 40


def open_row(
    row: Row, download: Download, write: Callable[[bytes | memoryview], object], *, compression: str
) -> Digest:
    """Download, check, decrypt and unpack one registered artifact; return the SHA-256 of what came out.

    `write` gets the plaintext only after the whole download was checked. Raises `DamagedObjectError` if the bytes are
    not what the row says, `DestinationError` if the registry does not give the key back.
    """
    if row.encryption_key is None:
        raise DestinationError(
            "the registry does not give encryption keys back, so the artifact cannot be opened",
            hint="use `publish verify --mode head`, or read the Resources table with RESOURCES_DATABASE_URL",
        )
    try:
        with tempfile.TemporaryFile(prefix="publish-") as held:
            with download(row.cdn_url) as pieces:
                for piece in checked(pieces, size_bytes=row.size_bytes, digest=row.sha256):
                    held.write(piece)
            held.seek(0)
            opened = unseal(
                iter(lambda: held.read(1 << 20), b""),
                write,
                key=row.encryption_key,
                compression=compression,
                limit_bytes=OPENED_LIMIT_BYTES,
            )
    except OSError as error:
        raise LocalResourceError(
            f"cannot keep the download: {error.strerror}", hint="free some space, or set TMPDIR to a larger disk"
        ) from error
    return opened.sha256


def check_download(row: Row, download: Download) -> None:
    """Download and compare length and SHA-256 without opening. Raises `DamagedObjectError`."""
    with download(row.cdn_url) as pieces:
        for _ in checked(pieces, size_bytes=row.size_bytes, digest=row.sha256):
            pass


def fetch_to(path: Path, row: Row, download: Download, *, compression: str) -> tuple[int, Digest]:
    """Write the opened artifact to `path` by temporary file and rename; return its size in bytes and SHA-256."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise LocalResourceError(f"cannot write {path}: {error.strerror}", hint="check the folder") from error
    try:
        with os.fdopen(handle, "wb") as file:
            digest = open_row(row, download, file.write, compression=compression)
            size = file.tell()
        Path(name).replace(path)
    except OSError as error:
        raise LocalResourceError(
            f"cannot write {path}: {error.strerror}", hint="name a file that can be made"
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
    return size, digest
