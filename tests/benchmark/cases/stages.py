"""What bounds P3 and P5: the stages that a large artifact passes, each alone, on one core, in seconds a GiB of source.

Their sum is what publishing cannot do without, whoever does it: two cores need half of it, if neither ever waits.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from publisher.model import Compression
from publisher.sealing.checksums import crc32_function
from publisher.sealing.compress import BLOCK_BYTES, DICTIONARY_BYTES, compressor_for, deflate_pieces, stored_size
from publisher.sealing.encrypt import OVERHEAD_BYTES, Encryption
from publisher.sealing.format import derive_iv, new_data_key
from publisher.sealing.parts import PartBuffers, PartWriter
from tests.benchmark.cases import Scale
from tests.benchmark.fleet import printing_server
from tests.benchmark.measuring import Run, Typical, cpu_of, typical
from tests.benchmark.results import Results
from tests.benchmark.samples import write_sample

_PART_BYTES = 16 << 20


def run(results: Results, scale: Scale, folder: Path) -> None:
    with printing_server("tests.benchmark.sink", folder=folder) as (sink, endpoint):
        for kind in ("fp16", "tar"):
            source = write_sample(folder / f"{kind}.bin", kind, scale.stage_bytes)
            before = cpu_of(sink.process.pid)
            rounds = [_measured(source, endpoint) for _ in range(scale.rounds)]
            served = (cpu_of(sink.process.pid) - before) / scale.rounds * 2**30 / scale.stage_bytes
            source.unlink()
            medians = {f"stage: {name}": typical([found[name] for found in rounds]) for name in rounds[0]}
            results.add("stages", f"{kind}, for 1 GiB", medians)
            total = sum(each.cpu_s for each in medians.values())
            results.add("stages", f"{kind}, for 1 GiB", {"all stages, on one core": Typical(total, total, 0, 1)})
            results.notes.append(f"{kind}: the sink used {served:.2f} CPU-seconds to take 1 GiB, on the same two cores")


def _measured(source: Path, endpoint: str) -> dict[str, Run]:
    """Return what each stage takes for this file, scaled to a GiB. The input of each is made before it."""
    size = source.stat().st_size
    update_crc32, compressor, key = crc32_function(), compressor_for(Compression.FAST), new_data_key()
    found: dict[str, Run] = {}

    def stage(name: str, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        scale = 2**30 / size
        found[name] = Run((time.perf_counter() - wall) * scale, (time.process_time() - cpu) * scale, 0)

    buffer = memoryview(bytearray(BLOCK_BYTES))
    stage("read the file", lambda: _read(source, buffer))
    whole = memoryview(source.read_bytes())
    blocks = [whole[start : start + BLOCK_BYTES] for start in range(0, size, BLOCK_BYTES)]
    stage("SHA-256 of the source", lambda: _each(sha256().update, blocks))
    stage("CRC-32 of the source", lambda: _each(lambda block: update_crc32(block, 0), blocks))
    dictionaries = [whole[max(0, start - DICTIONARY_BYTES) : start] for start in range(0, size, BLOCK_BYTES)]
    pairs = list(zip(blocks, dictionaries, strict=True))

    def deflate(pair: tuple[memoryview, memoryview]) -> list[bytes | memoryview]:
        return deflate_pieces(*pair, compressor)

    # As in the pipeline: what malloc gives back once is kept, and results do not pile up.
    bytes(16 << 20)
    stage(f"deflate ({compressor.name})", lambda: _each(deflate, pairs))
    pieces = [deflate(pair) for pair in pairs]
    encryption = Encryption(key, derive_iv(key))
    out = memoryview(bytearray(stored_size(BLOCK_BYTES) + OVERHEAD_BYTES))
    stage("AES-256-CBC", lambda: _each(lambda block: encryption.update(block, out), pieces))
    sealed = [out[: sum(map(len, block))] for block in pieces]
    stage("SHA-256 of the object", lambda: _each(sha256().update, sealed))
    parts = PartWriter(_PART_BYTES, buffers=PartBuffers(2), ship=lambda part: part.release(), digests=["crc32"])
    stage("collect parts, with their CRC-32", lambda: _each(parts.write, sealed))
    stage("send the parts", lambda: _send(endpoint, sum(map(len, sealed))))
    return found


def _each(work: Callable[..., object], inputs: Iterable[object]) -> None:
    for each in inputs:
        work(each)


def _read(source: Path, buffer: memoryview) -> None:
    with source.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _send(endpoint: str, size: int) -> None:
    line = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    part = memoryview(bytearray(_PART_BYTES))
    for start in range(0, size, _PART_BYTES):
        line.request("PUT", "/bench/part", body=part[: min(_PART_BYTES, size - start)])
        line.getresponse().read()
    line.close()
