"""Whole fleets of real servers: SeaweedFS as the store, and the admin API or PostgreSQL as the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from publisher.registries.sql import SqlOptions, SqlRegistry
from publisher.stores.probe import Capabilities, probe
from publisher.stores.probe_cache import ProbeCache
from publisher.stores.s3 import S3Store
from tests.support.admin_api import LIST_PATH, TOKEN, AdminApi
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, S3Server


@dataclass(frozen=True)
class Fleet:
    """Settings for one fleet, and ways to look behind the scenes without the publisher's code."""

    settings: dict[str, str]
    bucket: str
    rows: Callable[[], Sequence[dict[str, Any]]]
    stored: Callable[[str], bytes]
    keys: Callable[[], list[str]]


def store_settings(server: S3Server, bucket: str, *, is_public: bool = True) -> dict[str, str]:
    """Return the settings of a store; not every server can let the world read a bucket."""
    public = {"CDN_PUBLIC_BASE_URL": server.publish_to_world(bucket)} if is_public else {}
    return {
        "S3_ENDPOINT": server.endpoint,
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
        "S3_BUCKET": bucket,
        **public,
    }


def stored_in(server: S3Server, bucket: str) -> Callable[[str], bytes]:
    return lambda key: server.client.get_object(Bucket=bucket, Key=key)["Body"].read()


def keys_in(server: S3Server, bucket: str) -> Callable[[], list[str]]:
    """List the keys of artifacts, without the publisher's own small objects."""

    def keys() -> list[str]:
        listed = server.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return sorted(item["Key"] for item in listed if not item["Key"].startswith(".publish/"))

    return keys


@pytest.fixture(scope="session")
def capabilities(seaweedfs: S3Server) -> Capabilities:
    """What a probe found out about SeaweedFS, asked once: every bucket of one server keeps the same promises."""
    return probe(S3Store(seaweedfs.options(seaweedfs.new_bucket())), new_id=lambda: uuid4().hex)


@pytest.fixture
def probed_bucket(seaweedfs: S3Server, bucket: str, capabilities: Capabilities, tmp_path: Path) -> str:
    """Return a fresh bucket which this test's home remembers to be safe, as after an earlier run."""
    cache = ProbeCache(tmp_path / ".local" / "state" / "publisher", now=time.time)
    cache.save(seaweedfs.options(bucket), capabilities)
    return bucket


@pytest.fixture
def admin_fleet(seaweedfs: S3Server, probed_bucket: str, admin_api: AdminApi) -> Fleet:
    """SeaweedFS and an admin API with a list to look up."""
    admin_api.behaviour.lookup = "list"
    settings = {
        **store_settings(seaweedfs, probed_bucket),
        "ADMIN_API_URL": admin_api.url,
        "ADMIN_API_TOKEN": TOKEN,
        "ADMIN_API_LOOKUP": "list",
        "ADMIN_API_LOOKUP_PATH": LIST_PATH,
        "PUBLISH_RECOVERY_KEY": "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk=",
    }
    return _fleet(settings, seaweedfs, probed_bucket, admin_api.rows)


@pytest.fixture
def post_only_fleet(seaweedfs: S3Server, probed_bucket: str, admin_api: AdminApi) -> Fleet:
    """SeaweedFS and an admin API that can only be posted to, as the source document describes it."""
    settings = {
        **store_settings(seaweedfs, probed_bucket),
        "ADMIN_API_URL": admin_api.url,
        "ADMIN_API_TOKEN": TOKEN,
    }
    return _fleet(settings, seaweedfs, probed_bucket, admin_api.rows)


@pytest.fixture
def sql_fleet(seaweedfs: S3Server, probed_bucket: str, postgres_url: str) -> Fleet:
    """SeaweedFS and PostgreSQL, with its tables."""
    settings = {**store_settings(seaweedfs, probed_bucket), "RESOURCES_DATABASE_URL": postgres_url}
    registry = SqlRegistry(SqlOptions(url=postgres_url))
    registry.create_tables()
    registry.close()

    def rows() -> Sequence[dict[str, Any]]:
        with psycopg.connect(postgres_url.replace("+psycopg", ""), row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM resources").fetchall()

    return _fleet(settings, seaweedfs, probed_bucket, rows)


def _fleet(
    settings: dict[str, str], server: S3Server, bucket: str, rows: Callable[[], Sequence[dict[str, Any]]]
) -> Fleet:
    return Fleet(settings, bucket, rows, stored_in(server, bucket), keys_in(server, bucket))


@pytest.fixture(params=["admin_fleet", "post_only_fleet", "sql_fleet"])
def fleet(request: pytest.FixtureRequest) -> Fleet:
    """Each kind of fleet in turn."""
    chosen: Fleet = request.getfixturevalue(request.param)
    return chosen
