"""Sealing: what comes out, in which pieces, and what is known afterwards."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
import tracemalloc
import zlib

import pytest

from publisher.model import Compression, DataKey
from publisher.sealing.compress import BLOCK_BYTES, BlockCompressor, isal_compressor, zlib_compressor
from publisher.sealing.format import sealed_size
from publisher.sealing.seal import seal
from tests.unit.sealing.samples import ALL_LEVELS, KEY, MIB, mixed, noise, seal_bytes, text, unseal_bytes

COMPRESSORS = [compressor for compressor in (isal_compressor(), zlib_compressor(1)) if compressor]


@pytest.mark.parametrize("compression", ALL_LEVELS)
@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MIB + 17])
def test_sizes_and_digests_describe_both_sides(compression: Compression, size: int) -> None:
    """Size and SHA-256 of the source and of the object, and the object's MD5, come out of the same pass."""
    source = mixed(size)

    data, sealed = seal_bytes(source, compression=compression)

    assert (sealed.source_size, sealed.source_sha256.hex) == (size, hashlib.sha256(source).hexdigest())
    assert (sealed.object_size, sealed.object_sha256.hex) == (len(data), hashlib.sha256(data).hexdigest())
    assert sealed.object_md5 == hashlib.md5(data).digest()


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda compressor: compressor.name)
@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES])
def test_gzip_is_one_plain_member(compressor: BlockCompressor, size: int) -> None:
    """The content is exactly one gzip member without name, time or other flags, for every compressor."""
    source = mixed(size)
    member = unseal_bytes([seal_bytes(source, compressor=compressor)[0]], compression="none")
    stream = zlib.decompressobj(31)

    assert member[:10] == bytes.fromhex("1f8b0800000000000003")
    assert stream.decompress(member) == source
    assert stream.eof
    assert stream.unused_data == b""


def test_uncompressed_content_is_the_source() -> None:
    """With compression `none` only the cipher stands between source and object, whatever compressor is at hand."""
    source = noise(2 * BLOCK_BYTES + 5)

    data, sealed = seal_bytes(source, compression=Compression.NONE, compressor=zlib_compressor(1))

    assert sealed.object_size == len(data) == sealed_size(len(source))
    assert unseal_bytes([data], compression="none") == source


@pytest.mark.parametrize("compression", ALL_LEVELS)
def test_sealing_is_repeatable(compression: Compression) -> None:
    """The same source and key give the same bytes, however many workers there are and however the source is cut."""
    source = mixed(3 * MIB + 5)
    expected, _ = seal_bytes(source, compression=compression)

    for workers, step in ((1, 100_003), (3, MIB), (2, 1 << 30)):
        stream, out = io.BytesIO(source), io.BytesIO()

        def read_short(into: memoryview, stream: io.BytesIO = stream, step: int = step) -> int:
            return stream.readinto(into[:step])

        seal(read_short, out.write, key=KEY, compression=compression, workers=workers)
        assert out.getvalue() == expected


@pytest.mark.parametrize("compression", ALL_LEVELS)
def test_a_small_source_takes_small_buffers(compression: Compression) -> None:
    """What is known to be small is sealed without the two buffers of a whole block, which cost more than sealing it."""
    source = noise(65_536)
    seal_bytes(source, compression=compression)
    peaks: list[int] = []

    for expected_bytes in (None, len(source)):
        tracemalloc.start()
        try:
            seal_bytes(source, compression=compression, expected_bytes=expected_bytes)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()

    assert peaks[0] - peaks[1] > 3 * BLOCK_BYTES // 2


def test_another_key_makes_other_bytes() -> None:
    """Two keys give objects that share neither IV nor ciphertext."""
    source = text(1000)
    first, _ = seal_bytes(source, key=DataKey(b"a" * 32))
    second, _ = seal_bytes(source, key=DataKey(b"b" * 32))

    assert first[:16] != second[:16]
    assert first[16:32] != second[16:32]


def test_small_sources_need_no_thread() -> None:
    """A source below one block is sealed in the caller's thread."""
    writers: set[int] = set()

    seal(
        io.BytesIO(text(BLOCK_BYTES - 1)).readinto,
        lambda _: writers.add(threading.get_ident()),
        key=KEY,
        compression=Compression.FAST,
    )

    assert writers == {threading.get_ident()}


def test_pieces_are_bounded_and_never_empty() -> None:
    """`write` never gets nothing, and never much more than a block."""
    sizes: list[int] = []

    seal(
        io.BytesIO(noise(4 * BLOCK_BYTES)).readinto,
        lambda piece: sizes.append(len(piece)),
        key=KEY,
        compression=Compression.FAST,
    )

    assert min(sizes) > 0
    assert max(sizes) <= BLOCK_BYTES + 1024


def test_progress_adds_up_and_cancellation_is_asked_often() -> None:
    """`progress` gets every source byte once; `check` is asked at least once per MiB."""
    source = text(5 * MIB + 3)
    counted: list[int] = []
    asked: list[None] = []

    seal(
        io.BytesIO(source).readinto,
        lambda _: None,
        key=KEY,
        compression=Compression.FAST,
        check=lambda: asked.append(None),
        progress=counted.append,
    )

    assert sum(counted) == len(source)
    assert len(asked) >= 6


def test_reading_runs_ahead_by_a_few_blocks_only() -> None:
    """A slow `write` holds the reader back: what is in memory does not depend on the source's size."""
    source, read, written, leads = noise(24 * MIB), [0], [0], []
    stream = io.BytesIO(source)

    def read_into(into: memoryview) -> int:
        count = stream.readinto(into)
        read[0] += count
        return count

    def write_slowly(piece: memoryview) -> None:
        hashlib.pbkdf2_hmac("sha256", b"slow", b"salt", 20_000)
        leads.append(read[0] - written[0])
        written[0] += len(piece)

    seal(read_into, write_slowly, key=KEY, compression=Compression.FAST, workers=2)

    assert max(leads) <= 8 * MIB


def test_md5_is_optional_and_works_where_policy_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """MD5 is declared as not used for security, as FIPS policies ask, and is not computed where nobody needs it."""
    real = hashlib.md5

    def under_fips(data: bytes = b"", *, usedforsecurity: bool = True) -> object:
        if usedforsecurity:
            raise ValueError("disabled for FIPS")
        return real(data, usedforsecurity=False)

    monkeypatch.setattr(hashlib, "md5", under_fips)
    data, sealed = seal_bytes(b"x")
    without = seal(io.BytesIO(b"x").readinto, lambda _: None, key=KEY, compression=Compression.FAST, content_md5=False)

    assert sealed.object_md5 == real(data, usedforsecurity=False).digest()
    assert without.object_md5 == b""
    assert without.object_sha256 == sealed.object_sha256


@pytest.mark.parametrize("compression", [Compression.FAST, Compression.BEST])
def test_python_gzip_reads_the_content(compression: Compression) -> None:
    """The standard library's gzip module reads what either level wrote."""
    source = mixed(2 * MIB + 1)
    data, _ = seal_bytes(source, compression=compression)

    assert gzip.decompress(unseal_bytes([data], compression="none")) == source
