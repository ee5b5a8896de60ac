"""Round trips over arbitrary mixtures, sizes and cuts."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.model import Compression, DataKey
from publisher.sealing.compress import BLOCK_BYTES, BlockCompressor, isal_compressor, zlib_compressor
from publisher.sealing.inflate import Inflater, isal_inflater, zlib_inflater
from publisher.sealing.seal import seal
from tests.unit.sealing.samples import ALL_LEVELS, CONTENTS, cut, seal_bytes, unseal_bytes

COMPRESSORS = [compressor for compressor in (isal_compressor(), zlib_compressor(1)) if compressor]
INFLATERS = [inflater for inflater in (isal_inflater(), zlib_inflater()) if inflater]

near_blocks = st.builds(lambda n, d: max(0, n * BLOCK_BYTES + d), st.integers(0, 2), st.integers(-40_000, 40_000))
sizes = st.one_of(st.integers(0, 70_000), near_blocks)


@dataclass(frozen=True)
class Case:
    """One way to seal and open one mixture."""

    stretches: list[tuple[str, int]]
    key: bytes
    read_step: int
    chunk: int
    compressor: BlockCompressor | None
    inflater: Inflater
    workers: int


cases = st.builds(
    Case,
    stretches=st.lists(st.tuples(st.sampled_from(sorted(CONTENTS)), sizes), max_size=3),
    key=st.binary(min_size=32, max_size=32),
    read_step=st.integers(5_000, 2 * BLOCK_BYTES),
    chunk=st.integers(3_000, 2 * BLOCK_BYTES),
    compressor=st.sampled_from([None, *COMPRESSORS]),
    inflater=st.sampled_from(INFLATERS),
    workers=st.integers(1, 5),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=cases)
def test_what_was_sealed_opens_to_the_source(case: Case) -> None:
    """Any mixture of contents, read in any steps, opens to itself, cut anywhere; Python's gzip agrees."""
    source = b"".join(CONTENTS[kind](size) for kind, size in case.stretches)
    stream, out = io.BytesIO(source), io.BytesIO()
    compression = Compression.FAST if case.compressor else Compression.NONE
    data_key = DataKey(case.key)

    sealed = seal(
        lambda into: stream.readinto(into[: case.read_step]),
        out.write,
        key=data_key,
        compression=compression,
        compressor=case.compressor,
        workers=case.workers,
    )

    data = out.getvalue()
    content = unseal_bytes(cut(data, case.chunk), compression="none", key=data_key)
    opened = unseal_bytes(cut(data, case.chunk), compression=compression.wire, key=data_key, inflater=case.inflater)
    assert sealed.object_size == len(data)
    assert opened == source
    assert (gzip.decompress(content) if case.compressor else content) == source


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    stretches=st.lists(st.tuples(st.sampled_from(sorted(CONTENTS)), sizes), max_size=2),
    expected=st.one_of(st.integers(0, 70_000), near_blocks, st.just(1 << 40)),
    difference=st.one_of(st.none(), st.integers(-2, 2)),
    compression=st.sampled_from(ALL_LEVELS),
)
def test_the_expected_size_changes_no_byte(
    stretches: list[tuple[str, int]], expected: int, difference: int | None, compression: Compression
) -> None:
    """A source that is longer or shorter than was expected, by much or by a byte, gives the bytes it always gives."""
    source = b"".join(CONTENTS[kind](size) for kind, size in stretches)
    if difference is not None:
        expected = max(0, len(source) + difference)

    data, sealed = seal_bytes(source, compression=compression, expected_bytes=expected)

    assert (data, sealed) == seal_bytes(source, compression=compression)
