"""Claims against real stores: one without conditions, and two whose completions are not conditional."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.claims import ObjectClaims
from publisher.destinations.fleet.destination import FleetDestination
from publisher.destinations.fleet.escrow import KeyCodec
from publisher.destinations.fleet.ports import Effort, FleetPorts
from publisher.destinations.port import Host
from publisher.events import ignore
from publisher.model import Artifact, FileSource, FleetIdentity, ReadyArtifact, Status
from publisher.registries.port import Row
from publisher.registries.sql import SqlEscrow, SqlOptions, SqlRegistry
from publisher.retry import RetryPolicy
from publisher.sources.files import fingerprint
from publisher.stores.gate import StoreGate
from publisher.stores.s3 import S3Store
from publisher.stores.terms import StoreTerms
from tests.support.command import ONE_MODEL, bare_environment, open_by_hand, publish, read_report, write_manifest
from tests.support.fleets import keys_in, stored_in
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, S3Server

MODEL = b"weights " * 5000
KEY = "dev/model-arm64-2026-04-15.enc"
MIB = 1 << 20


@pytest.fixture
def lawless(rclone_s3: S3Server, sqlite_url: str, tmp_path: Path) -> Mapping[str, str]:
    """The settings of a store that ignores conditions, and of a database with its tables."""
    registry = SqlRegistry(SqlOptions(url=sqlite_url))
    registry.create_tables()
    registry.close()
    bucket = rclone_s3.new_bucket()
    settings = {
        "S3_ENDPOINT": rclone_s3.endpoint,
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
        "S3_BUCKET": bucket,
        "RESOURCES_DATABASE_URL": sqlite_url,
    }
    return bare_environment(tmp_path, settings)


def test_claims_in_the_database_fence_a_store_without_conditions(
    lawless: Mapping[str, str], rclone_s3: S3Server, tmp_path: Path
) -> None:
    """PUBLISH_CLAIMS=sql publishes to a store that ignores conditions, once; without it the store is refused."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)
    bucket = lawless["S3_BUCKET"]

    refused = publish("apply", manifest, environment=lawless, folder=tmp_path)
    reports = []
    for name in ("first", "second"):
        environment = {**lawless, "PUBLISH_CLAIMS": "sql"}
        done = publish("apply", manifest, "--report", tmp_path / name, environment=environment, folder=tmp_path)
        assert done.code == 0, done.said
        reports.append(read_report(tmp_path / name)["artifacts"][0])

    assert (refused.code, keys_in(rclone_s3, bucket)()) == (5, [KEY])
    assert [report["status"] for report in reports] == ["published", "skipped"]
    assert reports[0]["verification"] == "full"


def test_unfenced_is_a_persons_word(lawless: Mapping[str, str], tmp_path: Path) -> None:
    """--allow-unfenced publishes to a store without conditions, reads everything back, and the report says so."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)

    done = publish(
        *("apply", manifest, "--allow-unfenced", "--report", tmp_path / "r.json"), environment=lawless, folder=tmp_path
    )

    assert done.code == 0, done.said
    [entry] = read_report(tmp_path / "r.json")["artifacts"]
    assert (entry["status"], entry["verification"]) == ("published", "full")
    assert "unfenced" in entry["notes"][0]
    assert "unfenced" in done.err


def test_sql_claims_need_a_database(lawless: Mapping[str, str], tmp_path: Path) -> None:
    """PUBLISH_CLAIMS=sql without a database is a wrong setting, named as such."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=MODEL)
    environment = {
        **{name: value for name, value in lawless.items() if name != "RESOURCES_DATABASE_URL"},
        "ADMIN_API_URL": "http://127.0.0.1:9",
        "ADMIN_API_TOKEN": "fake-token",
        "PUBLISH_CLAIMS": "sql",
    }

    done = publish("apply", manifest, environment=environment, folder=tmp_path)

    assert done.code == 3
    assert "PUBLISH_CLAIMS=sql needs RESOURCES_DATABASE_URL" in done.err


@pytest.mark.parametrize("server", ["seaweedfs", pytest.param("ceph", marks=pytest.mark.tier2)])
def test_what_is_too_large_for_one_request_is_pinned(
    request: pytest.FixtureRequest, server: str, sqlite_url: str, tmp_path: Path
) -> None:
    """S19: where completions are not conditional, an object above the limit is claimed, sent in parts and read back.

    The limit is lowered from 5 GiB; everything else is real.
    """
    store_server: S3Server = request.getfixturevalue(server)
    bucket = store_server.new_bucket()
    content = os.urandom(12 * MIB + 1)
    (tmp_path / "model.bin").write_bytes(content)
    source = FileSource(tmp_path / "model.bin", tmp_path, "model.bin")
    identity = FleetIdentity("model", "dev", "arm64", "2026-04-15")
    item = ReadyArtifact(Artifact("fleet", "fleet", identity, source), fingerprint(source, lambda: None))
    store = S3Store(store_server.options(bucket))

    with _fleet(store, sqlite_url, tmp_path, limit=8 * MIB) as (fleet, registry):
        first = fleet.publish(item, _host())
        second = fleet.publish(item, _host())
        row = registry.lookup([identity])[identity]

    assert (first.status, second.status) == (Status.PUBLISHED, Status.SKIPPED), first.failure
    assert first.verification == "full"
    stored = stored_in(store_server, bucket)
    assert isinstance(row, Row)
    assert row.encryption_key is not None
    assert row.sha256.hex in stored(f".publish/claims/{KEY}.json").decode()
    assert open_by_hand(stored(KEY), row.encryption_key.reveal_hex()) == content
    assert store.open_uploads("dev/") == ()


@contextmanager
def _fleet(store: S3Store, url: str, folder: Path, *, limit: int) -> Iterator[tuple[FleetDestination, SqlRegistry]]:
    registry = SqlRegistry(SqlOptions(url=url))
    registry.create_tables()
    gate = StoreGate(store, None)

    def terms() -> StoreTerms:
        found = gate.terms()
        assert found.claims
        return replace(found, put_limit_bytes=limit)

    ports = FleetPorts(
        store=store,
        registry=registry,
        escrow=SqlEscrow(registry),
        codec=KeyCodec(None),
        cdn_base_url="https://cdn.example.com",
        check_store=terms,
        distrust_store=gate.distrust,
        retry=RetryPolicy(),
        spool_folder=folder,
        claims=ObjectClaims(store),
        effort=Effort(part_bytes=lambda _size: 5 * MIB),
    )
    yield FleetDestination(ports, download=_nowhere, diagnose=lambda _: iter(()), close=lambda: None), registry
    registry.close()


def _host() -> Host:
    return Host(ignore, Cancellation(), lambda: 0.0, lambda _seconds: None)


def _nowhere(_url: str) -> NoReturn:
    raise AssertionError("publishing downloads through the store")
