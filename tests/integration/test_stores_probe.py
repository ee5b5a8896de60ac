"""The probe against real servers: one that keeps its promises and one that only says so."""

from __future__ import annotations

import uuid

from publisher.stores.probe import Enforcement, probe
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.support.s3_servers import S3Server


def new_id() -> str:
    return uuid.uuid4().hex


def test_seaweedfs_is_fit_for_publishing(seaweedfs: S3Server, s3_options: S3Options) -> None:
    """SeaweedFS passes every question of the probe, and the probe leaves the bucket empty."""
    found = probe(S3Store(s3_options), new_id=new_id)

    assert found.problems() == ()
    assert found.conditional_put is Enforcement.ENFORCED
    assert found.checks_md5
    assert found.clock_offset_s is not None
    assert "Contents" not in seaweedfs.client.list_objects_v2(Bucket=s3_options.bucket)


def test_s11_a_store_that_ignores_the_condition_is_refused(rclone_s3: S3Server) -> None:
    """S11: rclone answers 200 to a second conditional PUT; the probe says so and deletes what it wrote."""
    bucket = rclone_s3.new_bucket()

    found = probe(S3Store(rclone_s3.options(bucket)), new_id=new_id)

    assert found.conditional_put is Enforcement.IGNORED
    assert "does not honour create-if-absent" in found.problems()[0]
    assert "Contents" not in rclone_s3.client.list_objects_v2(Bucket=bucket)
