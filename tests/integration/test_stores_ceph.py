"""Publishing to Ceph, a store that keeps its promises for single requests only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.admin_api import LIST_PATH, TOKEN, AdminApi
from tests.support.command import ONE_MODEL, bare_environment, open_by_hand, publish, read_report, write_manifest
from tests.support.fleets import Fleet, keys_in, store_settings, stored_in
from tests.support.s3_servers import S3Server

pytestmark = pytest.mark.tier2

MODEL = b"weights " * 5000
KEY = "dev/model-arm64-2026-04-15.enc"


@pytest.fixture
def ceph_fleet(ceph: S3Server, admin_api: AdminApi) -> Fleet:
    """A bucket on Ceph that nobody probed yet, and an admin API with a list to look up."""
    admin_api.behaviour.lookup = "list"
    bucket = ceph.new_bucket()
    settings = {
        **store_settings(ceph, bucket),
        "ADMIN_API_URL": admin_api.url,
        "ADMIN_API_TOKEN": TOKEN,
        "ADMIN_API_LOOKUP": "list",
        "ADMIN_API_LOOKUP_PATH": LIST_PATH,
        "PUBLISH_RECOVERY_KEY": "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk=",
    }
    return Fleet(settings, bucket, admin_api.rows, stored_in(ceph, bucket), keys_in(ceph, bucket))


def test_a_model_is_published_once_and_skipped_afterwards(ceph_fleet: Fleet, tmp_path: Path) -> None:
    """The first run probes, stores and registers; the second changes nothing; the object opens with the row's key."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)
    environment = bare_environment(tmp_path, ceph_fleet.settings)

    reports = []
    for name in ("first", "second"):
        done = publish("apply", manifest, "--report", tmp_path / name, environment=environment, folder=tmp_path)
        assert done.code == 0, done.said
        reports.append(read_report(tmp_path / name))

    assert [entry["status"] for report in reports for entry in report["artifacts"]] == ["published", "skipped"]
    (row,) = ceph_fleet.rows()
    assert open_by_hand(ceph_fleet.stored(KEY), row["encryption_key"]) == MODEL
    assert ceph_fleet.keys() == [KEY]


def test_doctor_finds_no_fault_with_ceph(ceph_fleet: Fleet, tmp_path: Path) -> None:
    """What Ceph does not keep concerns uploads in parts only, so the doctor ends without failure."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)

    done = publish("doctor", manifest, environment=bare_environment(tmp_path, ceph_fleet.settings), folder=tmp_path)

    assert done.code == 0, done.said
    assert "enforced" in done.said
