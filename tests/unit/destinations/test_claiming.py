"""Publishing by a claim: who may store what where the store's conditions are not enough. Real driver, real sealing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.claims import ObjectClaims
from publisher.destinations.fleet.destination import FleetDestination
from publisher.destinations.fleet.escrow import KeyCodec, NoEscrow
from publisher.destinations.fleet.ports import Effort, FleetPorts
from publisher.destinations.fleet.unfenced import NOTE
from publisher.destinations.port import Host
from publisher.events import ignore
from publisher.model import (
    Artifact,
    Compression,
    Digest,
    FileSource,
    FleetIdentity,
    Outcome,
    ReadyArtifact,
    SourceFacts,
    Status,
)
from publisher.registries.port import ClaimBook, ClaimRecord, KeyEscrow
from publisher.retry import RetryPolicy
from publisher.sealing.unseal import unseal
from publisher.stores.terms import Fence, StoreTerms
from tests.support.memory_registry import MemoryClaims, MemoryEscrow, MemoryRegistry
from tests.support.memory_store import Crash, Fault, MemoryStore

IDENTITY = FleetIdentity("model", "dev", "x86-64", "1")
NAMESAKE = FleetIdentity("model-x86", "dev", "64", "1")
KEY, LIMIT = IDENTITY.object_key, 200
LARGE, SMALL = bytes(range(256)) * 8, b"few bytes"


@dataclass
class Bench:
    """A store, a registry and an escrow in memory, and publishers that share them."""

    folder: Path
    terms: StoreTerms = field(default_factory=lambda: StoreTerms(claims=True, put_limit_bytes=LIMIT))
    store: MemoryStore = field(default_factory=MemoryStore)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    escrow: KeyEscrow = field(default_factory=MemoryEscrow)
    claims: ClaimBook | None = None

    def publish(
        self, content: bytes = LARGE, *, identity: FleetIdentity = IDENTITY, compression: Compression = Compression.FAST
    ) -> Outcome:
        path = self.folder / "model.bin"
        path.write_bytes(content)
        artifact = Artifact("fleet", "fleet", identity, FileSource(path, self.folder, "model.bin"), compression)
        item = ReadyArtifact(artifact, SourceFacts(len(content), Digest(sha256(content).hexdigest())))
        ports = FleetPorts(
            store=self.store,
            registry=self.registry,
            escrow=self.escrow,
            codec=KeyCodec(None),
            cdn_base_url="https://cdn.example.com",
            check_store=lambda: self.terms,
            distrust_store=lambda: None,
            retry=RetryPolicy(attempts=3, base_s=0.0, cap_s=0.0),
            spool_folder=self.folder,
            claims=self.claims or ObjectClaims(self.store),
            effort=Effort(part_bytes=lambda _size: 100),
        )
        destination = FleetDestination(ports, download=_nowhere, diagnose=lambda _: iter(()), close=lambda: None)
        return destination.publish(item, Host(ignore, Cancellation(), lambda: 0.0, lambda _seconds: None))

    def dies_at(self, operation: str, content: bytes = LARGE) -> None:
        """Publish, and be killed when the store is asked for `operation` for the first time."""
        rehearsal = replace(self, store=MemoryStore(), registry=MemoryRegistry(), escrow=MemoryEscrow())
        assert rehearsal.publish(content).status is Status.PUBLISHED
        self.store.faults = {[name for name, _ in rehearsal.store.calls].index(operation): Fault.CRASH}
        with pytest.raises(Crash):
            self.publish(content)
        self.store.faults = {}

    def opened(self) -> bytes:
        """Return what a device gets for the one registered row."""
        (row,) = self.registry.rows
        data = self.store.objects[row.identity.object_key].data
        assert (sha256(data).hexdigest(), len(data)) == (row.sha256.hex, row.size_bytes)
        assert row.encryption_key is not None
        out = bytearray()
        unseal([data], out.extend, key=row.encryption_key, compression="gzip", limit_bytes=None)
        return bytes(out)


def _nowhere(_url: str) -> NoReturn:
    raise AssertionError("publishing downloads through the store")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def lawless(tmp_path: Path) -> Bench:
    """A store that honours no condition, with claims in the database."""
    terms = StoreTerms(frozenset(), fence=Fence.CLAIM, put_limit_bytes=LIMIT)
    return Bench(tmp_path, terms, MemoryStore(honours_condition=False), claims=MemoryClaims())


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one-request", "parts"])
@pytest.mark.parametrize("kind", ["bench", "lawless"])
def test_an_artifact_is_published_by_a_claim(request: pytest.FixtureRequest, kind: str, content: bytes) -> None:
    """Small and large, with and without conditions: one row, one object that opens; a second run skips."""
    bench: Bench = request.getfixturevalue(kind)

    first, second = bench.publish(content), bench.publish(content)

    assert (first.status, second.status) == (Status.PUBLISHED, Status.SKIPPED)
    assert bench.opened() == content
    assert bench.store.uploads == {}


def test_a_large_object_is_verified_in_full(bench: Bench) -> None:
    """What is stored without a condition is read back before it is registered."""
    assert bench.publish(LARGE).verification == "full"


@pytest.mark.parametrize("operation", ["start_upload", "upload_part", "complete"])
def test_another_run_brings_the_claimed_bytes(bench: Bench, operation: str) -> None:
    """C4, C5: the claimant dies before its object is there; another run seals the same bytes again, and finishes."""
    bench.dies_at(operation)

    done = bench.publish()

    assert done.status is Status.ADOPTED
    assert bench.opened() == LARGE


def test_bytes_that_cannot_be_made_again_are_not_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose compressor makes other bytes stops: pinned bytes are never exchanged for others."""
    bench.dies_at("complete")
    with monkeypatch.context() as other_machine:
        other_machine.setattr("publisher.sealing.compress.isal_compressor", lambda: None)
        blocked = bench.publish()

    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "orphan_object")
    assert KEY not in bench.store.objects
    assert bench.publish().status is Status.ADOPTED


def test_a_claimant_whose_key_is_lost_blocks_the_version(bench: Bench) -> None:
    """Without the escrow record nobody can make the claimed bytes: a person publishes another version."""
    bench.dies_at("complete")
    bench.escrow = MemoryEscrow()

    blocked = bench.publish()

    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "orphan_object")
    assert blocked.failure is not None
    assert "never deleted" in (blocked.failure.hint or "")


def test_other_content_meets_the_claim(bench: Bench) -> None:
    """A version that is claimed for other content is a conflict, whether or not its object is there."""
    bench.dies_at("complete")

    blocked = bench.publish(LARGE[::-1])

    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "content_conflict")


def test_another_identity_meets_the_claim(bench: Bench) -> None:
    """A name with the same object key is told so before anything is stored."""
    bench.dies_at("complete")

    blocked = bench.publish(identity=NAMESAKE)

    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "object_collision")


def test_a_large_run_respects_a_small_claim(bench: Bench) -> None:
    """Once a version is claimed for one conditional PUT, nothing is ever stored there without a condition."""
    ObjectClaims(bench.store).put(ClaimRecord(KEY, IDENTITY.sha256))

    blocked = bench.publish(LARGE)

    assert (blocked.status, KEY in bench.store.objects) == (Status.BLOCKED, False)
    assert bench.publish(SMALL).status is Status.PUBLISHED


def test_a_claim_needs_an_escrow(bench: Bench) -> None:
    """Without an escrow nobody could finish for a claimant that dies: refused before the claim, with the setting."""
    bench.escrow = NoEscrow()

    refused = bench.publish()

    assert refused.failure is not None
    assert "PUBLISH_RECOVERY_KEY" in (refused.failure.hint or "")
    assert not any(key.startswith(".publish/claims/") for key in bench.store.objects)


def test_unfenced_is_said_and_checked_twice(lawless: Bench) -> None:
    """On a person's word: stored, read back before and after the registration, and the report says how."""
    lawless.terms = StoreTerms(frozenset(), fence=Fence.NOTHING)

    done = lawless.publish(SMALL)

    assert (done.status, done.notes[0]) == (Status.PUBLISHED, NOTE)
    assert [name for name, key in lawless.store.calls if key == KEY].count("read") == 2
    assert lawless.opened() == SMALL


def test_unfenced_replaces_nothing_it_sees(lawless: Bench) -> None:
    """What another run stored or registered meanwhile is found and left alone."""
    lawless.publish(SMALL)
    lawless.terms = StoreTerms(frozenset(), fence=Fence.NOTHING)

    assert lawless.publish(SMALL).status is Status.SKIPPED
    assert lawless.publish(LARGE).reason == "content_conflict"
    assert lawless.opened() == SMALL
