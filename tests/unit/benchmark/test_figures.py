"""How figures are measured and shown."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmark.cases.growth import judge
from tests.benchmark.measuring import FailedRunError, Run, alternate, measure, typical
from tests.benchmark.plot import svg
from tests.benchmark.results import Point, Results
from tests.benchmark.samples import KINDS, MIB, write_sample
from tests.benchmark.table import table
from tests.support.command import bare_environment

CHILDREN = """
import subprocess, sys
inner = "data = bytearray(b'x') * (40 << 20); sum(range(3_000_000))"
subprocess.run([sys.executable, "-c", f"import subprocess, sys; held = bytearray(b'y') * (40 << 20); {inner}"])
"""


def test_a_whole_tree_of_processes_is_measured(tmp_path: Path) -> None:
    """Memory and processor time of children count."""
    run = measure([sys.executable, "-c", CHILDREN], environment=bare_environment(tmp_path), folder=tmp_path)

    assert run.peak_mib > 80
    assert run.cpu_s > 0
    assert run.wall_s > 0


def test_a_failed_run_has_no_figures(tmp_path: Path) -> None:
    """A command that fails is an error with what it said, never a fast run."""
    with pytest.raises(FailedRunError, match="broken"):
        measure([sys.executable, "-c", "raise SystemExit('broken')"], environment={}, folder=tmp_path)


def test_contenders_take_turns() -> None:
    """A B A B, and the median counts."""
    order: list[str] = []
    walls = iter([1.0, 10.0, 5.0, 30.0, 2.0, 20.0])

    def contender(name: str) -> Run:
        order.append(name)
        return Run(next(walls), 0, 0)

    medians = alternate({"a": lambda: contender("a"), "b": lambda: contender("b")}, rounds=3)

    assert order == ["a", "b"] * 3
    assert (medians["a"].wall_s, medians["b"].wall_s) == (2.0, 20.0)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_samples_have_their_size(kind: str, tmp_path: Path) -> None:
    """A sample is as long as it was asked for, also where its piece is shorter."""
    assert write_sample(tmp_path / "sample", kind, 5 * MIB + 3).stat().st_size == 5 * MIB + 3


def test_steep_growth_is_found() -> None:
    """Time that grows with the square of the size does not meet the goal, time that grows with it does."""
    straight, steep = Results(), Results()
    for size in (10, 100, 1000):
        straight.points.append(Point("bytes", size, 1 + size / 100, 50))
        steep.points.append(Point("bytes", size, size * size / 1000, 50))

    judge(straight)
    judge(steep)

    assert [finding.is_met for finding in straight.findings] == [True, True]
    assert [finding.is_met for finding in steep.findings] == [False, True]


def test_findings_are_shown() -> None:
    """The table holds each contender and each goal, and says which one is not met."""
    results = Results()
    results.add("large", "fp16", {"publish apply": typical([Run(2.5, 4.0, 100.0)])})
    results.ratio("P1", "against the simple script", ours=2.5, other=50.0, at_least=15)
    results.limit("P5", "processor time a GiB", measured=6.0, at_most=5, unit="s")
    results.skipped("P2", "no shell pipeline was measured: igzip not found")

    shown = table(results)

    assert "| fp16 | publish apply |" in shown
    assert "20.0x" in shown
    assert "**not met**" in shown
    assert "igzip not found" in shown


def test_the_plot_is_an_image() -> None:
    """The SVG is well-formed, and has a dot for each point of all series."""
    results = Results()
    for size in (64 * MIB, 256 * MIB, 1024 * MIB):
        results.points.append(Point("bytes", size, size / MIB / 400, 100))
    for count in (10, 100):
        results.points.append(Point("artifacts", count, count / 100, 100))

    drawn = ET.fromstring(svg(results))

    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 5
