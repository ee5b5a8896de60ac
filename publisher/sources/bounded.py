"""Reading what strangers packed: a stream that goes forward only and ends at a limit, whatever a header announces."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO

MAX_READ_BYTES = 4 << 20
"""The most that is asked for at once: real headers are small, a forged one names gigabytes."""
_SKIP_BYTES = 128 * 1024


class TooMuchError(Exception):
    """A limit was reached; what was read so far means nothing."""


class ForwardReader:
    """What `tarfile` needs of an unpacked stream: `read`, `tell`, and `seek` to a place ahead.

    Raises `TooMuchError` beyond `limit_bytes`, and for one read of more than 4 MiB. `check` may raise to cancel.
    """

    def __init__(self, stream: IO[bytes], *, limit_bytes: int, check: Callable[[], None]) -> None:
        self._stream = stream
        self._left = limit_bytes
        self._check = check
        self._position = 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        if size > MAX_READ_BYTES:
            raise TooMuchError
        found = bytearray()
        while len(found) < size:
            piece = self._next(size - len(found))
            if not piece:
                break
            found += piece
        return bytes(found)

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        """Skip to a place ahead, or to the end. ValueError for one behind: nothing is kept."""
        if position < self._position:
            raise ValueError("this stream cannot go back")
        while self._position < position and self._next(min(_SKIP_BYTES, position - self._position)):
            pass
        return self._position

    def _next(self, size: int) -> bytes:
        self._check()
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise TooMuchError
        self._position += len(piece)
        return piece


class PositionedFile(io.RawIOBase):
    """A descriptor's file, read at a place of its own: the descriptor's own offset does not move. It is not closed.

    Raises `TooMuchError` for one read of more than 4 MiB, such as a zip's directory of a forged length.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        if start + offset < 0:
            raise ValueError("before the start of the file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # every buffer that io hands in is one
        if len(buffer) > MAX_READ_BYTES:
            raise TooMuchError
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count
