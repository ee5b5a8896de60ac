"""Fixtures of the chaos tests and the fault catalogue, to be imported where they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from publisher.stores.probe import Capabilities, probe
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.s3 import S3Store
from tests.support.chaos.forks import Forks
from tests.support.chaos.stage import Stage, staged
from tests.support.s3_servers import S3Server
from tests.support.sql_servers import PostgresServer

OpenStage = Callable[[str, str], AbstractContextManager[Stage]]
"""Set up a stage of one kind with a name of its own; a context manager."""


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The interpreter that publishers are forked from."""
    with Forks() as made:
        yield made


@pytest.fixture
def open_stage(
    seaweedfs: S3Server,
    postgres_server: PostgresServer,
    capabilities: Capabilities,
    forks: Forks,
    tmp_path: Path,
) -> OpenStage:
    """Return a function that sets up stages; it may be called from several threads."""
    return _opener(seaweedfs, capabilities, postgres_server, forks, tmp_path)


@pytest.fixture
def open_ceph_stage(ceph: S3Server, postgres_server: PostgresServer, forks: Forks, tmp_path: Path) -> OpenStage:
    """The same with Ceph as the store, whose conditions count on PUT only."""
    store = S3Store(ceph.options(ceph.new_bucket()))

    def new_id() -> str:
        return uuid4().hex

    # Known beforehand: a publisher that is killed while it probes leaves small objects, which only `gc` removes.
    found = replace(probe(store, new_id=new_id), uploads=probe_uploads(store, new_id=new_id))
    return _opener(ceph, found, postgres_server, forks, tmp_path)


def _opener(
    server: S3Server, capabilities: Capabilities, databases: PostgresServer, forks: Forks, folder: Path
) -> OpenStage:
    @contextmanager
    def opened(kind: str, name: str) -> Iterator[Stage]:
        database = databases.new_database() if kind == "sql" else None
        url = databases.url(database) if database else None
        with staged(kind, folder / name, server=server, capabilities=capabilities, forks=forks, database=url) as stage:
            yield stage
        if database:
            databases.drop_database(database)

    return opened


@pytest.fixture(scope="session")
def used_bucket(seaweedfs: S3Server) -> str:
    """A bucket that was written to: the first write to a fresh one takes SeaweedFS a second."""
    return seaweedfs.new_bucket()


@pytest.fixture
def stage(
    seaweedfs: S3Server, capabilities: Capabilities, forks: Forks, used_bucket: str, tmp_path: Path
) -> Iterator[Stage]:
    """A stage with an admin API that can be asked, escrow in the bucket, and one artifact, `model`."""
    for item in seaweedfs.client.list_objects_v2(Bucket=used_bucket).get("Contents", []):
        seaweedfs.client.delete_object(Bucket=used_bucket, Key=item["Key"])
    with staged(
        "list", tmp_path / "stage", server=seaweedfs, capabilities=capabilities, forks=forks, bucket=used_bucket
    ) as made:
        made.add("model", b"weights " * 500)
        yield made
        made.judge()
