"""A request body that is too large to be held: its length is known, its pieces are made while it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

PIECE_BYTES = 128 * 1024
"""The size of piece to make. The time limit for sending counts for each piece, so that slow lines need small ones."""


@dataclass(frozen=True, slots=True)
class StreamedBody:
    """Exactly `size_bytes` bytes in `pieces`, which are asked for once.

    What an iterator of pieces raises, for example because its source changed or a stop was requested, ends the
    request: the connection is closed before the whole body was sent, and the error reaches the caller unchanged.
    """

    size_bytes: int
    pieces: Iterable[bytes] = field(repr=False)
    content_type: str = "application/octet-stream"

    def __iter__(self) -> Iterator[bytes]:
        """Hand the pieces on. RuntimeError if they are not as long as was said: no server can be told so."""
        sent = 0
        for piece in self.pieces:
            sent += len(piece)
            if sent > self.size_bytes:
                raise RuntimeError("a body is longer than announced")
            yield piece
        if sent != self.size_bytes:
            raise RuntimeError("a body is shorter than announced")
