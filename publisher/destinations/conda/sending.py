"""The bytes of one upload: read once, and never the end of a form around a file that is not the planned one."""

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

    At the end the source is compared with the plan, which raises `SourceChangedError`, and then `commit` is called,
    which may raise to stop, too. The end of the form is not sent before, and without it no server takes the file.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(PIECE_BYTES))
    with open_source(item.artifact.source, check) as source:
        while read := source.read_into(buffer):
            check()
            piece = bytes(buffer[:read])
            digest.update(piece)
            yield piece
            count(read)
        source.check_unchanged(Digest(digest.hexdigest()), item.source)
    commit()
