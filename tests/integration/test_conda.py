"""The command against conda servers of both generations: batches, bad input, stops, secrets, a client of conda."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.canary import found
from tests.support.command import bare_environment, command, publish, read_report, statuses
from tests.support.conda_channel import Instead
from tests.support.conda_handler import Fault
from tests.support.conda_packages import (
    build_package,
    build_with_rattler_build,
    build_with_whl2conda,
    install_from,
)
from tests.support.conda_world import TOKEN, CondaWorld, conda_world, manifest_of, sha256_of
from tests.support.fault_proxy import Fault as LineFault
from tests.support.fault_proxy import FaultProxy, Kind

pytestmark = pytest.mark.long

SEED = [("my-artifact1", "1.0.0", "2"), ("my-artifact2", "3.4.2", "0"), ("my-artifact3", "0.9.1", "0")]
"""The packages of the handler's own example."""


class Project:
    """A folder with packages and a manifest, and the command run in it."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings
        self.manifest = folder / "manifest.yaml"
        (folder / "dist").mkdir(parents=True)

    def package(self, name: str, version: str = "1.0", build: str = "0", **options: Any) -> Path:
        return build_package(self.folder / "dist", name, version, build, **{"subdir": "linux-64", **options})

    def write(self, *entries: str) -> None:
        self.manifest.write_text(manifest_of(*entries))

    def run(self, verb: str, *arguments: str | Path) -> tuple[int, str]:
        environment = bare_environment(self.folder, self.settings)
        done = publish(verb, *arguments, environment=environment, folder=self.folder, timeout_s=110)
        assert "Traceback" not in done.said, done.said
        return done.code, done.said

    def apply(self, *arguments: str | Path) -> int:
        code, self.said = self.run("apply", self.manifest, *arguments)
        return code

    @property
    def report(self) -> dict[str, Any]:
        return read_report(self.folder / "publish-report.json")

    @property
    def statuses(self) -> list[str]:
        return list(statuses(self.report).values())

    def entry(self, artifact_id: str) -> dict[str, Any]:
        return next(entry for entry in self.report["artifacts"] if entry["id"] == artifact_id)


@pytest.fixture
def second_project(second_conda: CondaWorld, tmp_path: Path) -> Project:
    """A project for one generation, where it makes no difference which."""
    return Project(tmp_path / "project", second_conda.settings)


@pytest.fixture
def project(conda: CondaWorld, tmp_path: Path) -> Project:
    """A project for the servers of both generations in turn."""
    return Project(tmp_path / "project", conda.settings)


def test_a_batch_is_published_once_and_can_be_installed(project: Project, conda: CondaWorld, tmp_path: Path) -> None:
    """The three packages of the handler's own example are visible with their sha256, install with a client of conda
    that shares no code with us, and are skipped by the next run.
    """
    packages = [project.package(*names) for names in SEED]
    project.write("{files: dist/*.tar.bz2, expect: 3}")

    code = project.apply()
    second = project.apply("--report", "second.json")

    assert code == 0, project.said
    for package in packages:
        entry = project.entry(f"channel:linux-64/{package.name}")
        digest = sha256_of(package.read_bytes())
        assert (entry["status"], entry["verification"], entry["attempts"]) == ("published", "head", 1)
        assert entry["object"]["sha256"] == entry["source"]["sha256"] == digest
        assert entry["object"]["url"] == f"{conda.server.url}/linux-64/{package.name}"
        assert conda.index("linux-64")[package.name]["sha256"] == digest
    prefix = install_from(conda.server.url, "my-artifact2", tmp_path / "client")
    assert (prefix / "share" / "my-artifact2.txt").read_bytes() == b"payload\n"
    assert second == 0
    assert list(statuses(read_report(project.folder / "second.json")).values()) == ["skipped"] * 3
    assert len(conda.handler.received) == 3


def test_packages_of_real_builders_install_from_the_first_generation(first_conda: CondaWorld, tmp_path: Path) -> None:
    """`.conda` and `.tar.bz2` as rattler-build and whl2conda make them, platforms found in the packages themselves."""
    project = Project(tmp_path / "project", first_conda.settings)
    built = [
        build_with_rattler_build(tmp_path / "rattler", "recipe-made"),
        build_with_whl2conda(tmp_path / "wheel", "wheel-made", extension=".conda"),
        build_with_whl2conda(tmp_path / "wheel", "wheel-made", extension=".tar.bz2"),
    ]
    for package in built:
        package.rename(project.folder / "dist" / package.name)
    project.write("{files: dist/*.conda, expect: 2}", "{files: dist/*.tar.bz2, name: wheel-made, version: 3.2}")

    code = project.apply()

    assert code == 0, project.said
    assert sorted(first_conda.index("noarch")) == sorted(package.name for package in built)
    prefix = install_from(first_conda.server.url, "recipe-made", tmp_path / "client")
    assert (prefix / "share" / "recipe-made.txt").read_text() == "built\n"


def test_the_first_generation_as_its_own_example_starts_it(tmp_path: Path) -> None:
    """TLS with a private authority, `-d .../linux-64`, no field `arch`: as the handler's documentation shows it, but
    with certificates checked. A package for another platform is refused before anything is sent.
    """
    with conda_world(tmp_path / "conda", 1, only_subdir="linux-64", tls=trustme.CA()) as world:
        project = Project(tmp_path / "project", world.settings)
        for names in SEED:
            project.package(*names)
        project.write("{files: dist/*.tar.bz2}")
        code = project.apply()
        fields = [dict(received.fields) for received in world.handler.received]
        project.package("other", subdir="noarch")
        project.write("{file: dist/other-1.0-0.tar.bz2}")
        refused = project.apply()

        assert code == 0, project.said
        assert fields == [{"token": TOKEN}] * 3
        assert sorted(world.index("linux-64")) == [f"{'-'.join(names)}.tar.bz2" for names in SEED]
        assert refused == 3
        assert "CONDA_UPLOAD_SUBDIR" in project.said
        assert len(world.handler.received) == 3


@pytest.mark.parametrize("ca", ["none", "another"])
def test_a_certificate_is_always_checked(tmp_path: Path, ca: str) -> None:
    """Without the right authority nothing is sent, and no option turns the check off."""
    with conda_world(tmp_path / "conda", 2, tls=trustme.CA()) as world:
        settings = {name: value for name, value in world.settings.items() if name != "CONDA_CA_FILE"}
        if ca == "another":
            trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
            settings["CONDA_CA_FILE"] = str(tmp_path / "other.pem")
        project = Project(tmp_path / "project", settings)
        project.package("x")
        project.write("{files: dist/*.tar.bz2}")

        code = project.apply()

        assert code == 1
        assert "is not trusted" in project.said
        assert world.handler.received == []


def test_without_the_channels_address_everything_is_unknown(second_project: Project, second_conda: CondaWorld) -> None:
    """No CONDA_CHANNEL_URL: never "absent", nothing is sent, and the way out is named."""
    del second_project.settings["CONDA_CHANNEL_URL"]
    second_project.package("x")
    second_project.write("{files: dist/*.tar.bz2}")

    code = second_project.apply()
    _, planned = second_project.run("plan", second_project.manifest)

    assert code == 3
    assert "CONDA_CHANNEL_URL is not set: what the channel has is unknown" in second_project.said
    assert "unknown" in planned
    assert "not_registered" not in planned
    assert second_conda.handler.received == []


def test_a_conflict_stops_one_package_and_not_the_batch(project: Project, conda: CondaWorld, tmp_path: Path) -> None:
    """Other content under a name is never overwritten: exit 5, and the other packages are published."""
    theirs = build_package(tmp_path / "theirs", "x", subdir="linux-64", content=b"theirs\n")
    conda.put(theirs, "linux-64")
    project.package("x")
    project.package("y")
    project.write("{files: dist/*.tar.bz2}")

    code = project.apply()

    assert code == 5
    assert project.statuses == ["blocked", "published"]
    assert project.entry("channel:linux-64/x-1.0-0.tar.bz2")["error"]["code"] == "content_conflict"
    assert conda.stored()["linux-64/x-1.0-0.tar.bz2"] == theirs.read_bytes()


def test_a_token_that_expires_in_mid_batch(project: Project, conda: CondaWorld) -> None:
    """What was published before stays, what comes after is not tried in vain, and the next run does the rest."""
    for name in ("a", "b", "c", "d"):
        project.package(name)
    project.write("{files: dist/*.tar.bz2}")
    conda.handler.expires_after = 1

    code = project.apply()
    after = (project.statuses, sorted(conda.index("linux-64")), len(conda.handler.received))
    conda.handler.expires_after = None
    again = project.apply()

    assert code == 4
    assert after == (["published", "failed", "cancelled", "cancelled"], ["a-1.0-0.tar.bz2"], 2)
    assert again == 0
    assert project.statuses == ["skipped", "published", "published", "published"]


def test_an_unindexed_file_does_not_look_like_a_bad_token(second_conda: CondaWorld, tmp_path: Path) -> None:
    """A file that a failed index left behind is 401 for the second generation, like a bad token. The batch goes on all
    the same, its next upload indexes the file, and one more run finds everything published.
    """
    project = Project(tmp_path / "project", second_conda.settings)
    left = project.package("a")
    project.package("b")
    project.write("{files: dist/*.tar.bz2}")
    second_conda.put(left, "linux-64", is_indexed=False)

    first = project.apply()
    after_first = (project.statuses, project.entry("channel:linux-64/a-1.0-0.tar.bz2")["error"]["code"])
    second = project.apply()

    assert first == 1
    assert after_first == (["failed", "published"], "not_indexed")
    assert second == 0
    assert project.statuses == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("entry", "spoil", "said"),
    [
        ("{files: dist/*.tar.bz2}", "text", "is not a conda package"),
        ("{files: dist/*.tar.bz2, subdir: linux-64}", "text", "is not a conda package"),
        ("{files: dist/*.tar.bz2}", "renamed", "is called z-1.0-0.tar.bz2, and is the package x-1.0-0"),
        ("{files: dist/*.tar.bz2, subdir: noarch}", "", "is for linux-64, and the manifest says noarch"),
        ("{files: dist/*.tar.bz2, version: 2.0}", "", "has the version 1.0, and the manifest says 2.0"),
        ("{files: dist/*.tar.bz2, name: y}", "", "has the name x, and the manifest says y"),
        ("{files: dist/*.tar.bz2, expect: 3}", "", "expected 3 files, found 2"),
        ("{file: ../x-1.0-0.tar.bz2}", "", "leads out of the project's root"),
        ("{file: 'dist/my package-1.0-0.tar.bz2'}", "", "there is no file"),
        ("{files: dist/*.tar.bz2}", "a b", "holds ` `"),
        ("{files: dist/*.tar.bz2}", "ü", "holds `ü`"),
    ],
)
def test_bad_input_is_an_error_of_the_plan_and_nothing_is_sent(
    second_project: Project, second_conda: CondaWorld, entry: str, spoil: str, said: str
) -> None:
    """What is no package, another package, or has a name that no channel takes: exit 3 before anything is sent."""
    good, bad = second_project.package("y"), second_project.package("x")
    if spoil == "text":
        bad.write_bytes(b"<html>not found</html>")
    elif spoil == "renamed":
        bad.rename(bad.with_name("z-1.0-0.tar.bz2"))
    elif spoil:
        bad.rename(bad.with_name(f"{spoil}-1.0-0.tar.bz2"))
    second_project.write(entry)

    code, planned = second_project.run("plan", second_project.manifest)
    applied = second_project.apply()

    assert (code, applied) == (3, 3), planned
    assert said in planned
    assert said in second_project.said
    assert second_conda.handler.received == []
    assert good.exists()


def test_servers_that_are_down_are_told(second_project: Project, second_conda: CondaWorld) -> None:
    """Whichever of the two is down: exit 1, nothing is stored, and the address to look at is named."""
    second_project.package("x")
    second_project.write("{files: dist/*.tar.bz2}")
    up = dict(second_project.settings)
    with FaultProxy(second_conda.handler.port) as proxy:
        nobody = f"http://127.0.0.1:{proxy.port}"

    second_project.settings["CONDA_CHANNEL_URL"] = nobody
    without_channel = second_project.apply()
    said_first = second_project.said
    second_project.settings.update(up, CONDA_UPLOAD_URL=nobody)
    without_handler = second_project.apply()

    assert (without_channel, without_handler) == (1, 1)
    assert "no connection to 127.0.0.1" in said_first
    assert "no connection to 127.0.0.1" in second_project.said
    assert second_conda.stored() == {}


def test_one_look_at_the_index_plans_a_whole_batch(second_project: Project, second_conda: CondaWorld) -> None:
    """Planning reads the index of a subdir once, however many packages there are."""
    for number in range(20):
        second_conda.put(second_project.package(f"p{number}"), "linux-64", is_indexed=number == 19)
    second_project.write("{files: dist/*.tar.bz2, expect: 20}")

    code, planned = second_project.run("plan", second_project.manifest, "--json")

    assert code == 0, planned
    assert second_conda.server.asked == [("GET", "/linux-64/repodata.json")]


def test_a_saved_plan_is_carried_out_or_refused(second_project: Project, second_conda: CondaWorld) -> None:
    """A plan pins the package: another one under its name makes the plan stale, exit 6."""
    package = second_project.package("x")
    second_project.write("{files: dist/*.tar.bz2, version: 1.0}")
    second_project.run("plan", second_project.manifest, "--out", "plan.json")
    content = package.read_bytes()

    second_project.package("x", content=b"changed since\n")
    stale, _ = second_project.run("apply", "--plan", "plan.json")
    nothing = second_conda.stored()
    package.write_bytes(content)
    code, said = second_project.run("apply", "--plan", "plan.json")

    assert (stale, nothing) == (6, {})
    assert code == 0, said
    assert second_conda.stored() == {"linux-64/x-1.0-0.tar.bz2": content}


def test_verify_fetch_explain_and_doctor(second_project: Project, second_conda: CondaWorld) -> None:
    """The other verbs know packages: what clients get, where a value came from, and what works."""
    package = second_project.package("x")
    second_project.write("{files: dist/*.tar.bz2}")
    artifact_id = f"channel:linux-64/{package.name}"
    second_project.apply()

    verified, _ = second_project.run("verify", second_project.manifest)
    fetched, _ = second_project.run("fetch", "--kind", "conda", artifact_id, "-o", "fetched.tar.bz2")
    explained, text = second_project.run("explain", second_project.manifest, artifact_id)
    checked, findings = second_project.run("doctor", second_project.manifest)
    repaired, _ = second_project.run("repair", second_project.manifest)
    (second_conda.folder / "linux-64" / package.name).write_bytes(b"damaged")
    damaged, said = second_project.run("verify", second_project.manifest, "--mode", "full")
    not_fetched, _ = second_project.run("fetch", "--kind", "conda", artifact_id, "-o", "damaged.tar.bz2")

    assert (verified, fetched, explained, repaired) == (0, 0, 0, 0)
    assert (second_project.folder / "fetched.tar.bz2").read_bytes() == package.read_bytes()
    assert "the package" in text
    assert checked == 0, findings
    assert "anybody on the way can change" in findings
    assert damaged == 5
    assert "serves another file" in said
    assert not_fetched == 5
    assert not (second_project.folder / "damaged.tar.bz2").exists()


def test_a_rehearsal_is_a_channel(tmp_path: Path) -> None:
    """`--local` makes a channel in a folder that a client of conda installs from, without servers and secrets."""
    project = Project(tmp_path / "project", {})
    project.package("x", extension=".conda")
    project.package("y", subdir="noarch", content=b"rehearsed\n")
    project.write("{files: dist/*.conda}", "{files: dist/*.tar.bz2}")

    first = project.apply("--local")
    published = project.statuses
    second = project.apply("--local")

    assert (first, second) == (0, 0), project.said
    assert (published, project.statuses) == (["published"] * 2, ["skipped"] * 2)
    url = (project.folder / ".publish" / "local" / "conda").as_uri()
    prefix = install_from(url, "y", tmp_path / "client")
    assert (prefix / "share" / "y.txt").read_bytes() == b"rehearsed\n"


@pytest.fixture
def slow_line(conda: CondaWorld) -> Iterator[FaultProxy]:
    """A line to the handler that can be slowed down."""
    with FaultProxy(conda.handler.port) as proxy:
        yield proxy


def _noise(size: int) -> bytes:
    return random.Random(11).randbytes(size)


def _started(project: Project) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("apply", project.manifest, "--progress", "json"),
        env=bare_environment(project.folder, project.settings),
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_signal_in_mid_upload_leaves_nothing_behind(
    project: Project, conda: CondaWorld, slow_line: FaultProxy
) -> None:
    """SIGTERM while a package is being sent: exit 143, a report, no half of a package; the next run publishes it."""
    # More than the buffers of the sockets on the way can hold: else all of it is sent, and then it is waited for.
    project.package("x", content=_noise(24_000_000))
    project.write("{files: dist/*.tar.bz2}")
    project.settings["CONDA_UPLOAD_URL"] = f"http://127.0.0.1:{slow_line.port}"
    slow_line.arm(LineFault(Kind.THROTTLE, method="POST", rate=300_000))

    with _started(project) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if '"progress"' in line:
                running.send_signal(signal.SIGTERM)
                break
        running.communicate(timeout=60)
    stopped = (running.returncode, project.statuses, conda.stored())
    code = project.apply()

    assert stopped == (143, ["cancelled"], {})
    assert code == 0, project.said
    assert project.statuses == ["published"]


def test_a_signal_after_the_last_byte_waits_for_the_server(project: Project, conda: CondaWorld) -> None:
    """SIGTERM while the server indexes: the package is there, and the report says so."""
    project.package("x")
    project.write("{files: dist/*.tar.bz2}")
    indexing, signalled, real = threading.Event(), threading.Event(), conda.handler.index

    def slow_index() -> None:
        indexing.set()
        signalled.wait(30)
        real()

    conda.handler.index = slow_index  # type: ignore[method-assign] # a large channel
    with _started(project) as running:
        assert indexing.wait(60)
        running.send_signal(signal.SIGTERM)
        assert running.stdout is not None
        next(line for line in running.stdout if "stop_requested" in line)
        signalled.set()
        running.communicate(timeout=60)

    assert running.returncode == 143
    assert project.statuses == ["published"]
    assert list(conda.index("linux-64")) == ["x-1.0-0.tar.bz2"]


EVERY_OUTPUT = ("--verbose", "--junit", "j.xml", "--summary", "s.md", "--events", "e.jsonl")


@pytest.mark.parametrize("fault", ["index-fails", "fails", "html", "redirect", None])
def test_no_output_shows_the_token(project: Project, conda: CondaWorld, fault: Fault | None) -> None:
    """Whatever the server does: the token is in no output, no file, no argument list, no address and no header."""
    project.package("x")
    project.write("{files: dist/*.tar.bz2}")
    if fault:
        conda.handler.fail(fault)

    project.apply(*EVERY_OUTPUT)
    said = project.said
    project.settings["CONDA_UPLOAD_TOKEN"] = f"{TOKEN}-wrong"
    project.package("y")
    project.apply(*EVERY_OUTPUT)
    for verb in ("plan", "verify", "doctor") if fault is None else ():
        said += project.run(verb, project.manifest)[1]

    files = [path.read_bytes().decode("latin-1") for path in project.folder.rglob("*") if path.is_file()]
    asked = [path for _, path in conda.server.asked] + [str(received.headers) for received in conda.handler.received]
    assert conda.handler.received, said
    assert found([TOKEN], "\n".join([said, project.said, *files, *asked])) == []


def test_a_page_in_place_of_the_index_is_unknown(second_project: Project, second_conda: CondaWorld) -> None:
    """A login page with 200 where the index should be: unknown, exit 1, nothing is sent."""
    second_project.package("x")
    second_project.write("{files: dist/*.tar.bz2}")
    second_conda.server.answer("/linux-64/repodata.json", Instead(body=b"<html>Sign in</html>"))

    code = second_project.apply()

    assert code == 1
    assert "is not the index of a channel" in second_project.said
    assert json.dumps(second_project.report).count("lookup_failed")
    assert second_conda.handler.received == []
