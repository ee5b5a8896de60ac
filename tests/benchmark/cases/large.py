"""P1, P2, P3 and P5: one large artifact from file to registered row, against what people write without this project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmark.baselines.pipelines import ShellPipeline, shell_pipeline
from tests.benchmark.cases import Scale
from tests.benchmark.fleet import Fleet, fresh_name, python, sink_fleet
from tests.benchmark.measuring import Run, Typical, alternate
from tests.benchmark.results import Results
from tests.benchmark.samples import write_sample

OURS, SIMPLE, NOTHING = "publish apply", "simple script", "pipeline into nothing"


def run(results: Results, scale: Scale, folder: Path) -> None:
    """Alternate all contenders on weights and on a tar."""
    with sink_fleet(folder) as fleet:
        for kind in ("fp16", "tar"):
            source = write_sample(folder / f"{kind}.bin", kind, scale.large_bytes)
            _compare(results, fleet, kind, source, scale)
            source.unlink()


def _compare(results: Results, fleet: Fleet, kind: str, source: Path, scale: Scale) -> None:
    contenders: dict[str, Callable[[], Run]] = {
        OURS: lambda: fleet.publish("apply", fleet.manifest([source], name=fresh_name("ours"))),
        NOTHING: lambda: fleet.run(python("tests.benchmark.baselines.nothing", source)),
        SIMPLE: lambda: fleet.run(python("tests.benchmark.baselines.simple", fresh_name("simple"), source)),
    }
    shell = shell_pipeline(source, folder=fleet.folder, settings=fleet.settings, aws=scale.aws)
    if isinstance(shell, ShellPipeline):
        contenders[shell.name] = lambda: fleet.run(shell.command(fresh_name("shell")), shell.environment)
    before = fleet.cpu_s()
    medians = alternate(contenders, scale.rounds)
    results.notes.append(
        f"{kind}: the servers used {fleet.cpu_s() - before:.1f} CPU-seconds for all contenders together"
    )
    results.add("large", kind, medians)
    ours, gib = medians[OURS], scale.large_bytes / 2**30
    results.ratio(
        "P1", f"{kind}: against the simple script", ours=ours.wall_s, other=medians[SIMPLE].wall_s, at_least=15
    )
    if isinstance(shell, ShellPipeline):
        other: Typical = medians[shell.name]
        results.ratio("P2", f"{kind}: against {shell.name}", ours=ours.wall_s, other=other.wall_s, at_least=2.5)
    else:
        results.skipped("P2", f"{kind}: {shell}")
    wall = ours.wall_s / medians[NOTHING].wall_s
    results.limit("P3", f"{kind}: wall time against the pipeline into nothing", measured=wall, at_most=1.3, unit="x")
    results.limit("P4", f"{kind}: peak memory", measured=ours.peak_mib, at_most=200, unit="MiB")
    results.limit("P5", f"{kind}: processor time a GiB", measured=ours.cpu_s / gib, at_most=5, unit="s")
