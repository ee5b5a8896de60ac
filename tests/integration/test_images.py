"""Docker images from every place they can be in, published with --local and looked at as a device would."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ended, bare_environment, publish, read_report, sqlite_rows, tree, write_manifest
from tests.support.engines import Engine, RealEngine, StandIn
from tests.support.fleets import Fleet
from tests.support.images import Image, hybrid_archive, legacy_archive, tar_of, write_layout
from tests.support.programs import need
from tests.support.registries import PASSWORD, Registry

LAYER = tar_of({"app/": b"", "app/run.sh": b"#!/bin/sh\nexec true\n", "app/weights": os.urandom(300_000)})
IMAGE = Image("arm64", layers=(LAYER, tar_of({"etc/": b"", "etc/loader.conf": b"threads = 2\n"})))
ID = "fleet:dev/loader/arm64/1"
MANIFEST = """\
version: 1
destinations: {{fleet: {{kind: fleet}}}}
artifacts:
  - {{resource_name: loader, dev_stage: dev, architecture: {architecture}, version: 1, image: "{reference}"}}
"""


class Rehearsal:
    """A project in a folder, published to the embedded fleet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.environment = bare_environment(folder)

    def publish(self, verb: str, reference: str, *options: str, architecture: str = "arm64") -> Ended:
        text = MANIFEST.format(reference=reference, architecture=architecture)
        manifest = write_manifest(self.folder, text)
        return publish(verb, manifest.name, "--local", *options, environment=self.environment, folder=self.folder)

    def fetch(self, name: str, *, architecture: str = "arm64") -> Path:
        done = publish(
            *("fetch", f"fleet:dev/loader/{architecture}/1", "--local", "-o", name),
            environment=self.environment,
            folder=self.folder,
        )
        assert done.code == 0, done.said
        return self.folder / name

    @property
    def outcome(self) -> tuple[str, str]:
        [artifact] = read_report(self.folder / "publish-report.json")["artifacts"]
        return artifact["status"], artifact["reason"]

    @property
    def stored(self) -> dict[str, object]:
        """Return what the embedded fleet holds: its objects, and its rows as one entry."""
        local = self.folder / ".publish" / "local"
        rows = sqlite_rows(local / "resources.db") if (local / "resources.db").exists() else []
        return {**tree(local / "objects"), "rows": rows}


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(tmp_path)


def inspect(archive: Path) -> dict[str, object]:
    """Return the image's configuration as skopeo reads it out of a Docker archive."""
    command = [need("skopeo", "skopeo"), "inspect", "--config", "--raw", f"docker-archive:{archive}"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    config: dict[str, object] = json.loads(done.stdout)
    return config


def from_legacy(at: Rehearsal) -> str:
    (at.folder / "legacy.tar").write_bytes(legacy_archive(IMAGE, "example/loader:1"))
    return "docker-archive:legacy.tar"


def from_hybrid(at: Rehearsal) -> str:
    (at.folder / "hybrid.tar").write_bytes(hybrid_archive(IMAGE, "example/loader:1", compressed=True))
    return "docker-archive:hybrid.tar"


def from_layout(at: Rehearsal) -> str:
    need("skopeo", "skopeo")
    write_layout(at.folder / "loader", "1.4", IMAGE)
    return "oci:loader:1.4"


def from_oci_archive(at: Rehearsal) -> str:
    need("skopeo", "skopeo")
    layout = write_layout(at.folder / "packed", "1.4", IMAGE)
    members = {str(path.relative_to(layout)): path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    (at.folder / "loader.tar").write_bytes(tar_of(dict(members)))
    return "oci-archive:loader.tar:1.4"


@pytest.mark.tier2
@pytest.mark.parametrize("place", [from_layout, from_oci_archive])
def test_what_a_device_opens_is_the_image(rehearsal: Rehearsal, place: Callable[[Rehearsal], str]) -> None:
    """What skopeo copied into the fleet is an archive out of which skopeo reads the very configuration."""
    done = rehearsal.publish("apply", place(rehearsal))

    assert done.code == 0, done.said
    assert inspect(rehearsal.fetch("fetched.tar")) == json.loads(IMAGE.config)
    [artifact] = read_report(rehearsal.folder / "publish-report.json")["artifacts"]
    assert artifact["source"]["sha256"] == IMAGE.config_digest


@pytest.mark.tier2
def test_an_image_is_the_same_wherever_it_comes_from(rehearsal: Rehearsal) -> None:
    """Published once, the same image out of any other place is already registered, and equals what devices open."""
    rehearsal.publish("apply", from_legacy(rehearsal))
    stored = rehearsal.stored

    for place in (from_hybrid, from_layout, from_oci_archive):
        reference = place(rehearsal)
        again = rehearsal.publish("apply", reference)
        verified = rehearsal.publish("verify", reference, "--mode", "full")

        assert (again.code, rehearsal.outcome) == (0, ("skipped", "already_registered")), again.said
        assert (verified.code, "equals its source" in verified.out) == (0, True), verified.said
    assert rehearsal.stored == stored


def test_an_archive_saved_again_is_registered_already(rehearsal: Rehearsal) -> None:
    """Other bytes of the same image are no conflict; another image is one (exit 5)."""
    archive = rehearsal.folder / "loader.tar"
    archive.write_bytes(legacy_archive(IMAGE, "example/loader:1", mtime=1))
    rehearsal.publish("apply", "docker-archive:loader.tar")
    archive.write_bytes(legacy_archive(IMAGE, "example/loader:1", mtime=2))
    again = rehearsal.publish("apply", "docker-archive:loader.tar")
    saved_again = rehearsal.outcome
    archive.write_bytes(legacy_archive(Image("arm64", labels={"rebuilt": "yes"}), "example/loader:1"))

    other = rehearsal.publish("apply", "docker-archive:loader.tar")

    assert (again.code, saved_again) == (0, ("skipped", "already_registered"))
    assert (other.code, rehearsal.outcome) == (5, ("blocked", "content_conflict"))


def test_a_saved_plan_of_an_image_is_carried_out(rehearsal: Rehearsal) -> None:
    """A plan pins the image's id: the image saved again fits it, another image makes it stale (exit 6)."""
    archive = rehearsal.folder / "loader.tar"
    archive.write_bytes(legacy_archive(IMAGE, mtime=1))
    rehearsal.publish("plan", "docker-archive:loader.tar", "--out", "plan.json")

    def apply() -> Ended:
        return publish(
            *("apply", "--plan", "plan.json", "--local"), environment=rehearsal.environment, folder=rehearsal.folder
        )

    archive.write_bytes(legacy_archive(Image("arm64", labels={"rebuilt": "yes"})))
    stale = apply()
    archive.write_bytes(legacy_archive(IMAGE, mtime=2))
    done = apply()

    assert stale.code == 6, stale.said
    assert done.code == 0, done.said
    assert rehearsal.outcome == ("published", "registered")


def test_the_architecture_inside_is_compared(rehearsal: Rehearsal) -> None:
    """An image for another processor than the artifact's is an error of the plan, and nothing is published."""
    reference = from_legacy(rehearsal)

    planned = rehearsal.publish("plan", reference, architecture="x86-64")

    assert planned.code == 3, planned.said
    said = "the image docker-archive:legacy.tar is for linux/arm64, and the artifact's architecture is x86-64"
    assert said in planned.out


@pytest.mark.tier2
def test_a_list_of_platforms_gives_the_artifacts_one(rehearsal: Rehearsal) -> None:
    """Of an image for several platforms the architecture chooses; a word that chooses none is an error that lists."""
    need("skopeo", "skopeo")
    images = {"amd64": Image("amd64"), "arm64": Image("arm64"), "armv7": Image("arm", variant="v7")}
    write_layout(rehearsal.folder / "loader", "1", *images.values())

    for architecture, image in images.items():
        done = rehearsal.publish("apply", "oci:loader:1", architecture=architecture)
        assert done.code == 0, done.said
        config = inspect(rehearsal.fetch(f"{architecture}.tar", architecture=architecture))
        assert config == json.loads(image.config)
    missing = rehearsal.publish("plan", "oci:loader:1", architecture="s390x")
    unclear = rehearsal.publish("plan", "oci:loader:1", architecture="jetson")

    assert (missing.code, "no image found" in missing.out, "s390x" in missing.out) == (3, True, True), missing.said
    assert (unclear.code, "linux/amd64, linux/arm64, linux/arm/v7" in unclear.out) == (3, True), unclear.said


@pytest.mark.tier2
def test_an_image_of_a_registry_with_a_login(rehearsal: Rehearsal, registry: Registry, tmp_path: Path) -> None:
    """An image of a registry is found with docker's login, and devices load it under the registry's name for it."""
    reference = registry.push("group/loader:1.4", Image("amd64"), IMAGE)
    rehearsal.environment["DOCKER_CONFIG"] = str(registry.login(tmp_path / "docker"))

    done = rehearsal.publish("apply", reference)
    again = rehearsal.publish("apply", reference)

    assert (done.code, again.code, rehearsal.outcome[0]) == (0, 0, "skipped"), done.said + again.said
    fetched = rehearsal.fetch("fetched.tar")
    assert inspect(fetched) == json.loads(IMAGE.config)
    assert _tags(fetched) == [f"{registry.host}/group/loader:1.4"]
    assert PASSWORD not in done.said


@pytest.mark.tier2
@pytest.mark.parametrize(
    ("login", "name", "said"),
    [
        ("wrong", "group/refused:1", r"authentication required.*hint: .*docker login"),
        ("none", "group/refused:1", r"authentication required.*hint: .*docker login"),
        ("right", "group/refused:2", r"manifest unknown.*hint: push it first"),
        ("right", "group/never-pushed:1", r"manifest unknown.*hint: push it first"),
    ],
)
def test_a_registry_that_refuses(rehearsal: Rehearsal, registry: Registry, login: str, name: str, said: str) -> None:
    """A missing login, a wrong one and a missing image are errors that say so, and nothing is published."""
    registry.push("group/refused:1", IMAGE)
    if login != "none":
        password = PASSWORD if login == "right" else "fake-wrong-password"
        folder = rehearsal.folder / "docker"
        rehearsal.environment["DOCKER_CONFIG"] = str(registry.login(folder, password=password))

    done = rehearsal.publish("apply", f"docker://{registry.host}/{name}")

    assert done.code == 3
    assert re.search(said, done.err, re.DOTALL), done.err
    assert "fake-" not in done.said
    assert rehearsal.stored == {"rows": []}


@pytest.mark.tier2
def test_a_registry_that_is_not_there(rehearsal: Rehearsal) -> None:
    """A registry that does not answer is not an image that is not there: running again may help (exit 1)."""
    need("skopeo", "skopeo")

    done = rehearsal.publish("plan", "docker://127.0.0.1:1/group/loader:1")

    assert (done.code, "connection refused" in done.out, "run again" in done.out) == (1, True, True), done.said


@pytest.mark.tier2
def test_no_secret_reaches_a_tool(
    rehearsal: Rehearsal, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the login of a registry nor a destination's secret is on a command line or in a tool's environment."""
    skopeo, log = need("skopeo", "skopeo"), tmp_path / "told"
    watching = tmp_path / "bin"
    watching.mkdir()
    script = f'#!/bin/sh\n{{ echo "$@"; env; }} >> "{log}"\nexec {skopeo} "$@"\n'
    (watching / "skopeo").write_text(script)
    (watching / "skopeo").chmod(0o755)
    reference = registry.push("group/watched:1", IMAGE)
    rehearsal.environment |= {
        "DOCKER_CONFIG": str(registry.login(tmp_path / "docker")),
        "PATH": f"{watching}{os.pathsep}{rehearsal.environment['PATH']}",
        "S3_SECRET_KEY": "canary-of-the-store",
        "ADMIN_API_TOKEN": "canary-of-the-api",
    }

    done = rehearsal.publish("apply", reference)

    assert done.code == 0, done.said
    told = log.read_text()
    assert "inspect" in told
    assert "docker-archive:/dev/stdout" in told
    assert [word for word in (PASSWORD, "canary") if word in told] == []


def test_an_image_of_the_engine(rehearsal: Rehearsal, engine: Engine) -> None:
    """What the engine holds is streamed from `docker save`; exported again it is the same artifact."""
    engine.load(IMAGE, "example/loader:1.4")
    rehearsal.environment |= engine.environment

    done = rehearsal.publish("apply", "example/loader:1.4")
    published = rehearsal.outcome
    engine.load(IMAGE, "example/loader:1.4")
    again = rehearsal.publish("apply", "example/loader:1.4")
    verified = rehearsal.publish("verify", "example/loader:1.4", "--mode", "full")

    assert (done.code, again.code, verified.code) == (0, 0, 0), done.said + again.said + verified.said
    assert (published, rehearsal.outcome) == (("published", "registered"), ("skipped", "already_registered"))
    assert _tags(rehearsal.fetch("fetched.tar")) == ["example/loader:1.4"]


def test_an_image_that_the_engine_lacks(rehearsal: Rehearsal, engine: Engine) -> None:
    """A missing image is an error of the plan with what to do, and is not looked for in a registry."""
    rehearsal.environment |= engine.environment

    done = rehearsal.publish("plan", "example/never-built:1")

    assert done.code == 3
    assert "No such image: example/never-built:1" in done.out
    assert "build or pull it first" in done.out


@pytest.mark.tier2
def test_an_engine_loads_what_a_device_opens(rehearsal: Rehearsal, request: pytest.FixtureRequest) -> None:
    """`docker load` takes what came out of the fleet, under the name it was published with, as the same image."""
    daemon = request.getfixturevalue("docker_daemon")
    assert isinstance(daemon, RealEngine)
    write_layout(rehearsal.folder / "loader", "2.0", IMAGE)
    rehearsal.publish("apply", "oci:loader:2.0")

    daemon.docker("load", input=rehearsal.fetch("fetched.tar").read_bytes())

    shown = daemon.docker("image", "inspect", "--format", "{{.Id}}", "loader:2.0").decode().strip()
    assert shown == f"sha256:{IMAGE.config_digest}"


@pytest.mark.parametrize(
    ("driver_status", "platform"),
    [([["driver-type", "io.containerd.snapshotter.v1"]], ["--platform=linux/arm64"]), ("unknown", [])],
    ids=["containerd store", "only named docker"],
)
def test_an_engine_whose_ids_say_nothing(
    rehearsal: Rehearsal, stand_in: StandIn, driver_status: list[list[str]] | str, platform: list[str]
) -> None:
    """An engine with the containerd store calls an image by its manifest: the id that counts is found in an export.

    The same goes for a program that is only named docker. The first is asked for one platform of an image.
    """
    stand_in.load(IMAGE, "loader:1")
    stand_in.describe(Image("arm64", labels={"the": "digest of a manifest"}), "loader:1")
    stand_in.behave(driver_status=driver_status)
    rehearsal.environment |= stand_in.environment

    done = rehearsal.publish("apply", "loader:1")

    assert done.code == 0, done.said
    [artifact] = read_report(rehearsal.folder / "publish-report.json")["artifacts"]
    assert artifact["source"]["sha256"] == IMAGE.config_digest
    exports = [arguments for arguments, _, _ in stand_in.calls if arguments[0] == "save"]
    assert exports == [["save", *platform, "loader:1"]] * len(exports)


@pytest.mark.tier2
def test_an_image_of_real_tools(rehearsal: Rehearsal) -> None:
    """A layout that umoci made is published, and umoci's own idea of the image comes out at the other end."""
    umoci, skopeo = need("umoci", "umoci"), need("skopeo", "skopeo")
    program = rehearsal.folder / "run.sh"
    program.write_text("#!/bin/sh\necho loader\n")
    for arguments in (
        [umoci, "init", "--layout", "built"],
        [umoci, "new", "--image", "built:v1"],
        [umoci, "insert", "--rootless", "--image", "built:v1", "run.sh", "/app/run.sh"],
        [umoci, "config", "--image", "built:v1", "--config.entrypoint", "/app/run.sh", "--architecture", "arm64"],
    ):
        subprocess.run(arguments, cwd=rehearsal.folder, check=True, capture_output=True, timeout=60)
    wanted = [skopeo, "inspect", "--config", "--raw", f"oci:{rehearsal.folder}/built:v1"]
    config = json.loads(subprocess.run(wanted, check=True, capture_output=True, timeout=60).stdout)

    done = rehearsal.publish("apply", "oci:built:v1")

    assert done.code == 0, done.said
    assert inspect(rehearsal.fetch("fetched.tar")) == config


def test_another_run_finishes_an_upload_with_other_bytes(admin_fleet: Fleet, tmp_path: Path) -> None:
    """An upload whose registration failed is finished by a run that has the image from a later export."""
    project = Rehearsal(tmp_path)
    project.environment |= admin_fleet.settings
    archive = project.folder / "loader.tar"
    archive.write_bytes(legacy_archive(IMAGE, "example/loader:1", mtime=1))
    text = MANIFEST.format(reference="docker-archive:loader.tar", architecture="arm64")
    manifest = write_manifest(project.folder, text)
    down = {"ADMIN_API_PUBLISH_PATH": "nothing/here"}
    failed = publish("apply", manifest, environment=project.environment | down, folder=project.folder)
    archive.write_bytes(legacy_archive(IMAGE, "example/loader:1", mtime=2))

    finished = publish("apply", manifest, environment=project.environment, folder=project.folder)

    assert (failed.code, admin_fleet.keys()) == (1, ["dev/loader-arm64-1.enc"]), failed.said
    assert (finished.code, project.outcome[0]) == (0, "adopted"), finished.said
    [row] = admin_fleet.rows()
    assert row["resource_name"] == "loader"


def _tags(archive: Path) -> list[str]:
    done = subprocess.run(
        ["tar", "--extract", "--to-stdout", "--file", str(archive), "manifest.json"], check=True, capture_output=True
    )
    [entry] = json.loads(done.stdout)
    tags: list[str] = entry["RepoTags"]
    return tags
