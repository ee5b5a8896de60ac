"""What every book of claims promises: the first claim decides, for good. Asked of those in SQL, stores and memory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.destinations.fleet.claims import ObjectClaims
from publisher.registries.port import ClaimBook, ClaimRecord
from publisher.registries.sql import SqlClaims, SqlOptions, SqlRegistry
from publisher.stores.directory import DirectoryStore
from publisher.stores.s3 import S3Store
from tests.support.memory_registry import MemoryClaims
from tests.support.memory_store import MemoryStore


def _pinned(number: int = 1) -> ClaimRecord:
    return ClaimRecord(
        object_key="dev/model-arm64-2026-04-15.enc",
        identity_sha256=sha256(b"identity").hexdigest(),
        nonce=f"{number:032x}",
        sha256=sha256(f"object {number}".encode()).hexdigest(),
        size_bytes=6 << 30,
        source_sha256=sha256(b"source").hexdigest(),
        compression="gzip",
    )


_OPEN = ClaimRecord(_pinned().object_key, _pinned().identity_sha256)


@pytest.fixture(params=["memory", "memory-store", "directory", "seaweedfs", "sqlite", "postgresql"])
def claims(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClaimBook]:
    """Each book in turn, empty."""
    match request.param:
        case "memory":
            yield MemoryClaims()
        case "memory-store":
            yield ObjectClaims(MemoryStore())
        case "directory":
            yield ObjectClaims(DirectoryStore(tmp_path))
        case "seaweedfs":
            yield ObjectClaims(S3Store(request.getfixturevalue("s3_options")))
        case _:
            url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
            registry = SqlRegistry(SqlOptions(url=url), needs_claims=True)
            registry.create_tables()
            assert registry.check() == []
            yield SqlClaims(registry)
            registry.close()


@pytest.mark.parametrize("claim", [_pinned(), _OPEN], ids=["pinned", "open"])
def test_a_claim_comes_back_as_it_was_put(claims: ClaimBook, claim: ClaimRecord) -> None:
    """Every field survives, sizes above 4 GiB included; the same claim again is fine."""
    assert claims.put(claim) == claim
    assert claims.put(claim) == claim


def test_the_first_claim_decides(claims: ClaimBook) -> None:
    """Whoever comes later is told what is there, be it of another variant, identity or content."""
    first = claims.put(_pinned(1))

    assert claims.put(_pinned(2)) == first
    assert claims.put(_OPEN) == first
    assert claims.put(replace(_pinned(3), identity_sha256="0" * 64)) == first


def test_claims_of_other_keys_are_apart(claims: ClaimBook) -> None:
    """A claim is about one object key."""
    other = replace(_pinned(2), object_key="dev/other-arm64-2026-04-15.enc")
    claims.put(_pinned(1))

    assert claims.put(other) == other


def test_everybody_in_a_race_hears_of_the_same_claim(claims: ClaimBook) -> None:
    """Sixteen at once: all are told the same, and it is one of theirs."""
    wanted = [_pinned(number) for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        heard = set(pool.map(claims.put, wanted))

    assert len(heard) == 1
    assert heard < set(wanted)
