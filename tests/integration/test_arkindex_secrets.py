"""K1 for Arkindex: neither its token, nor a profile, nor a password in a git remote is ever shown or left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.arkindex_server import DOCKER_VERSION, LISTING, TOKEN, ArkindexServer
from tests.support.canary import found
from tests.support.checkouts import Checkout
from tests.support.command import bare_environment, publish
from tests.support.programs import need

pytestmark = pytest.mark.long

PASSWORD = "fake-password-of-a-remote-5c1e"
EVERY_OUTPUT = ("--verbose", "--report", "r.json", "--junit", "j.xml", "--summary", "s.md", "--events", "e.jsonl")
MANIFEST = """\
version: 1
destinations: {workers: {kind: arkindex}}
artifacts:
  - image: registry.example.com/g/w:1.0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A repository whose remote holds a password, as CI systems clone."""
    made = Checkout(tmp_path / "w", tmp_path / "home")
    made.remote(f"https://oauth2:{PASSWORD}@gitlab.example.com/g/w.git")
    listing = "version: 2\nworkers:\n  - {slug: w, name: W, type: t}\n"
    made.commit(__arkindex__yml=listing, manifest__yaml=MANIFEST)
    return made


def settings(server: ArkindexServer) -> dict[str, str]:
    return {"ARKINDEX_API_URL": server.url, "ARKINDEX_API_TOKEN": TOKEN}


def left_in(folder: Path) -> str:
    """Return everything that lies below a folder now, git's own files aside."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return "\n".join(path.read_bytes().decode("latin-1") for path in paths)


def test_a_whole_life_shows_no_secret(checkout: Checkout, arkindex: ArkindexServer, tmp_path: Path) -> None:
    """Plan, apply, again, verify, explain and doctor, at --verbose and with every output file: no secret in any."""
    arkindex.clone_behaviour(operations=DOCKER_VERSION | LISTING)
    environment = bare_environment(tmp_path / "home", settings(arkindex))
    commit = checkout.git("rev-parse", "HEAD").strip()
    commands = (
        ("plan", "manifest.yaml", "--out", "plan.json", "--verbose"),
        ("apply", "manifest.yaml", *EVERY_OUTPUT),
        ("apply", "manifest.yaml", *EVERY_OUTPUT),
        ("verify", "manifest.yaml", "--json"),
        ("explain", "manifest.yaml", f"workers:w/{commit}"),
        ("doctor", "manifest.yaml"),
    )

    ended = [publish(*command, environment=environment, folder=checkout.root) for command in commands]

    said = "".join(done.said for done in ended)
    assert [done.code for done in ended] == [0] * len(commands), said
    (sent,) = arkindex.bodies("CreateDockerWorkerVersion")
    assert sent["repository_url"] == "https://gitlab.example.com/g/w.git"
    assert found([TOKEN, PASSWORD], said + left_in(checkout.root)) == []
    # The token goes to the server in its header, and the password to nobody.
    assert found([PASSWORD], repr(arkindex.recorded)) == []
    assert found([TOKEN], repr([(recorded.path, recorded.body) for recorded in arkindex.recorded])) == []


@pytest.mark.parametrize("fault", ["echo-401", "echo-400", "echo-500", "echo-html", "lost-answer", "redirect"])
def test_a_misbehaving_server_shows_no_secret(
    checkout: Checkout, arkindex: ArkindexServer, tmp_path: Path, fault: str
) -> None:
    """Whatever the server answers, the request repeated in it included, the token reaches no message and no file."""
    arkindex.fail(fault, times=1 if fault in {"lost-answer", "echo-500"} else 9, on="CreateDockerWorkerVersion")
    environment = bare_environment(tmp_path / "home", settings(arkindex))

    done = publish("apply", "manifest.yaml", *EVERY_OUTPUT, environment=environment, folder=checkout.root)

    assert arkindex.bodies("CreateDockerWorkerVersion"), done.said
    assert "Traceback" not in done.said
    assert found([TOKEN, PASSWORD], done.said + left_in(checkout.root)) == []


def test_no_child_is_handed_the_token(checkout: Checkout, arkindex: ArkindexServer, tmp_path: Path) -> None:
    """git, the only program that is run, finds the token neither in its arguments nor in its environment."""
    programs, dump = tmp_path / "programs", tmp_path / "dump"
    programs.mkdir()
    wrapper = programs / "git"
    wrapper.write_text(f'#!/bin/sh\n{{ echo "$0" "$@"; env; }} >> {dump}\nexec {need("git", "git")} "$@"\n')
    wrapper.chmod(0o755)
    environment = bare_environment(tmp_path / "home", settings(arkindex))
    environment["PATH"] = f"{programs}:{environment['PATH']}"

    done = publish("apply", "manifest.yaml", environment=environment, folder=checkout.root)

    assert done.code == 0, done.said
    assert "rev-parse" in dump.read_text()
    assert found([TOKEN], dump.read_text()) == []
