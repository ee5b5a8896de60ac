"""Undo exactly one gzip member, in bounded pieces.

Refuses what a device's zlib might read differently: a cut member, bytes after it, a second member.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol, cast

from publisher.errors import DamagedObjectError
from publisher.sealing.vectors import clear_vector_registers

_PIECE_BYTES: Final = 1 << 18
_GZIP_ONLY: Final = 31
_FLAGS_AT: Final = 3


class _InflateStream(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Inflater:
    """One inflate implementation: `open` starts reading a gzip member, `error` is what it raises for bad data."""

    name: str
    open: Callable[[], _InflateStream]
    error: type[Exception]


def zlib_inflater() -> Inflater:
    """Return the standard library's implementation."""
    return Inflater(name="zlib", open=lambda: zlib.decompressobj(_GZIP_ONLY), error=zlib.error)


def isal_inflater() -> Inflater | None:
    """Return ISA-L's implementation, or None where the package is not installed."""
    try:
        from isal import igzip_lib, isal_zlib
    except ImportError:
        return None
    error = cast("type[Exception]", igzip_lib.IsalError)  # its stub calls the class an instance
    return Inflater(name="isal", open=lambda: isal_zlib.decompressobj(_GZIP_ONLY), error=error)


def gunzip(pieces: Iterable[bytes], inflater: Inflater) -> Iterator[bytes]:
    """Yield the content of the one gzip member that `pieces` are, 256 KiB at most at a time.

    Keep `pieces` small: what the output bound leaves of one is copied. Raises `DamagedObjectError` for anything that is
    not one complete member and nothing else, also for a wrong checksum; what was yielded before is then worthless.
    """
    source = iter(pieces)
    head = _head(source)
    if head[_FLAGS_AT : _FLAGS_AT + 1] != b"\x00":
        # ISA-L misreads optional header fields that end in another piece than they began; sealing writes none.
        inflater = zlib_inflater()
    stream = inflater.open()
    for piece in chain([head], source):
        if stream.eof and piece:
            raise DamagedObjectError("the object holds bytes after its gzip member")
        yield from _inflated(stream, piece, inflater.error)
        if stream.unused_data:
            raise DamagedObjectError("the object holds bytes after its gzip member")
    if not stream.eof:
        raise DamagedObjectError("the object's gzip member is cut short")


def _head(source: Iterator[bytes]) -> bytes:
    head = b""
    while len(head) <= _FLAGS_AT and (piece := next(source, None)) is not None:
        head += piece
    return head


def _inflated(stream: _InflateStream, piece: bytes, error: type[Exception]) -> Iterator[bytes]:
    while not stream.eof:
        try:
            out = stream.decompress(piece, _PIECE_BYTES)
        except error as cause:
            raise DamagedObjectError("the object's content is not a valid gzip member") from cause
        clear_vector_registers()
        if out:
            yield out
        piece = stream.unconsumed_tail
        if not piece and len(out) < _PIECE_BYTES:
            return
