"""Sources of known compressibility and short ways to seal and unseal bytes in memory."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable
from functools import cache

from publisher.model import Compression, DataKey
from publisher.sealing.compress import BlockCompressor
from publisher.sealing.inflate import Inflater
from publisher.sealing.seal import Sealed, seal
from publisher.sealing.unseal import unseal

KEY = DataKey(bytes(range(32)))
MIB = 1 << 20

ALL_LEVELS = list(Compression)


def noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that no compressor shrinks; the same for the same seed."""
    return random.Random(seed).randbytes(size)


def text(size: int) -> bytes:
    """Return bytes that shrink well and do not repeat within deflate's window."""
    return _lines(-(-size // (4 * MIB)))[:size]


def mixed(size: int) -> bytes:
    """Return stretches of text, noise and zeros; none ends where a block does."""
    stretch = 300_001
    parts: list[bytes] = []
    while len(parts) * stretch < size:
        kind = len(parts) % 3
        parts.append((text(stretch), noise(stretch, len(parts)), bytes(stretch))[kind])
    return b"".join(parts)[:size]


@cache
def _lines(units: int) -> bytes:
    count = units * 4 * MIB // 20
    return b"".join(b"layer.%06d.weight = %d\n" % (n, n * n) for n in range(count + 1))


CONTENTS: dict[str, Callable[[int], bytes]] = {"text": text, "noise": noise, "mixed": mixed, "zeros": bytes}


def seal_bytes(
    source: bytes,
    *,
    compression: Compression = Compression.FAST,
    key: DataKey = KEY,
    compressor: BlockCompressor | None = None,
    expected_bytes: int | None = None,
) -> tuple[bytes, Sealed]:
    """Return the sealed object and what sealing learned."""
    out = io.BytesIO()
    sealed = seal(
        io.BytesIO(source).readinto,
        out.write,
        key=key,
        compression=compression,
        compressor=compressor,
        expected_bytes=expected_bytes,
    )
    return out.getvalue(), sealed


def unseal_bytes(
    chunks: Iterable[bytes],
    *,
    compression: str = "gzip",
    key: DataKey = KEY,
    limit_bytes: int | None = None,
    inflater: Inflater | None = None,
) -> bytes:
    """Return what is in an object given in chunks."""
    out = io.BytesIO()
    opened = unseal(chunks, out.write, key=key, compression=compression, limit_bytes=limit_bytes, inflater=inflater)
    assert opened.size_bytes == len(out.getvalue())
    return out.getvalue()


def cut(data: bytes, size: int) -> Iterable[bytes]:
    """Return `data` in pieces of `size` bytes, the last one shorter."""
    return (data[start : start + size] for start in range(0, len(data), size))
