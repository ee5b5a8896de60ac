"""Deflate in independent blocks that, put one after the other, are one deflate stream.

Each block ends on a byte (sync flush or stored), so blocks can be made by several threads and joined without a bit
shifted; each sees the 32 KiB before it as a dictionary, so little is lost by cutting. Blocks that a cheap sample shows
to be incompressible are stored as they are. Nothing here knows of threads, files or ciphers.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from publisher.model import Compression
from publisher.sealing.vectors import clear_vector_registers

BLOCK_BYTES: Final = 1 << 20
DICTIONARY_BYTES: Final = 1 << 15
"""The farthest that deflate can look back. Source: RFC 1951, section 2."""

Piece = bytes | memoryview

_STORED_BYTES: Final = 0xFFFF
_STORED_HEADER: Final = struct.Struct("<BHH")
_SAMPLES: Final = 8
_SAMPLE_BYTES: Final = 2048
_WORTH_COMPRESSING: Final = 0.98
"""Half-precision weights shrink to 0.92; encrypted and compressed data to 1.00."""

_ISAL_LEVEL: Final = 2
"""Levels 1 and 2 cost the same; 3 takes three times as long for 1 %; 0 expands model weights by a quarter."""

_ISAL_MEMORY: Final = 9
"""The largest. The default, 8, takes 5 % longer on weights for 0.01 % more bytes, and 2 % on tars for 0.7 % fewer."""

_RAW_DEFLATE: Final = -15


class _DeflateStream(Protocol):
    def compress(self, data: memoryview, /) -> bytes: ...
    def flush(self, mode: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class BlockCompressor:
    """One deflate implementation at one level. `open` starts a raw stream that has seen the given dictionary.

    With a `rival`, each block is compressed by both, and the smaller result counts.
    """

    name: str
    open: Callable[[memoryview], _DeflateStream]
    rival: BlockCompressor | None = None

    def deflate(self, block: memoryview, dictionary: memoryview) -> list[bytes]:
        """Return the pieces of `block` as deflate blocks, none of them the last, that end on a byte."""
        stream = self.open(dictionary)
        pieces = [stream.compress(block), stream.flush(zlib.Z_SYNC_FLUSH)]
        clear_vector_registers()
        if self.rival is None:
            return pieces
        return min(pieces, self.rival.deflate(block, dictionary), key=lambda result: sum(map(len, result)))


def zlib_compressor(level: int) -> BlockCompressor:
    """Return the standard library's compressor, levels 1 (fast) to 9 (small)."""

    def start(dictionary: memoryview) -> _DeflateStream:
        return zlib.compressobj(level, zlib.DEFLATED, _RAW_DEFLATE, 9, zlib.Z_DEFAULT_STRATEGY, dictionary)

    return BlockCompressor(name=f"zlib-{level}", open=start)


def isal_compressor() -> BlockCompressor | None:
    """Return ISA-L's compressor, about ten times as fast as zlib, or None where the package is not installed."""
    try:
        from isal import isal_zlib
    except ImportError:
        return None

    def start(dictionary: memoryview) -> _DeflateStream:
        return isal_zlib.compressobj(
            _ISAL_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, _ISAL_MEMORY, zlib.Z_DEFAULT_STRATEGY, dictionary
        )

    return BlockCompressor(name=f"isal-{_ISAL_LEVEL}", open=start)


def zlib_ng_compressor() -> BlockCompressor | None:
    """Return zlib-ng's strongest level, smaller than zlib's and four times as fast; None without the package."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return None

    def start(dictionary: memoryview) -> _DeflateStream:
        return zlib_ng.compressobj(9, zlib.DEFLATED, _RAW_DEFLATE, 9, zlib.Z_DEFAULT_STRATEGY, dictionary)

    return BlockCompressor(name="zlib-ng-9", open=start)


def compressor_for(compression: Compression) -> BlockCompressor:
    """Return the best compressor on this machine for `fast` or `best`; ValueError for `none`."""
    match compression:
        case Compression.FAST:
            return isal_compressor() or zlib_compressor(1)
        case Compression.BEST:
            # Weights shrink more under ISA-L than under any stronger one.
            return replace(zlib_ng_compressor() or zlib_compressor(9), rival=isal_compressor())
        case Compression.NONE:
            raise ValueError("no compressor is needed for compression none")


def deflate_pieces(block: memoryview, dictionary: memoryview, compressor: BlockCompressor) -> list[Piece]:
    """Return the pieces whose concatenation is `block` in deflate, whichever is smaller: compressed or stored.

    Pieces of stored blocks are views into `block`: they hold as long as its buffer is not reused.
    """
    if _looks_incompressible(block, compressor):
        return _stored_pieces(block)
    deflated = compressor.deflate(block, dictionary)
    return [*deflated] if sum(map(len, deflated)) <= stored_size(len(block)) else _stored_pieces(block)


def stored_size(size: int) -> int:
    """Return the size in bytes of `size` bytes in stored blocks; no result of `deflate_pieces` is larger."""
    return size + _STORED_HEADER.size * -(-size // _STORED_BYTES)


def _looks_incompressible(block: memoryview, compressor: BlockCompressor) -> bool:
    """Try eight short samples. What repeats only over long distances is missed: that costs size, never correctness."""
    if len(block) < 2 * _SAMPLES * _SAMPLE_BYTES:
        return False
    step = len(block) // _SAMPLES
    sample = b"".join(block[start : start + _SAMPLE_BYTES] for start in range(0, step * _SAMPLES, step))
    nothing = memoryview(b"")
    deflated = compressor.deflate(memoryview(sample), nothing)
    return sum(map(len, deflated)) >= _WORTH_COMPRESSING * len(sample)


def _stored_pieces(block: memoryview) -> list[Piece]:
    pieces: list[Piece] = []
    for start in range(0, len(block), _STORED_BYTES):
        part = block[start : start + _STORED_BYTES]
        pieces += (_STORED_HEADER.pack(0, len(part), len(part) ^ 0xFFFF), part)
    return pieces
