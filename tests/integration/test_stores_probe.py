"""The probe against real servers: one that keeps its promises, one that only says so, and one in between."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.stores.capabilities import Enforcement
from publisher.stores.gate import StoreGate
from publisher.stores.port import BodyDigest
from publisher.stores.probe import probe
from publisher.stores.probe_cache import ProbeCache
from publisher.stores.probe_copy import KEY
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.support.s3_servers import S3Server


def new_id() -> str:
    return uuid.uuid4().hex


def test_seaweedfs_is_fit_for_publishing(seaweedfs: S3Server, s3_options: S3Options) -> None:
    """SeaweedFS passes every question about single requests, and the probe leaves the bucket empty."""
    found = probe(S3Store(s3_options), new_id=new_id)

    assert found.problems() == ()
    assert found.conditional_put is Enforcement.ENFORCED
    assert (found.checks_md5, found.checks_payload_sha256, found.checks_crc32) == (True, False, True)
    assert found.put_digests == {BodyDigest.CRC32}
    assert found.if_match
    assert found.clock_offset_s is not None
    assert found.server.startswith("SeaweedFS")
    assert "Contents" not in seaweedfs.client.list_objects_v2(Bucket=s3_options.bucket)


def test_seaweedfs_lets_several_uploads_win(seaweedfs: S3Server, s3_options: S3Options) -> None:
    """P3: SeaweedFS 4.48 honours the condition of a completion, but not in a race; nothing is left behind."""
    found = probe_uploads(S3Store(s3_options), new_id=new_id)

    assert found.conditional_complete is Enforcement.RACY
    assert (found.checks_part_md5, found.checks_part_sha256, found.checks_part_crc32) == (True, False, True)
    assert found.part_digests == {BodyDigest.CRC32}
    assert found.keeps_upload_metadata
    assert (found.lists_uploads, found.aborts_uploads) == (True, True)
    assert "Contents" not in seaweedfs.client.list_objects_v2(Bucket=s3_options.bucket)
    assert "Uploads" not in seaweedfs.client.list_multipart_uploads(Bucket=s3_options.bucket)


def test_s11_a_store_that_ignores_the_condition_is_refused(rclone_s3: S3Server) -> None:
    """S11: rclone answers 200 to a second conditional PUT; the probe says so and deletes what it wrote."""
    bucket = rclone_s3.new_bucket()

    found = probe(S3Store(rclone_s3.options(bucket)), new_id=new_id)

    assert found.conditional_put is Enforcement.IGNORED
    assert "does not honour create-if-absent" in found.problems()[0]
    assert "Contents" not in rclone_s3.client.list_objects_v2(Bucket=bucket)


@pytest.mark.tier2
def test_ceph_keeps_half_of_the_promises(ceph: S3Server, ceph_options: S3Options) -> None:
    """Ceph 16.2 enforces the condition of a PUT and ignores that of a completion; both digests are checked."""
    store = S3Store(ceph_options)

    found, uploads = probe(store, new_id=new_id), probe_uploads(store, new_id=new_id)

    assert (found.conditional_put, found.problems()) == (Enforcement.ENFORCED, ())
    assert (found.checks_md5, found.checks_payload_sha256, found.checks_crc32) == (True, True, False)
    # It answers 412 to the right ETag if that is quoted.
    assert found.if_match is False
    assert uploads.conditional_complete is Enforcement.IGNORED
    assert uploads.replayed_complete == "created"
    assert uploads.part_digests == {BodyDigest.SHA256}
    assert "Contents" not in ceph.client.list_objects_v2(Bucket=ceph_options.bucket)
    assert "Uploads" not in ceph.client.list_multipart_uploads(Bucket=ceph_options.bucket)


@pytest.fixture(params=["s3_options", pytest.param("ceph_options", marks=pytest.mark.tier2)])
def options(request: pytest.FixtureRequest) -> S3Options:
    chosen: S3Options = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def machine(options: S3Options, tmp_path: Path) -> Callable[[str], StoreGate]:
    """Return a function which makes the gate of a new process on the named machine."""
    return lambda name: StoreGate(S3Store(options), ProbeCache(tmp_path / name, now=time.time))


def test_a_short_lived_machine_believes_the_bucket(options: S3Options, machine: Callable[[str], StoreGate]) -> None:
    """A second machine learns from the copy in the bucket in a moment what the first found out, its own clock aside."""
    first = machine("a").require_safe()
    started = time.monotonic()

    second = machine("b").require_safe()

    assert time.monotonic() - started < 2
    assert second.conditional_put is first.conditional_put
    assert second.clock_offset_s is not None
    assert S3Store(options).head(KEY) is not None
    # Where If-Match does not work, the copy is deleted and created again.
    machine("b").capabilities(fresh=True)
    assert S3Store(options).head(KEY) is not None
