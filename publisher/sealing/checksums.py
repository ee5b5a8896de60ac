"""CRC-32 by the fastest implementation at hand: ISA-L's runs at memory speed, so a checksum costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from publisher.sealing.vectors import clear_vector_registers

Crc32 = Callable[[bytes | bytearray | memoryview, int], int]
"""Continue a CRC-32 (that of zlib and gzip, RFC 1952) over more bytes; it begins with 0."""


@cache
def crc32_function() -> Crc32:
    """Return ISA-L's CRC-32, or the standard library's where the package is not installed."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib.crc32

    def crc32(data: bytes | bytearray | memoryview, start: int) -> int:
        value = isal_zlib.crc32(data, start)
        clear_vector_registers()
        return value

    return crc32
