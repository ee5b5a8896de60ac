"""Run cases, print a table, write JSON and a plot: `python -m tests.benchmark [CASES...] --json FILE`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmark.cases import QUICK, Scale, growth, large, many, memory, small, stages, startup
from tests.benchmark.plot import svg
from tests.benchmark.results import Results, to_json
from tests.benchmark.table import table

CASES: dict[str, tuple[Callable[[Results, Scale, Path], None], tuple[str, ...]]] = {
    "large": (large.run, ("P1", "P2", "P3", "P5")),
    "stages": (stages.run, ("P3", "P5")),
    "memory": (memory.run, ("P4",)),
    "small": (small.run, ("P6",)),
    "many": (many.run, ("P7", "P9", "P10")),
    "startup": (startup.run, ("P8",)),
    "growth": (growth.run, ("P10",)),
}
"""By name, with the goals that each case is about."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    unknown = [word for word in options.cases if not _named(word)]
    if unknown:
        sys.stderr.write(f"no such case or goal: {', '.join(unknown)}; there are {', '.join(CASES)} and P1 to P10\n")
        return 64
    scale = QUICK if options.quick else Scale()
    scale = replace(scale, aws=options.aws, rounds=options.rounds or scale.rounds)
    results = Results()
    wanted = dict.fromkeys(name for word in options.cases or CASES for name in _named(word))
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.folder) as folder:
        for name in wanted:
            sys.stderr.write(f"{name} ...\n")
            inner = Path(folder) / name
            inner.mkdir()
            CASES[name][0](results, scale, inner)
    growth.judge(results)
    sys.stdout.write(table(results))
    if options.json:
        options.json.write_text(json.dumps(to_json(results), indent=1) + "\n")
    if options.plot:
        options.plot.write_text(svg(results))
    return 0


def _named(word: str) -> list[str]:
    return [name for name, (_, goals) in CASES.items() if word.lower() == name or word.upper() in goals]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}, or goals P1 to P10; default all")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs, measures nothing")
    parser.add_argument("--rounds", type=int, help="how often contenders take turns (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw time against size, an SVG")
    parser.add_argument("--folder", type=Path, help="where files are made, 25 GiB; default the temporary folder")
    parser.add_argument("--aws", metavar="PROGRAM", help="the AWS command line, if it is not on the PATH")
    return parser


if __name__ == "__main__":
    sys.exit(main())
