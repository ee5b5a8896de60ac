"""The benchmark runs as documented; with tiny sizes, because its figures are nothing to test for."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.command import PROJECT, bare_environment

pytestmark = pytest.mark.long


@pytest.mark.timeout(300)  # a dozen starts of the command, on a machine that may be busy
@pytest.mark.parametrize("case", ["large", "stages", "memory", "small", "many", "startup", "growth"])
def test_each_case_runs(case: str, tmp_path: Path) -> None:
    """Every case ends well and finds something, the stages apart for its goals; JSON and plot are written."""
    found, plot = tmp_path / "found.json", tmp_path / "plot.svg"
    command = [sys.executable, "-m", "tests.benchmark", case, "--quick", "--json", str(found), "--plot", str(plot)]

    # PostgreSQL, which runs as nobody, cannot enter a test's own folder.
    environment = bare_environment(tmp_path) | {"TMPDIR": tempfile.gettempdir()}

    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=280
    )

    assert done.returncode == 0, done.stderr
    results = json.loads(found.read_text())
    assert results["findings"] or case == "stages"
    assert results["machine"]["cores"] >= 1
    assert ("| goal |" if results["findings"] else "| stage: AES-256-CBC ") in done.stdout
    ET.fromstring(plot.read_text())


def test_an_unknown_case_is_refused() -> None:
    """A misspelt case is an error that names the cases."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", "P99"], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 64
    assert "startup" in done.stderr
