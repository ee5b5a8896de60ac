"""Files on their way into a directory store: written whole beside their place, checked, flushed, then linked there.

Standard library only. Raises plain OSError where the disk is to blame; the directory store says what it means.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5, sha256

from publisher.errors import RejectedError
from publisher.model import Digest
from publisher.stores import anchored
from publisher.stores.port import Body, Progress
from publisher.stores.upload_body import upload_pieces

_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that was written whole: its facts, and the SHA-256 of its bytes in hex."""

    facts: os.stat_result
    sha256_hex: str


def stage(body: Body, name: str, *, inside: int, mode: int, progress: Progress | None) -> StagedFile:
    """Write the body to a new file, checking the digests it knows as a store does, and flush it to disk."""
    seen = sha256()
    seen_md5 = None if body.md5 is None else md5(usedforsecurity=False)
    seen_crc32 = None if body.crc32 is None else 0
    with os.fdopen(anchored.create_new(name, inside=inside), "wb") as file:
        for piece in upload_pieces(body, progress):
            seen.update(piece)
            if seen_md5 is not None:
                seen_md5.update(piece)
            if seen_crc32 is not None:
                seen_crc32 = crc32(piece, seen_crc32)
            file.write(piece)
        is_known = body.sha256 in (None, Digest(seen.hexdigest()))
        if not is_known or body.md5 != (seen_md5 and seen_md5.digest()) or body.crc32 != seen_crc32:
            raise RejectedError("the bytes do not match their digest", hint="was the temporary file changed?")
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        return StagedFile(os.fstat(file.fileno()), seen.hexdigest())


def state(name: str, *, inside: int) -> os.stat_result | None:
    """Return the facts of the file `name` itself (not of what it may link to), or None if nothing is there."""
    try:
        return os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        return None


def settled(folder: int) -> bool:
    """Make a new name durable; if that fails, it may be gone after a power loss."""
    try:
        os.fsync(folder)
    except OSError:
        return False
    return True


def contents(handle: int) -> Iterator[bytes]:
    """Read an open file from its beginning, wherever its position is."""
    offset = 0
    while piece := os.pread(handle, _PIECE, offset):
        offset += len(piece)
        yield piece


def remove(name: str, *, inside: int) -> None:
    """Delete a file; absent is fine."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=inside)
