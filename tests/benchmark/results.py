"""What a benchmark found: contenders with their medians, and findings that say whether a goal is met."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmark.measuring import Typical

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Contender:
    """One line of a comparison: what was run on which data, and its medians."""

    case: str
    data: str
    name: str
    typical: Typical


@dataclass(frozen=True, slots=True)
class Finding:
    """One goal: what was measured, what it should be, and whether it is; None where nothing was measured."""

    goal: str
    what: str
    measured: str
    wanted: str
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a growing series: `x` bytes or artifacts."""

    series: str
    x: int
    wall_s: float
    peak_mib: float


@dataclass(slots=True)
class Results:
    """Everything one invocation found."""

    contenders: list[Contender] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, case: str, data: str, medians: Mapping[str, Typical]) -> None:
        self.contenders += [Contender(case, data, name, typical) for name, typical in medians.items()]

    def ratio(self, goal: str, what: str, *, ours: float, other: float, at_least: float) -> None:
        """Note how many times faster ours is than the other."""
        faster = other / ours
        self.findings.append(Finding(goal, what, f"{faster:.1f}x", f"at least {at_least:g}x", faster >= at_least))

    def limit(self, goal: str, what: str, *, measured: float, at_most: float, unit: str) -> None:
        shown = f"{measured:.0f}" if measured >= 100 else f"{measured:.2f}"
        self.findings.append(Finding(goal, what, f"{shown} {unit}", f"at most {at_most:g} {unit}", measured <= at_most))

    def skipped(self, goal: str, why: str) -> None:
        self.findings.append(Finding(goal, why, "-", "-", None))


def to_json(results: Results) -> dict[str, Any]:
    return {"format": "publisher/benchmark", "format_version": FORMAT_VERSION, "machine": machine(), **asdict(results)}


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model, flags = "", set[str]()
    for line in _lines(Path("/proc/cpuinfo")):
        name, _, value = line.partition(":")
        model = value.strip() if name.strip() == "model name" else model
        flags |= set(value.split()) if name.strip() in {"flags", "Features"} else set()
    return {
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": sorted(flags & {"aes", "sha_ni", "vaes", "avx512f", "avx2", "sha2", "pmull"}),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "arguments": sys.argv[1:],
    }


def _lines(path: Path) -> Sequence[str]:
    return path.read_text().splitlines() if path.exists() else ()
