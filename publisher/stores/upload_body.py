"""The body of an upload in pieces as they are sent: neither more nor less than announced, and counted."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from publisher.errors import LocalResourceError
from publisher.stores.body import Body, Progress

PIECE_BYTES = 256 * 1024


def upload_pieces(body: Body, progress: Progress | None = None) -> Iterator[bytes | memoryview]:
    """Yield the body; a piece counts as sent when the next one is asked for.

    Raises `LocalResourceError` if the bytes cannot be read, or are fewer than announced. More are not sent: the digests
    tell then.
    """
    left = body.size_bytes
    pieces = _from_file(body) if body.buffers is None else _from_buffers(body)
    for piece in pieces:
        wanted = piece[:left]
        if wanted:
            yield wanted
            left -= len(wanted)
            if progress:
                progress(len(wanted))
        if not left:
            return
    if left:
        raise LocalResourceError("the prepared bytes ended early", hint="was the temporary file changed?")


def crc32_text(value: int) -> str:
    """Return a CRC-32 as the S3 API spells it: base64 of four bytes, the most significant first."""
    return b64encode(value.to_bytes(4, "big")).decode()


def _from_buffers(body: Body) -> Iterator[memoryview]:
    for buffer in body.buffers or ():
        for start in range(0, len(buffer), PIECE_BYTES):
            yield buffer[start : start + PIECE_BYTES]


def _from_file(body: Body) -> Iterator[bytes]:
    try:
        with body.open() as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise LocalResourceError(f"cannot read the prepared bytes: {error.strerror or error}") from error
