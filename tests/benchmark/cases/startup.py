"""P8: how long it takes before anything happens, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmark.cases import Scale
from tests.benchmark.fleet import Fleet
from tests.benchmark.measuring import alternate
from tests.benchmark.results import Finding, Results
from tests.support.command import command

HELP, TYPER, BARE = "publish --help", "python -c 'import typer'", "python -c pass"
HEAVY = ("boto3", "botocore", "sqlalchemy", "cryptography", "requests", "psycopg")
_TURNS = 3
"""Starts are short: more of them than of other runs cost nothing."""


def run(results: Results, scale: Scale, folder: Path) -> None:
    here = Fleet(folder, {})
    contenders = {
        HELP: lambda: here.run(command("--help")),
        TYPER: lambda: here.run([sys.executable, "-c", "import typer"]),
        BARE: lambda: here.run([sys.executable, "-c", "pass"]),
    }
    medians = alternate(contenders, scale.rounds * _TURNS)
    results.add("startup", "", medians)
    results.limit("P8", HELP, measured=medians[HELP].cpu_s * 1000, at_most=200, unit="ms CPU")
    ratio = medians[HELP].wall_s / medians[TYPER].wall_s
    results.limit("P8", f"{HELP} against {TYPER}", measured=ratio, at_most=3, unit="x")
    loaded = sorted(set(HEAVY) & imported(here))
    results.findings.append(
        Finding("P8", "heavy libraries imported for help", ", ".join(loaded) or "none", "none", not loaded)
    )


def imported(here: Fleet) -> set[str]:
    """Return the top-level packages that `publish --help` imports."""
    timed = [sys.executable, "-X", "importtime", "-m", "publisher", "--help"]
    done = subprocess.run(timed, env=here.environment, capture_output=True, text=True, check=True)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.partition(".")[0] for name in names}
