"""Repairs through the real driver, a store in memory that can be told to fail, and real sealing."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.destination import FleetDestination
from publisher.destinations.fleet.escrow import KeyCodec
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.values import Marks
from publisher.destinations.port import Consent, Host
from publisher.errors import SourceError
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
    UnreadySource,
    failure_from,
)
from publisher.retry import RetryPolicy
from publisher.sealing.unseal import unseal
from publisher.stores.terms import StoreTerms
from tests.support.memory_registry import MemoryEscrow, MemoryRegistry
from tests.support.memory_store import Crash, Fault, MemoryStore

IDENTITY = FleetIdentity("detector", "dev", "arm64", "1")
KEY = IDENTITY.object_key
CONTENT, DAMAGE = b"weights " * 500, b"somebody else's bytes"
EXCLUSIVE = Consent(take_over=True, exclusive=True)


@dataclass
class Bench:
    """One artifact and its fleet in memory."""

    folder: Path
    compression: Compression = Compression.FAST
    content: bytes = CONTENT
    store: MemoryStore = field(default_factory=MemoryStore)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    escrow: MemoryEscrow = field(default_factory=MemoryEscrow)

    def item(self) -> ReadyArtifact:
        path = self.folder / "model.bin"
        path.write_bytes(self.content)
        source = FileSource(path, self.folder, "model.bin")
        artifact = Artifact("fleet", "fleet", IDENTITY, source, self.compression)
        return ReadyArtifact(artifact, SourceFacts(len(self.content), Digest(sha256(self.content).hexdigest())))

    def gone(self) -> UnreadySource:
        return UnreadySource(self.item().artifact, failure_from(SourceError("model.bin is gone")))

    def destination(self) -> FleetDestination:
        ports = FleetPorts(
            store=self.store,
            registry=self.registry,
            escrow=self.escrow,
            codec=KeyCodec(None),
            cdn_base_url="https://cdn.example.com",
            check_store=StoreTerms,
            distrust_store=lambda: None,
            retry=RetryPolicy(attempts=3, base_s=0.0, cap_s=0.0),
            spool_folder=self.folder,
        )
        return FleetDestination(ports, download=_nowhere, diagnose=lambda _tables: iter(()), close=lambda: None)

    def publish(self) -> None:
        done = self.destination().publish(self.item(), host())
        assert done.status is Status.PUBLISHED, done.failure
        self.store.calls.clear()

    def repair(self, consent: Consent | None = None, item: ReadyArtifact | UnreadySource | None = None) -> Outcome:
        return self.destination().repair(item or self.item(), consent or Consent(), host())

    def damage(self, data: bytes = DAMAGE) -> None:
        self.store._keep(KEY, data, {})

    @property
    def data(self) -> bytes:
        return self.store.objects[KEY].data

    @property
    def holds_inv(self) -> bool:
        """Whether every row's object has its bytes and opens with its key."""
        for row in self.registry.rows:
            stored = self.store.objects.get(KEY)
            if stored is None or sha256(stored.data).hexdigest() != row.sha256.hex or row.encryption_key is None:
                return False
            out = bytearray()
            wire = self.compression.wire
            unseal([stored.data], out.extend, key=row.encryption_key, compression=wire, limit_bytes=None)
            if bytes(out) != self.content:
                return False
        return True

    def kept(self, data: bytes) -> bool:
        found = self.store.objects.get(f".publish/quarantine/{sha256(data).hexdigest()}")
        return found is not None and found.data == data


@contextmanager
def _nowhere(_url: str) -> Iterator[Iterator[bytes]]:
    yield iter(())


def host() -> Host:
    return Host(emit=ignore, cancellation=Cancellation(), monotonic=time.monotonic, sleep=lambda _seconds: None)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A published artifact."""
    made = Bench(tmp_path)
    made.publish()
    return made


def test_an_older_version_is_taken_by_its_digest(bench: Bench) -> None:
    """Where the store keeps versions, the one with the registered bytes comes back, with or without the source."""
    bench.store.keeps_versions = True
    before = bench.data
    for item in (bench.item(), bench.gone()):
        bench.damage()

        done = bench.repair(item=item)

        assert (done.status, done.reason) == (Status.PUBLISHED, "repaired_from_version")
        assert (bench.data, bench.holds_inv) == (before, True)


def test_a_restored_object_says_what_it_was_made_from(tmp_path: Path) -> None:
    """A source that is itself gzip, stored without compression, is not taken for a compressed one."""
    packed = gzip.compress(CONTENT, mtime=0)
    bench = Bench(tmp_path, compression=Compression.NONE, content=packed)
    bench.store.keeps_versions = True
    bench.publish()
    bench.damage()
    item = bench.item()

    bench.repair(item=replace(item, artifact=replace(item.artifact, compression=Compression.FAST)))

    marks = Marks.read(bench.store.objects[KEY].metadata)
    assert marks is not None
    assert (marks.source_sha256, marks.compression) == (sha256(packed).hexdigest(), "none")


def test_every_spool_is_gone_after_a_repair(bench: Bench) -> None:
    """Nothing but the source is left in the folder of spools, after success and after failure."""
    bench.damage()
    bench.repair()
    bench.store.objects.clear()
    bench.content = b"other"
    bench.repair()

    assert [path.name for path in bench.folder.iterdir()] == ["model.bin"]


def test_a_store_that_ignores_if_match_is_found_out_and_left_as_it_was(bench: Bench) -> None:
    """The condition is tried on a probe object, which is removed; the artifact's object is not touched."""
    bench.store.honours_if_match = False
    bench.damage()

    done = bench.repair()

    assert done.status is Status.BLOCKED
    assert (bench.data, bench.kept(DAMAGE)) == (DAMAGE, False)
    assert not [key for key in bench.store.objects if key.startswith(".publish/probe/")]


def test_a_store_without_the_means_to_repair_is_refused(bench: Bench) -> None:
    """A store that can only create ends with an outcome that needs a person, not with a traceback."""

    class CreateOnly:
        location = "somewhere"
        head, create, read = bench.store.head, bench.store.create, bench.store.read
        delete_control = bench.store.delete_control

    bench.store.objects.pop(KEY)
    destination = bench.destination()
    destination._ports = replace(destination._ports, store=CreateOnly())

    done = destination.repair(bench.item(), Consent(), host())

    assert done.failure is not None
    assert (done.status, done.failure.exit_code) == (Status.BLOCKED, 5)


def _calls(bench: Bench, consent: Consent) -> int:
    done = bench.repair(consent)
    assert done.failure is None, done.failure
    return len(bench.store.calls)


@pytest.mark.parametrize("fault", [Fault.CRASH, Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("what", ["replaced", "deleted", "orphan"])
def test_a_fault_at_any_call_is_survived_by_the_next_repair(tmp_path: Path, what: str, fault: Fault) -> None:
    """Whatever call to the store fails or is the last of its process: nothing is lost, and the next run ends well."""
    consent = EXCLUSIVE if what == "orphan" else Consent()

    def broken() -> Bench:
        bench = Bench(tmp_path)
        bench.publish()
        if what == "replaced":
            bench.damage()
        elif what == "deleted":
            bench.store.objects.pop(KEY)
        else:
            bench.registry.rows.clear()
        return bench

    for number in range(_calls(broken(), consent)):
        bench = broken()
        former = bench.store.objects[KEY].data if KEY in bench.store.objects else None
        bench.store.faults[number] = fault
        with suppress(Crash):
            bench.repair(consent)
        assert former is None or bench.data == former or bench.kept(former), number
        bench.store.faults.clear()

        done = bench.repair(consent)

        assert done.failure is None, (number, done.failure)
        assert len(bench.registry.rows) == 1
        assert bench.holds_inv, number
