"""P10, bytes: wall time grows with the source, memory does not. (The artifacts of P10 are in `many`.)"""

from __future__ import annotations

from pathlib import Path

from tests.benchmark.cases import Scale
from tests.benchmark.fleet import fresh_name, python, sink_fleet
from tests.benchmark.results import Point, Results
from tests.benchmark.samples import write_sample

BYTES, BYTES_SIMPLE, ARTIFACTS = "bytes", "bytes, simple script", "artifacts"

_SIMPLE_UP_TO = 512 << 20
"""The simple script holds everything in memory several times, and needs 40 s a GiB."""


def run(results: Results, scale: Scale, folder: Path) -> None:
    with sink_fleet(folder) as fleet:
        for size in scale.growing_bytes:
            source = write_sample(folder / "growing.bin", "fp16", size)
            one = fleet.publish("apply", fleet.manifest([source], name=fresh_name("bytes")))
            results.points.append(Point(BYTES, size, one.wall_s, one.peak_mib))
            if size <= _SIMPLE_UP_TO:
                other = fleet.run(python("tests.benchmark.baselines.simple", fresh_name("simple"), source))
                results.points.append(Point(BYTES_SIMPLE, size, other.wall_s, other.peak_mib))
            source.unlink()


def judge(results: Results) -> None:
    """Compare what one more byte or artifact costs at the end of each series and before, and the memory.

    Needs three points: the costs of starting are in all of them.
    """
    for series in (BYTES, ARTIFACTS):
        points = [point for point in results.points if point.series == series]
        if len(points) < 3:
            continue
        steeper = _slope(*points[-2:]) / _slope(*points[-3:-1])
        results.limit("P10", f"{series}: the last ones against those before", measured=steeper, at_most=1.5, unit="x")
        grown = points[-1].peak_mib / max(point.peak_mib for point in points[:-1])
        results.limit("P10", f"{series}: peak memory, most against fewer", measured=grown, at_most=1.25, unit="x")


def _slope(sooner: Point, later: Point) -> float:
    """Return the seconds for one more, never nothing: the clock is noisy where there is little to do."""
    return max(1e-12, later.wall_s - sooner.wall_s) / (later.x - sooner.x)
