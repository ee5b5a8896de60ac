"""Deflate blocks that can be made apart and joined into one stream."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from publisher.model import Compression
from publisher.sealing.compress import (
    BLOCK_BYTES,
    DICTIONARY_BYTES,
    BlockCompressor,
    compressor_for,
    deflate_pieces,
    isal_compressor,
    stored_size,
    zlib_compressor,
    zlib_ng_compressor,
)
from publisher.sealing.format import DEFLATE_END
from tests.unit.sealing.samples import CONTENTS, mixed, noise, text

EMPTY = memoryview(b"")
ISAL = isal_compressor()
COMPRESSORS = [found for found in (ISAL, zlib_compressor(1), zlib_compressor(9), zlib_ng_compressor()) if found]
FAST, BEST = compressor_for(Compression.FAST), compressor_for(Compression.BEST)


def deflated(block: bytes, compressor: BlockCompressor, dictionary: memoryview = EMPTY) -> bytes:
    return b"".join(deflate_pieces(memoryview(block), dictionary, compressor))


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda compressor: compressor.name)
@pytest.mark.parametrize("content", CONTENTS)
def test_blocks_joined_are_one_stream(compressor: BlockCompressor, content: str) -> None:
    """Blocks made on their own, each with the tail before it as dictionary, inflate as one raw stream."""
    source = CONTENTS[content](200_000)
    first, second = source[:120_000], source[120_000:]

    joined = deflated(first, compressor) + deflated(second, compressor, memoryview(first)[-DICTIONARY_BYTES:])

    assert zlib.decompress(joined + DEFLATE_END, -15) == source


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda compressor: compressor.name)
def test_the_dictionary_is_used(compressor: BlockCompressor) -> None:
    """A block that repeats the one before shrinks to almost nothing."""
    block = noise(DICTIONARY_BYTES // 2)

    assert len(deflated(block, compressor, memoryview(block))) < len(block) // 10


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda compressor: compressor.name)
@pytest.mark.parametrize("size", [0, 1, 100, 65_535, 65_536, BLOCK_BYTES])
def test_noise_never_grows_beyond_stored_blocks(compressor: BlockCompressor, size: int) -> None:
    """Whatever the content, a block is at most five bytes in 64 KiB larger than it was."""
    assert len(deflated(noise(size), compressor)) <= stored_size(size)


def test_incompressible_blocks_are_not_compressed() -> None:
    """A block of noise costs the compressor a sample of a few kilobytes, not the whole block."""
    asked: list[int] = []

    class Counting:
        def compress(self, data: memoryview) -> bytes:
            asked.append(len(data))
            return bytes(data)

        def flush(self, mode: int) -> bytes:
            return b""

    counting = BlockCompressor(name="counting", open=lambda _: Counting())

    assert len(deflated(noise(BLOCK_BYTES), counting)) == stored_size(BLOCK_BYTES)
    assert sum(asked) <= BLOCK_BYTES // 32


def test_the_sample_is_taken_all_over_the_block() -> None:
    """A block that only begins like noise is compressed."""
    head = noise(BLOCK_BYTES // 10)

    assert len(deflated(head + text(BLOCK_BYTES - len(head)), zlib_compressor(1))) < BLOCK_BYTES // 2


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda compressor: compressor.name)
def test_stored_and_compressed_blocks_mix(compressor: BlockCompressor) -> None:
    """Stored and compressed blocks stand in one stream in any order."""
    blocks = [noise(100_000), text(100_000), bytes(100_000), noise(70_000, 2), mixed(50_000)]

    joined = b"".join(deflated(block, compressor) for block in blocks)

    assert zlib.decompress(joined + DEFLATE_END, -15) == b"".join(blocks)


def weights(count: int) -> bytes:
    """Return half-precision numbers as a model has them."""
    draw = random.Random(3)
    return struct.pack(f"<{count}e", *(draw.gauss(0, 0.02) for _ in range(count)))


@pytest.mark.parametrize("source", [text(BLOCK_BYTES), weights(100_000), noise(100_000), b""], ids=len)
def test_the_stronger_choice_is_never_larger(source: bytes) -> None:
    """Whatever the content, `best` makes no block larger than `fast` does, and text smaller."""
    best, fast = len(deflated(source, BEST)), len(deflated(source, FAST))

    assert best < fast if source == text(BLOCK_BYTES) else best <= fast


def test_there_is_no_compressor_for_none() -> None:
    """Asking for one is a mistake of the caller."""
    with pytest.raises(ValueError, match="none"):
        compressor_for(Compression.NONE)
