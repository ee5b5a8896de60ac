from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"
README = """# Title

## Run

Words.

```sh
publish apply manifests/release.yaml --local
```

## Test

```sh
pytest
```
"""


def run(script: Path, argument: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(script), argument], capture_output=True, text=True, check=False)


@pytest.fixture
def readme_script(tmp_path: Path) -> Path:
    """The script in a project of its own, whose README the test writes."""
    (tmp_path / ".ci").mkdir()
    return Path(shutil.copy(CI / "readme_command.py", tmp_path / ".ci"))


def test_the_readme_command_is_what_ci_runs(readme_script: Path, tmp_path: Path) -> None:
    """The command of the block under a heading is printed as it stands."""
    (tmp_path / "README.md").write_text(README)

    printed = [run(readme_script, heading).stdout for heading in ("Run", "Test")]

    assert printed == ["publish apply manifests/release.yaml --local\n", "pytest\n"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# Title\n", "no heading `## Test`"),
        ("## Test\n\nWords.\n\n## Run\n\n```sh\nls\n```\n", "no sh block under `## Test`"),
        ("## Test\n\n```sh\n```\n", "0 lines, not one command"),
        ("## Test\n\n```sh\ncd x\npytest\n```\n", "2 lines, not one command"),
    ],
)
def test_a_readme_without_the_command_fails(readme_script: Path, tmp_path: Path, text: str, complaint: str) -> None:
    """A missing heading, block or single line is an error: CI never runs something else in silence."""
    (tmp_path / "README.md").write_text(text)

    done = run(readme_script, "Test")

    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("cases", "code", "last_line"),
    [
        ("<testcase name='a'/><testcase name='b'/>", 0, "2 passed, 0 failed"),
        ("<testcase name='a'/><testcase name='b'><skipped message='no skopeo'/></testcase>", 1, "1 passed, 0 failed"),
        ("<testcase name='a'><failure/></testcase>", 1, "0 passed, 1 failed"),
        ("<testcase name='a'><error/></testcase><testcase name='b'/>", 1, "1 passed, 1 failed"),
        ("", 1, "0 passed, 0 failed"),
    ],
)
def test_skipped_tests_fail_in_ci(tmp_path: Path, cases: str, code: int, last_line: str) -> None:
    """A skipped test, a failed one or no test at all makes CI red, and the summary is the last line."""
    report = tmp_path / "junit.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")

    done = run(CI / "no_skips.py", str(report))

    assert done.returncode == code
    assert done.stdout.splitlines()[-1].startswith(last_line)
