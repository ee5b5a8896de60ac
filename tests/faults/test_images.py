"""Exports of images that go wrong: nothing half-published, one clear error, no process and no file left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bare_environment, command, publish, read_report, tree, write_manifest
from tests.support.engines import StandIn
from tests.support.images import Image, hybrid_archive, tar_of

pytestmark = pytest.mark.long

IMAGE = Image("arm64", layers=(tar_of({"weights": os.urandom(3_000_000)}),))
WHOLE = len(hybrid_archive(IMAGE, "loader:1"))
MANIFEST = """\
version: 1
destinations: {fleet: {kind: fleet}}
artifacts:
  - {resource_name: loader, dev_stage: dev, architecture: arm64, version: 1, image: "loader:1"}
"""


@pytest.fixture
def environment(tmp_path: Path, stand_in: StandIn) -> dict[str, str]:
    """An engine with one image, and a manifest that wants it."""
    stand_in.load(IMAGE, "loader:1")
    write_manifest(tmp_path, MANIFEST)
    return bare_environment(tmp_path) | stand_in.environment


def nothing_is_published(folder: Path) -> bool:
    return tree(folder / ".publish" / "local" / "objects") == {}


def is_over(pid: int) -> bool:
    """Say whether a process is gone, or a zombie that waits for init."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def until(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happened()


@pytest.mark.parametrize(
    ("export", "code", "said"),
    [
        ({"keeps_bytes": 0}, 3, "is cut short"),
        ({"keeps_bytes": WHOLE - 8192}, 3, "is cut short"),
        ({"keeps_bytes": 1_000_000, "complains": "write /x: no space left on device"}, 1, "no space left on device"),
        ({"complains": "Error response from daemon: layer does not exist"}, 3, "layer does not exist"),
    ],
)
def test_an_export_that_breaks_off_publishes_nothing(
    stand_in: StandIn, environment: dict[str, str], export: dict[str, Any], code: int, said: str
) -> None:
    """An export that is cut anywhere, or whose program fails even after the last byte, becomes no object."""
    folder = stand_in.folder.parent
    stand_in.behave(**export)

    done = publish("apply", "manifest.yaml", "--local", environment=environment, folder=folder)
    left = nothing_is_published(folder)
    stand_in.behave()
    healed = publish("apply", "manifest.yaml", "--local", environment=environment, folder=folder)

    assert (done.code, left) == (code, True), done.said
    assert said in done.err
    assert healed.code == 0, healed.said


def test_another_image_than_the_planned_one_publishes_nothing(
    tmp_path: Path, stand_in: StandIn, environment: dict[str, str]
) -> None:
    """A tag that was moved between plan and export is noticed by the id inside, although every byte is sound."""
    stand_in.load(Image("arm64", labels={"moved": "yes"}), "loader:1")
    stand_in.describe(IMAGE, "loader:1")

    done = publish("apply", "manifest.yaml", "--local", environment=environment, folder=tmp_path)

    [artifact] = read_report(tmp_path / "publish-report.json")["artifacts"]
    assert (done.code, artifact["status"], artifact["reason"]) == (1, "failed", "source_changed"), done.said
    assert nothing_is_published(tmp_path)


def test_an_engine_that_is_not_installed(tmp_path: Path) -> None:
    """Without the Docker client a plan says what is missing and where else an image may come from."""
    write_manifest(tmp_path, MANIFEST)
    environment = bare_environment(tmp_path) | {"PATH": str(tmp_path)}

    done = publish("plan", "manifest.yaml", "--local", environment=environment, folder=tmp_path)

    assert done.code == 3, done.said
    assert "the program docker is not installed" in done.out
    assert "docker-archive:path" in done.out


@pytest.mark.parametrize("signals", [1, 2], ids=["one signal", "two signals"])
def test_a_stop_in_the_middle_of_an_export(
    tmp_path: Path, stand_in: StandIn, environment: dict[str, str], signals: int
) -> None:
    """A stop while the engine is silent ends in seconds with a report, and takes the export's program with it."""
    stand_in.behave(keeps_bytes=2_000_000, hangs=True)
    run = subprocess.Popen(
        command("apply", "manifest.yaml", "--local"),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert until((stand_in.folder / "hangs").exists)
        for _ in range(signals):
            run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=30)
    finally:
        run.kill()
        run.wait()

    exporting = stand_in.calls[-1]
    assert run.returncode == 130, output
    assert exporting[0][0] == "save"
    assert until(lambda: is_over(exporting[2]))
    assert read_report(tmp_path / "publish-report.json")["artifacts"][0]["status"] == "cancelled"
    assert nothing_is_published(tmp_path)


def test_a_publisher_that_is_killed_takes_the_export_with_it(
    tmp_path: Path, stand_in: StandIn, environment: dict[str, str]
) -> None:
    """After SIGKILL nobody reads any more: the export's program ends at its next byte, and the next run publishes."""
    stand_in.behave(keeps_bytes=2_000_000, is_endless=True)
    run = subprocess.Popen(
        command("apply", "manifest.yaml", "--local"), cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    assert until((stand_in.folder / "hangs").exists)
    run.kill()
    run.wait()
    exporting = stand_in.calls[-1]
    stand_in.behave()

    done = publish("apply", "manifest.yaml", "--local", environment=environment, folder=tmp_path)

    assert until(lambda: is_over(exporting[2]))
    assert done.code == 0, done.said
