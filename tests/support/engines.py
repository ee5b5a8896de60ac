"""Docker engines for the tests: a real daemon where this machine allows one, and a stand-in for its client.

The daemon (docker.io of Debian) unpacks layers in a mount namespace of its own, which needs root and CAP_SYS_ADMIN:
an unprivileged container, such as many CI jobs are, cannot load an image. There the tests of `ENGINES` run with the
stand-in only, a small program called `docker` that answers as the real client does and streams a real archive. It can
also fail as a real one seldom does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.images import Image, hybrid_archive, legacy_archive
from tests.support.programs import Server, need

_CAP_SYS_ADMIN = 21


class Engine(Protocol):
    """What a test needs of an engine: its environment, and an image in it."""

    @property
    def environment(self) -> dict[str, str]:
        """Return what makes `docker` speak to this engine; PATH included."""

    def load(self, image: Image, *tags: str) -> None:
        """Put an image into the engine."""


@dataclass(frozen=True)
class RealEngine:
    """A daemon on a socket of its own."""

    socket: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}", "PATH": os.environ["PATH"]}

    def load(self, image: Image, *tags: str) -> None:
        self.docker("load", input=legacy_archive(image, *tags))

    def docker(self, *arguments: str, input: bytes = b"") -> bytes:  # noqa: A002 - as subprocess calls it
        """Run the client and return what it printed."""
        return subprocess.run(
            [need("docker", "docker.io"), *arguments],
            env={**os.environ, **self.environment},
            input=input,
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout


_STAND_IN = """\
#!{python}
# Stands in for the Docker client in tests: answers about, and streams, the archives in a folder.
import json, os, pathlib, sys, time
folder, arguments = pathlib.Path({folder!r}), sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, sorted(os.environ), os.getpid()]) + "\\n")
behaviour = json.loads((folder / "behaviour.json").read_text())
there = folder / arguments[-1].replace("/", "%")
if arguments[0] == "info" and behaviour["driver_status"] == "unknown":
    sys.exit("Error: template: info:1: can't evaluate field DriverStatus")
elif arguments[0] == "info":
    print(json.dumps(behaviour["driver_status"]))
elif arguments[0] == "version":
    print("1.50")
elif not there.exists():
    sys.exit(f"Error response from daemon: No such image: {{arguments[-1]}}")
elif arguments[0] == "image":
    print((there / "inspected.json").read_text())
elif arguments[0] == "save":
    archive = (there / "archive.tar").read_bytes()
    keep = behaviour["keeps_bytes"]
    sys.stdout.buffer.write(archive if keep is None else archive[:keep])
    sys.stdout.buffer.flush()
    if behaviour["hangs"]:
        (folder / "hangs").touch()
        time.sleep(600)
    while behaviour["is_endless"]:
        sys.stdout.buffer.write(bytes(512))
        sys.stdout.buffer.flush()
        (folder / "hangs").touch()
        time.sleep(0.05)
    if behaviour["complains"]:
        sys.exit(behaviour["complains"])
"""


@dataclass(frozen=True)
class StandIn:
    """A program named `docker` in a folder of its own, and its images."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> StandIn:
        folder.mkdir()
        made = cls(folder)
        (folder / "bin").mkdir()
        program = folder / "bin" / "docker"
        program.write_text(_STAND_IN.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        made.behave()
        return made

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def behave(
        self,
        *,
        keeps_bytes: int | None = None,
        hangs: bool = False,
        is_endless: bool = False,
        complains: str = "",
        driver_status: list[list[str]] | str | None = None,
    ) -> None:
        """Say how exports go: cut, silent or endless after so many bytes, or with exit code 1 and a complaint."""
        behaviour = {
            "keeps_bytes": keeps_bytes,
            "hangs": hangs,
            "is_endless": is_endless,
            "complains": complains,
            "driver_status": driver_status,
        }
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))

    def load(self, image: Image, *tags: str) -> None:
        """Put an image in, saved at another time for each call."""
        for tag in tags:
            there = self.folder / tag.replace("/", "%")
            saved_at = int((there / "archive.tar").exists())
            there.mkdir(exist_ok=True)
            (there / "archive.tar").write_bytes(hybrid_archive(image, tag, mtime=saved_at))
            self.describe(image, tag)

    def describe(self, image: Image, tag: str) -> None:
        """Answer `docker image inspect` as for this image, whatever is saved."""
        inspected = {
            "Id": f"sha256:{image.config_digest}",
            "Architecture": image.architecture,
            "Variant": image.variant,
            "Os": "linux",
            "Size": sum(map(len, image.layers)),
        }
        (self.folder / tag.replace("/", "%") / "inspected.json").write_text(json.dumps(inspected))

    @property
    def calls(self) -> list[tuple[list[str], list[str], int]]:
        """Return the arguments, the names of variables and the process id of each call."""
        return [tuple(json.loads(line)) for line in (self.folder / "calls").read_text().splitlines()]


def may_run_an_engine() -> bool:
    """Say whether this process may make mount namespaces, as a daemon does when it unpacks layers."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return os.geteuid() == 0 and bool(int(effective.split()[1], 16) >> _CAP_SYS_ADMIN & 1)


ENGINES = ["stand-in", *([pytest.param("docker", marks=pytest.mark.tier2)] if may_run_an_engine() else [])]
"""The engines that tests can have on this machine."""


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[RealEngine]:
    """A daemon without networks, whose images are plain folders."""
    daemon = need("dockerd", "docker.io")
    need("docker", "docker.io")
    # Short, because sockets have short names; and not below a folder that pytest keeps.
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
    command = [daemon, f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    command += [f"--host=unix://{folder}/socket", "--storage-driver=vfs", "--bridge=none", "--iptables=false"]
    command += ["--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    server = Server(command, log=folder / "log")
    engine = RealEngine(folder / "socket")
    try:
        server.wait_until(lambda: _answers(engine), seconds=60)
        yield engine
    finally:
        server.stop(grace_s=20)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(engine: RealEngine) -> bool:
    try:
        engine.docker("version")
    except subprocess.CalledProcessError:
        return False
    return True


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """A stand-in for the Docker client, with no image yet."""
    return StandIn.make(tmp_path / "stand-in")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each kind of engine in turn."""
    chosen: Engine = request.getfixturevalue("docker_daemon" if request.param == "docker" else "stand_in")
    return chosen
