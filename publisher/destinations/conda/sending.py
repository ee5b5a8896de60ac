"""The bytes of one upload: read once, and never sent to their end if they are not the planned ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from publisher.http import PIECE_BYTES
from publisher.model import Digest, ReadyArtifact
from publisher.sources.opening import open_source


def pieces_of(
    item: ReadyArtifact, *, check: Callable[[], None], commit: Callable[[], None], count: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the source in pieces; `check` may raise to stop, `count` is told the bytes handed over.

    `commit` is called before the last piece, with which the file is whole; it may raise to stop, too.

    Each piece is held back until the next one is read, so that a changed source raises `SourceChangedError` before
    its last piece is sent: then no server has a whole file.
    """
    digest = hashlib.sha256()
    held = b""
    buffer = memoryview(bytearray(PIECE_BYTES))
    with open_source(item.artifact.source) as source:
        while read := source.read_into(buffer):
            check()
            if held:
                yield held
                count(len(held))
            held = bytes(buffer[:read])
            digest.update(held)
        source.check_unchanged(Digest(digest.hexdigest()), item.source)
    commit()
    if held:
        yield held
        count(len(held))
