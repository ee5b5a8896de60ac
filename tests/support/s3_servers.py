"""Real S3 servers as fixtures: SeaweedFS, which keeps its promises on PUT, and rclone, which ignores conditions.

Each starts when first asked for, once for each test process, on loopback ports of its own.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from publisher.stores.s3_options import S3Options
from tests.support.programs import Server, free_block, free_port, from_wheel

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

pytest_plugins = ("tests.support.ceph", "tests.support.streaming_s3")
"""The third server, which comes from Debian packages, and our own, to which objects can be streamed."""

ACCESS_KEY = "AKADMIN"
SECRET_KEY = "SKADMINSECRET"


@dataclass(frozen=True)
class S3Server:
    """A running S3 API. `client` is an independent, direct client for looking behind the scenes."""

    endpoint: str
    server: Server
    client: S3Client

    def new_bucket(self) -> str:
        """Create a bucket that nobody else uses."""
        name = f"test-{uuid.uuid4().hex[:20]}"
        self.client.create_bucket(Bucket=name)
        return name

    def options(self, bucket: str) -> S3Options:
        """Return what the publisher needs for `bucket`, with time-outs for impatient tests."""
        return S3Options(
            endpoint=self.endpoint,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            bucket=bucket,
            connect_timeout_s=4.0,
            read_timeout_s=10.0,
        )

    def publish_to_world(self, bucket: str) -> str:
        """Let anybody read the bucket's objects; return the base URL of its public downloads."""
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return f"{self.endpoint}/{bucket}"


@contextmanager
def running_seaweedfs() -> Iterator[S3Server]:
    """Run SeaweedFS: signatures, conditions, Content-MD5 and metadata are checked and kept as on AWS."""
    folder = Path(tempfile.mkdtemp(prefix="seaweedfs-"))
    base = free_block()
    for name in ("data", "log"):
        (folder / name).mkdir()
    command = [
        from_wheel("weed"),
        f"-logdir={folder / 'log'}",
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={base}",
        f"-volume.port={base + 1}",
        # Each bucket takes volumes of its own; by itself the server allows as many as the free disk is large.
        "-volume.max=5000",
        f"-filer.port={base + 2}",
        f"-s3.port={base + 3}",
        f"-admin.port={base + 4}",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.autoCreateBucket=false",
        "-bucket=data-publish",
    ]
    # Its socket files go to the temporary folder and are left behind: TMPDIR.
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "TMPDIR": str(folder)}
    yield from _running(command, folder=folder, port=base + 3, env=keys)


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    """One SeaweedFS for the whole run."""
    with running_seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_s3() -> Iterator[S3Server]:
    """Run rclone's S3 server: it answers 200 to every conditional PUT and overwrites."""
    folder = Path(tempfile.mkdtemp(prefix="rclone-"))
    (folder / "s3").mkdir()
    port = free_port()
    command = [
        from_wheel("rclone"),
        "serve",
        "s3",
        "--config",
        "/dev/null",
        "--auth-key",
        f"{ACCESS_KEY},{SECRET_KEY}",
        "--addr",
        f"127.0.0.1:{port}",
        str(folder / "s3"),
    ]
    yield from _running(command, folder=folder, port=port, env={})


@pytest.fixture
def bucket(seaweedfs: S3Server) -> str:
    """Return the name of a fresh bucket on SeaweedFS."""
    return seaweedfs.new_bucket()


@pytest.fixture
def s3_options(seaweedfs: S3Server, bucket: str) -> S3Options:
    """Return options for a fresh bucket on SeaweedFS."""
    return seaweedfs.options(bucket)


def through(options: S3Options, port: int) -> S3Options:
    """Return the same options with the endpoint behind a proxy on `port`."""
    return replace(options, endpoint=f"http://127.0.0.1:{port}")


def direct_client(endpoint: str) -> S3Client:
    """Return a plain boto3 client, independent of the publisher's own."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=2,
            read_timeout=20,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={},
        ),
    )


def _running(command: list[str], *, folder: Path, port: int, env: dict[str, str]) -> Iterator[S3Server]:
    endpoint = f"http://127.0.0.1:{port}"
    server = Server(command, log=folder / "output.log", env=env)
    client = direct_client(endpoint)
    try:
        server.wait_until(lambda: stores_an_object(client))
        yield S3Server(endpoint, server, client)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def stores_an_object(client: S3Client) -> bool:
    """Tell whether the operation we need works: an open port and a health page come too early."""
    try:
        if not any(entry["Name"] == "readiness" for entry in client.list_buckets()["Buckets"]):
            client.create_bucket(Bucket="readiness")
        client.put_object(Bucket="readiness", Key="ready", Body=b"ready")
    except (ClientError, BotoCoreError):
        return False
    return True
