"""P4: peak memory does not grow with the source, and is bounded with many artifacts in flight.

The huge source is a hole, published without compression: every byte is read, encrypted, hashed and sent.
"""

from __future__ import annotations

from pathlib import Path

from tests.benchmark.cases import Scale
from tests.benchmark.fleet import fresh_name, sink_fleet
from tests.benchmark.measuring import typical
from tests.benchmark.results import Results
from tests.benchmark.samples import write_sample, write_sparse

AT_ONCE = 8


def run(results: Results, scale: Scale, folder: Path) -> None:
    with sink_fleet(folder) as fleet:
        peaks = []
        for name, size in (("large", scale.large_bytes), ("huge", scale.huge_bytes)):
            source = write_sparse(folder / f"{name}.bin", size)
            one = fleet.publish("apply", fleet.manifest([source], name=fresh_name(name), compression="none"))
            results.add("memory", f"{size / 2**30:g} GiB, compression none", {"publish apply": typical([one])})
            peaks.append(one.peak_mib)
            source.unlink()
        results.limit("P4", f"{scale.huge_bytes / 2**30:g} GiB", measured=peaks[1], at_most=200, unit="MiB")
        results.limit(
            "P4", "growth from the large to the huge one", measured=peaks[1] / peaks[0], at_most=1.1, unit="x"
        )
        sources = [write_sample(folder / f"{number}.bin", "fp16", scale.parallel_bytes) for number in range(AT_ONCE)]
        manifest = fleet.manifest(sources, name=fresh_name("parallel"))
        many = fleet.publish("apply", manifest, "--jobs", str(AT_ONCE))
        results.add("memory", f"{AT_ONCE} artifacts at once", {"publish apply": typical([many])})
        results.limit("P4", f"{AT_ONCE} artifacts in flight", measured=many.peak_mib, at_most=400, unit="MiB")
