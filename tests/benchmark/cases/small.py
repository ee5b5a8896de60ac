"""P6: a thousand small artifacts to a real store and a real registry, at hand and 5 ms away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from tests.benchmark.cases import Scale
from tests.benchmark.fleet import Fleet, fleet_settings, fresh_name, printing_server, python
from tests.benchmark.measuring import Run, Typical, alternate
from tests.benchmark.results import Results
from tests.benchmark.samples import write_sample
from tests.support.s3_servers import running_seaweedfs

OURS, SIMPLE = "publish apply", "simple script"
SAME, LEAST = "the same requests, 8 threads", "the least requests, 8 threads"

_FILE_BYTES = 64 * 1024
_AWAY_MS = 5
_JOBS = 16
_JOBS_AWAY = 32
"""More than at hand: each waits for answers most of the time."""


def run(results: Results, scale: Scale, folder: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(running_seaweedfs())
        registry, url = stack.enter_context(
            printing_server("tests.support.admin_api", "--lookup", "list", folder=folder)
        )
        at_hand = Fleet(
            folder,
            fleet_settings(store.endpoint, store.new_bucket(), url),
            {"registry": registry, "store": store.server},
        )
        files = [write_sample(folder / f"{number}.bin", "fp16", _FILE_BYTES) for number in range(scale.small_files)]
        at_hand.warm_up()
        count = len(files)
        served = Served(at_hand)
        near = alternate(served.watched(_contenders(at_hand, files, _JOBS)), scale.rounds)
        results.notes += served.notes(count)
        results.add("small", f"{count:,} artifacts of 64 KiB", near)
        ours = near[OURS]
        results.ratio("P6", "against the simple script", ours=ours.wall_s, other=near[SIMPLE].wall_s, at_least=3)
        wall = ours.wall_s / near[SAME].wall_s
        results.limit("P6", "wall time against the same requests, bare", measured=wall, at_most=1.5, unit="x")
        each_ms = ours.cpu_s / count * 1000
        results.limit("P6", "processor time an artifact", measured=each_ms, at_most=3.5, unit="ms")
        far = _five_ms_away(stack, at_hand, files, scale)
        results.add("small", f"{count:,} artifacts of 64 KiB, {_AWAY_MS} ms away", far)
        results.ratio(
            "P6",
            f"against the simple script, {_AWAY_MS} ms away",
            ours=far[OURS].wall_s,
            other=far[SIMPLE].wall_s,
            at_least=10,
        )


def _five_ms_away(stack: ExitStack, fleet: Fleet, files: list[Path], scale: Scale) -> dict[str, Typical]:
    settings = dict(fleet.settings)
    for name in ("S3_ENDPOINT", "ADMIN_API_URL"):
        inner = fleet.folder / name
        inner.mkdir()
        arguments = (settings[name], str(_AWAY_MS))
        _, settings[name] = stack.enter_context(
            printing_server("tests.benchmark.slow_network", *arguments, folder=inner)
        )
    away = replace(fleet, settings=settings)
    away.warm_up()
    return alternate(_contenders(away, files, _JOBS_AWAY), max(1, scale.rounds - 1))


class Served:
    """What the servers used for each contender: they run on the same cores."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._used: dict[str, list[float]] = {}

    def watched(self, contenders: Mapping[str, Callable[[], Run]]) -> dict[str, Callable[[], Run]]:
        return {name: partial(self._watch, name, contender) for name, contender in contenders.items()}

    def notes(self, count: int) -> list[str]:
        return [
            f"store and registry used {median(used) / count * 1000:.1f} ms of processor time an artifact for: {name}"
            for name, used in self._used.items()
        ]

    def _watch(self, name: str, contender: Callable[[], Run]) -> Run:
        before = self._fleet.cpu_s()
        run = contender()
        self._used.setdefault(name, []).append(self._fleet.cpu_s() - before)
        return run


def _contenders(fleet: Fleet, files: list[Path], jobs: int) -> dict[str, Callable[[], Run]]:
    bare, simple = "tests.benchmark.baselines.bare", "tests.benchmark.baselines.simple"

    def ours() -> Run:
        fleet.forget_rows()
        return fleet.publish("apply", fleet.manifest(files, name=fresh_name("small")), "--jobs", str(jobs))

    def requests(which: str) -> Run:
        fleet.forget_rows()
        return fleet.run(python(bare, fresh_name("bare"), str(len(files)), str(_FILE_BYTES), which))

    def simply() -> Run:
        fleet.forget_rows()
        return fleet.run(python(simple, fresh_name("simple"), *files))

    return {OURS: ours, SAME: lambda: requests("same"), LEAST: lambda: requests("least"), SIMPLE: simply}
