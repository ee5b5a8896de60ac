"""Options that name files and folders: what each command takes, what is refused, and that it is refused before work."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from tests.support.command import ONE_MODEL, bare_environment, publish, read_report, write_manifest

COMMON = {"--local", "--quiet", "--no-color"}
CHOOSING = {"--only", "--exclude", "--destination", "--var", "--progress", "--verbose", *COMMON}
ENDING = {"--timeout", "--report", "--junit", "--summary", "--events", "--verbose", "--progress", *COMMON}
OPTIONS = {
    "plan": CHOOSING | {"--jobs", "--detailed-exitcode", "--out", "--json", "--markdown", "--offline"},
    "apply": CHOOSING | ENDING | {"--jobs", "--fail-fast", "--verify", "--plan"},
    "artifact": ENDING | {"--verify", "--file"},
    "repair": CHOOSING | ENDING,
    "verify": CHOOSING | {"--jobs", "--detailed-exitcode", "--report", "--timeout", "--json"},
    "fetch": COMMON | {"--output"},
}


@pytest.mark.parametrize("command", OPTIONS)
def test_commands_share_their_options(command: str, tmp_path: Path) -> None:
    """What chooses artifacts, shows progress and keeps results has the same name at every command that does it."""
    told = publish(command, "--help", environment=bare_environment(tmp_path))

    assert OPTIONS[command] - set(re.findall(r"--[a-z-]+", told.out)) == set()


@pytest.mark.parametrize("option", ["--report", "--junit", "--summary", "--events"])
@pytest.mark.parametrize("kind", ["folder", "below-a-file", "fifo"])
def test_an_output_that_cannot_be_written_is_found_before_any_work(option: str, kind: str, tmp_path: Path) -> None:
    """A report, JUnit, summary or event file that cannot be written: exit 3, it is named, and nothing is published."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
    elif kind == "fifo":
        os.mkfifo(target)
    else:
        target.write_text("a file")
        target = target / "r.json"

    done = publish(
        *("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json", option, target),
        environment=bare_environment(tmp_path),
        timeout_s=20,
    )

    assert done.code == 3, done.said
    assert f"cannot write {target}" in " ".join(done.err.split())
    assert not (tmp_path / "L").exists()


def test_a_plan_that_cannot_be_saved_is_not_made(tmp_path: Path) -> None:
    """`plan --out` names a folder: exit 3 before the sources are read."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")

    done = publish("plan", manifest, "--offline", "--out", tmp_path, environment=bare_environment(tmp_path))

    assert done.code == 3, done.said
    assert "not a regular file" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "m.yaml", "--local", ""],
        ["apply", "m.yaml", "--local="],
        ["apply", "m.yaml", "--report", ""],
        ["apply", "m.yaml", "--junit", "-"],
        ["apply", "m.yaml", "--summary", "-"],
        ["apply", "m.yaml", "--events", ""],
        ["plan", "m.yaml", "--out", "-"],
        ["fetch", "fleet:dev/m/any/1", "--output", "-"],
    ],
    ids=" ".join,
)
def test_names_that_are_none_are_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    """An empty text is no folder and no file, and - is for reports only: exit 64, nothing is made in this folder."""
    (tmp_path / "work").mkdir()

    done = publish(*arguments, environment=bare_environment(tmp_path), folder=tmp_path / "work")

    assert done.code == 64, done.said
    assert arguments[2].partition("=")[0] in done.err
    assert list((tmp_path / "work").iterdir()) == []


def test_a_device_is_written_to_and_a_link_is_followed(tmp_path: Path) -> None:
    """--report /dev/null leaves the device what it is; through a link the file behind it is replaced, not the link."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "r.json")
    environment = bare_environment(tmp_path)

    first = publish("apply", manifest, "--local", tmp_path / "L", "--report", "/dev/null", environment=environment)
    second = publish(
        "apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "link.json", environment=environment
    )

    assert (first.code, second.code) == (0, 0), first.said + second.said
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert (tmp_path / "link.json").is_symlink()
    assert read_report(tmp_path / "real" / "r.json")["summary"]["skipped"] == 1


def test_a_fifo_is_no_saved_plan(tmp_path: Path) -> None:
    """`apply --plan` with a FIFO nobody writes to does not hang: exit 3."""
    os.mkfifo(tmp_path / "plan.json")

    done = publish(
        *("apply", "--plan", tmp_path / "plan.json", "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment=bare_environment(tmp_path),
        timeout_s=20,
    )

    assert done.code == 3, done.said
    assert "is not a regular file" in done.err


def test_verify_writes_its_result_where_it_is_told(tmp_path: Path) -> None:
    """`verify --report` writes the JSON that `--json` prints, and - prints it; without it no file is written."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    environment = bare_environment(tmp_path)
    publish("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json", environment=environment)
    (tmp_path / "work").mkdir()
    common = ("verify", manifest, "--local", tmp_path / "L")

    plain = publish(*common, environment=environment, folder=tmp_path / "work")
    as_json = publish(*common, "--json", environment=environment)
    printed = publish(*common, "--report", "-", environment=environment)
    written = publish(*common, "--verbose", "--report", tmp_path / "v.json", environment=environment)

    assert [done.code for done in (plain, as_json, printed, written)] == [0] * 4
    assert list((tmp_path / "work").iterdir()) == []
    assert json.loads(as_json.out) == json.loads(printed.out) == json.loads((tmp_path / "v.json").read_text())
    assert json.loads(as_json.out)[0]["state"] == "published"
    assert "sha256" in written.out


def test_artifact_writes_junit(tmp_path: Path) -> None:
    """The one-artifact form keeps results like `apply`: JUnit, a summary and events."""
    (tmp_path / "model.bin").write_bytes(b"weights")

    done = publish(
        *("artifact", "--file", tmp_path / "model.bin", "--resource-name", "m", "--dev-stage", "dev"),
        *("--architecture", "any", "--version", "1", "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        *("--junit", tmp_path / "j.xml", "--summary", tmp_path / "s.md", "--events", tmp_path / "e.jsonl"),
        environment=bare_environment(tmp_path),
    )

    assert done.code == 0, done.said
    assert "<testcase" in (tmp_path / "j.xml").read_text()
    assert "published" in (tmp_path / "s.md").read_text()
    assert "run_finished" in (tmp_path / "e.jsonl").read_text()


def test_a_plan_tells_more_if_asked(tmp_path: Path) -> None:
    """`plan --verbose` adds the source's digest and what the destination says."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    environment = bare_environment(tmp_path)

    short = publish("plan", manifest, "--local", tmp_path / "L", environment=environment)
    long = publish("plan", manifest, "--local", tmp_path / "L", "--verbose", "--jobs", "2", environment=environment)

    assert (short.code, long.code) == (0, 0), short.said + long.said
    assert "sha256" not in short.out
    assert "source model.bin  sha256 " in long.out
    assert "destination: not registered" in long.out


def test_a_missing_job_summary_fails_nothing(tmp_path: Path) -> None:
    """GitHub's summary file is a courtesy: where it cannot be written, that is said, and the run is good."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")

    done = publish(
        *("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json"),
        environment=bare_environment(tmp_path, {"GITHUB_STEP_SUMMARY": str(tmp_path / "gone" / "s.md")}),
    )

    assert done.code == 0, done.said
    assert "no job summary" in done.err


def test_a_umask_narrows_what_is_written(tmp_path: Path) -> None:
    """K6: a report is as private as the umask wants it, and a saved plan is always 0600."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"weights")
    environment = bare_environment(tmp_path)
    before = os.umask(0o077)
    try:
        publish("apply", manifest, "--local", tmp_path / "L", "--report", tmp_path / "r.json", environment=environment)
    finally:
        os.umask(before)
    publish("plan", manifest, "--offline", "--out", tmp_path / "plan.json", environment=environment)

    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("r.json", "plan.json")}
    assert modes == {"r.json": 0o600, "plan.json": 0o600}
