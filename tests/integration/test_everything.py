"""One manifest, every kind of destination, against real servers: published once, skipped from then on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from publisher.manifest import load_manifest
from tests.support.arkindex_server import LISTING, WORKER_VERSION, ArkindexServer
from tests.support.arkindex_server import TOKEN as ARKINDEX_TOKEN
from tests.support.command import PROJECT, Ended, bare_environment, open_by_hand, publish, read_report, statuses
from tests.support.conda_world import CondaWorld
from tests.support.fleets import Fleet
from tests.support.programs import free_port
from tests.support.webdav_servers import WebdavServer

EXAMPLES = PROJECT / "manifests" / "examples"


@dataclass
class Site:
    """A checkout of the examples, and the settings of every destination that their largest manifest names."""

    folder: Path
    settings: Mapping[str, str]

    def publish(self, verb: str, *options: str | Path) -> Ended:
        environment = bare_environment(self.home, self.settings)
        return publish(verb, "everything.yaml", *options, environment=environment, folder=self.folder)

    @property
    def home(self) -> Path:
        """The home in which the store is remembered to be safe."""
        return self.folder.parent

    @property
    def report(self) -> dict[str, Any]:
        return read_report(self.folder / "publish-report.json")

    def source(self, name: str) -> bytes:
        return (self.folder / "inputs" / name).read_bytes()

    def ids(self) -> list[str]:
        manifest = load_manifest(
            self.folder / "everything.yaml", variables={}, environment={}, facts=lambda _name: None
        )
        return [str(artifact.id) for artifact in manifest.artifacts]


@pytest.fixture
def site(
    tmp_path: Path,
    admin_fleet: Fleet,
    second_conda: CondaWorld,
    nginx_by_token: WebdavServer,
    arkindex: ArkindexServer,
) -> Site:
    """SeaweedFS and an admin API, a conda handler with its channel, nginx with its token service, and Arkindex."""
    arkindex.behaviour.operations = WORKER_VERSION | LISTING
    workers = {"ARKINDEX_API_URL": arkindex.url, "ARKINDEX_API_TOKEN": ARKINDEX_TOKEN}
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    return Site(folder, {**admin_fleet.settings, **second_conda.settings, **nginx_by_token.settings, **workers})


def test_one_apply_publishes_everything(
    site: Site,
    admin_fleet: Fleet,
    second_conda: CondaWorld,
    nginx_by_token: WebdavServer,
    arkindex: ArkindexServer,
) -> None:
    """Models, images, packages, files and workers are each where they belong, and no upload token is left."""
    done = site.publish("apply")

    assert done.code == 0, done.said
    assert list(statuses(site.report)) == site.ids()
    assert set(statuses(site.report).values()) == {"published"}
    keys = {row["resource_name"]: row["encryption_key"] for row in admin_fleet.rows()}
    opened = {
        name: open_by_hand(admin_fleet.stored(f"dev/{name}-arm64-2026-04-15.enc"), key) for name, key in keys.items()
    }
    assert opened.keys() == {"detector-small", "loader"}
    assert opened["detector-small"] == site.source("detector-small-arm64.trt")
    assert second_conda.stored() == {
        f"noarch/{path.name}": path.read_bytes() for path in (site.folder / "inputs/packages/noarch").iterdir()
    }
    assert second_conda.index("noarch").keys() == {path.removeprefix("noarch/") for path in second_conda.stored()}
    assert nginx_by_token.stored() == {
        f"installers/loader/117/{path.name}": path.read_bytes()
        for path in (site.folder / "inputs/installers").iterdir()
    }
    assert [version["docker_image_iid"] for version in arkindex.versions.values()] == [
        "registry.example.com/group/detector:1.2.0"
    ]
    assert nginx_by_token.tokens is not None
    assert nginx_by_token.tokens.live == []


def test_a_second_apply_skips_everything(site: Site, second_conda: CondaWorld, nginx_by_token: WebdavServer) -> None:
    """What is there is looked at and left alone: nothing is sent, nothing changes, and verify agrees."""
    assert site.publish("apply").code == 0
    before = (second_conda.stored(), nginx_by_token.stored())

    again = site.publish("apply")

    assert again.code == 0, again.said
    assert set(statuses(site.report).values()) == {"skipped"}
    assert site.report["summary"]["uploaded_bytes"] == 0
    assert (second_conda.stored(), nginx_by_token.stored()) == before
    verified = site.publish("verify")
    assert verified.code == 0, verified.said


def test_the_trouble_of_one_destination_is_its_own(site: Site) -> None:
    """Where one server is not there the others get everything, and the exit code says that not all is done."""
    nobody = {"CONDA_CHANNEL_URL": f"http://127.0.0.1:{free_port()}"}
    cut_off = replace(site, settings={**site.settings, **nobody})

    done = cut_off.publish("apply")

    assert done.code == 1, done.said
    found = statuses(site.report)
    assert {status for name, status in found.items() if name.startswith("channel:")} == {"blocked"}
    assert {status for name, status in found.items() if not name.startswith("channel:")} == {"published"}


def test_missing_settings_of_all_kinds_are_one_error(site: Site) -> None:
    """Without settings nothing is published, and one message names what each kind needs."""
    done = publish("apply", "everything.yaml", environment=bare_environment(site.home), folder=site.folder)

    assert done.code == 3
    for name in ("S3_ENDPOINT", "ADMIN_API_URL", "CONDA_UPLOAD_URL", "WEBDAV_URL", "ARKINDEX_API_URL"):
        assert name in done.err
    assert "--local" in done.err


def test_a_saved_plan_of_everything_is_applied(site: Site) -> None:
    """Identities and sources of every kind survive the file: what was planned is what is published."""
    planned = site.publish("plan", "--out", "plan.json")
    assert planned.code == 0, planned.said
    environment = bare_environment(site.home, site.settings)

    done = publish("apply", "--plan", "plan.json", environment=environment, folder=site.folder)

    assert done.code == 0, done.said
    assert set(statuses(site.report).values()) == {"published"}


def test_a_rehearsal_needs_no_server(tmp_path: Path) -> None:
    """With `--local` every kind has its stand-in: published, then skipped, then verified, without any setting."""
    site = Site(tmp_path / "examples", {})
    shutil.copytree(EXAMPLES, site.folder)

    first = site.publish("apply", "--local", "L", "--report", "first.json")
    second = site.publish("apply", "--local", "L", "--report", "second.json")
    verified = site.publish("verify", "--local", "L")

    assert (first.code, second.code, verified.code) == (0, 0, 0), first.said + second.said + verified.said
    assert set(statuses(read_report(site.folder / "first.json")).values()) == {"published"}
    assert set(statuses(read_report(site.folder / "second.json")).values()) == {"skipped"}
