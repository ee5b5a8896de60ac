"""Files on their way into a directory store: written whole beside their place, checked, flushed, then linked there.

Standard library only. Raises plain OSError where the disk is to blame; the directory store says what it means.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import md5, sha256

from publisher.errors import RejectedError
from publisher.stores import anchored
from publisher.stores.port import Body, Progress
from publisher.stores.upload_body import UploadBody

_PIECE = 1024 * 1024


def stage(body: Body, name: str, *, inside: int, mode: int, progress: Progress | None) -> os.stat_result:
    """Write the body to a new file, checking both digests as a store does, and flush it to disk."""
    seen_md5, seen_sha256 = md5(usedforsecurity=False), sha256()
    with (
        closing(UploadBody(body, progress)) as source,
        os.fdopen(anchored.create_new(name, inside=inside), "wb") as file,
    ):
        while piece := source.read(_PIECE):
            seen_md5.update(piece)
            seen_sha256.update(piece)
            file.write(piece)
        if (seen_md5.digest(), seen_sha256.hexdigest()) != (body.md5, body.sha256.hex):
            raise RejectedError("the bytes do not match their digest", hint="was the temporary file changed?")
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


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
