"""What every escrow promises, asked of the ones with SQL, the one beside the objects and the one in memory."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.destinations.fleet.escrow import ObjectEscrow
from publisher.model import Digest
from publisher.registries.port import EscrowRecord, KeyEscrow
from publisher.registries.sql import SqlEscrow, SqlOptions, SqlRegistry
from publisher.stores.directory import DirectoryStore
from tests.support.memory_registry import MemoryEscrow


def _record(number: int = 1, *, kid: str | None = "0a1b2c3d") -> EscrowRecord:
    return EscrowRecord(
        nonce=f"{number:032x}",
        identity_sha256=sha256(b"identity").hexdigest(),
        object_key="dev/model-arm64-2026-04-15.enc",
        sha256=Digest(sha256(b"object").hexdigest()),
        size_bytes=5 << 30,
        source_sha256=sha256(b"source").hexdigest(),
        compression="gzip",
        kid=kid,
        data_key=b64encode(b"fake wrapped key for tests".ljust(60, b".")).decode(),
    )


@pytest.fixture(params=["memory", "objects", "sqlite", "postgresql"])
def escrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyEscrow]:
    """Each escrow in turn, empty."""
    if request.param == "memory":
        yield MemoryEscrow()
        return
    if request.param == "objects":
        yield ObjectEscrow(DirectoryStore(tmp_path / "store"))
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    registry = SqlRegistry(SqlOptions(url=url))
    registry.create_tables()
    yield SqlEscrow(registry)
    registry.close()


def test_a_record_comes_back_as_it_was_put(escrow: KeyEscrow) -> None:
    """Every field survives, sizes above 4 GiB included."""
    record = _record()

    escrow.put(record)

    assert escrow.get(record.nonce) == record


def test_a_raw_key_is_kept_beside_the_rows_only(escrow: KeyEscrow) -> None:
    """A raw key may lie where the registry keeps keys anyway; with it whoever reads the bucket opens objects."""
    record = _record(kid=None)
    if isinstance(escrow, ObjectEscrow):
        with pytest.raises(RuntimeError, match="raw key"):
            escrow.put(record)
        return

    escrow.put(record)

    assert escrow.get(record.nonce) == record


def test_an_unknown_nonce_is_none(escrow: KeyEscrow) -> None:
    """Absent is an answer, not an error."""
    assert escrow.get("f" * 32) is None


def test_the_same_record_may_be_put_again(escrow: KeyEscrow) -> None:
    """A repeated put after a lost answer is fine."""
    escrow.put(_record())
    escrow.put(_record())

    assert escrow.get(_record().nonce) == _record()


def test_another_record_under_the_same_nonce_is_a_mistake(escrow: KeyEscrow) -> None:
    """Records are written once: a nonce names exactly one key."""
    escrow.put(_record())

    with pytest.raises(RuntimeError, match="nonce"):
        escrow.put(replace(_record(), data_key=b64encode(b"another fake key for tests".ljust(60, b".")).decode()))

    assert escrow.get(_record().nonce) == _record()


def test_a_dropped_record_is_gone_and_dropping_again_is_fine(escrow: KeyEscrow) -> None:
    """Dropping is idempotent and touches one record only."""
    escrow.put(_record(1))
    escrow.put(_record(2))

    escrow.drop(_record(1).nonce)
    escrow.drop(_record(1).nonce)

    assert escrow.get(_record(1).nonce) is None
    assert escrow.get(_record(2).nonce) == _record(2)


def test_records_are_put_from_many_threads(escrow: KeyEscrow) -> None:
    """Parallel workers lose no record."""
    records = [_record(number) for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(escrow.put, records))

    assert [escrow.get(record.nonce) for record in records] == records


def test_a_location_shows_no_credentials(escrow: KeyEscrow) -> None:
    """The location stands in messages."""
    assert "fake-" not in escrow.location
    assert "postgres:" not in escrow.location
