"""Statements in the protocol of a fleet: written once, before the registration, and kept by whoever finishes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.destination import FleetDestination
from publisher.destinations.fleet.escrow import KeyCodec
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.statements import ObjectStatements
from publisher.destinations.port import Host, RunFacts
from publisher.events import ignore
from publisher.model import (
    Artifact,
    Digest,
    FileSource,
    FleetIdentity,
    Outcome,
    ReadyArtifact,
    SourceFacts,
    State,
    Status,
)
from publisher.provenance import Provenance
from publisher.registries.port import RegisterAnswer, Row
from publisher.retry import RetryPolicy
from publisher.sealing.signing import SigningKey
from publisher.statements.checking import Checked, Verdict
from publisher.statements.envelope import Envelope, Verifier
from publisher.stores.port import Body
from publisher.stores.terms import StoreTerms
from tests.support.memory_registry import Fault as RegistryFault
from tests.support.memory_registry import MemoryEscrow, MemoryRegistry
from tests.support.memory_store import Crash, Fault, MemoryStore
from tests.unit.statements.samples import CREATED, IDENTITY, KEY, OTHER_KEY, line

OBJECT = IDENTITY.object_key
STATEMENT = f"{OBJECT}.intoto.jsonl"
FACTS = RunFacts("f" * 64, Provenance({"sha": "a" * 40, "author": "Somebody"}, {"system": "gitlab"}))


class DyingRegistry(MemoryRegistry):
    """A registry whose caller is killed when it registers."""

    def register(self, row: Row) -> RegisterAnswer:
        raise Crash


class World:
    """One fleet in memory, and one source. Each `publish` is a run of its own."""

    def __init__(self, folder: Path, identity: FleetIdentity = IDENTITY) -> None:
        self.store = MemoryStore()
        self.registry = MemoryRegistry()
        self.escrow = MemoryEscrow()
        self.identity = identity
        self.folder = folder
        self.rewrite(b"weights " * 100)

    def rewrite(self, content: bytes) -> None:
        """Give the source other content."""
        (self.folder / "model.bin").write_bytes(content)
        source = FileSource(self.folder / "model.bin", self.folder, "model.bin")
        artifact = Artifact("fleet", "fleet", self.identity, source)
        self.item = ReadyArtifact(artifact, SourceFacts(len(content), Digest(sha256(content).hexdigest())))

    def fleet(self, key: SigningKey | None = KEY, registry: MemoryRegistry | None = None) -> FleetDestination:
        ports = FleetPorts(
            store=self.store,
            registry=registry or self.registry,
            escrow=self.escrow,
            codec=KeyCodec(None),
            cdn_base_url="memory:",
            check_store=StoreTerms,
            distrust_store=lambda: None,
            retry=RetryPolicy(attempts=2, base_s=0, cap_s=0),
            spool_folder=self.folder,
            statements=ObjectStatements(self.store, key, now=lambda: CREATED) if key else None,
        )
        return FleetDestination(
            ports, download=self._download, diagnose=lambda _create: iter(()), close=lambda: None, verify="head"
        )

    def publish(self, key: SigningKey | None = KEY, registry: MemoryRegistry | None = None) -> Outcome:
        host = Host(ignore, Cancellation(), time.monotonic, lambda _seconds: None, FACTS)
        return self.fleet(key, registry).publish(self.item, host)

    def die_before_registering(self, key: SigningKey | None = KEY) -> None:
        with pytest.raises(Crash):
            self.publish(key, DyingRegistry())

    def verify(self, *trusted: Verifier) -> Checked:
        result = self.fleet(None).verify(self.item, "full", trusted=trusted or [KEY.public])
        assert result.observation.state is State.PUBLISHED, result.observation.detail
        assert result.statement is not None
        return result.statement

    def put(self, key: str, data: bytes) -> None:
        """Store what somebody else wrote."""
        self.store.objects.pop(key, None)
        self.store.create(key, Body.of(data), metadata={})

    def statements(self) -> dict[str, bytes]:
        return {key: stored.data for key, stored in self.store.objects.items() if key.endswith(".intoto.jsonl")}

    def _download(self, url: str) -> AbstractContextManager[Iterator[bytes]]:
        return nullcontext(iter([self.store.objects[url.removeprefix("memory:/")].data]))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def second_name(world: World, key: SigningKey = KEY) -> str:
    digest = sha256(world.store.objects[OBJECT].data).hexdigest()
    return f"{OBJECT}.{digest[:16]}.{key.public.keyid[:16]}.intoto.jsonl"


def predicate(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Envelope.parse(data).payload)["predicate"]
    return document


def test_without_a_key_nothing_is_asked_or_written(world: World) -> None:
    """Without a signing key no request concerns a statement."""
    assert world.publish(None).status is Status.PUBLISHED
    assert not [key for _, key in world.store.calls if key.endswith(".intoto.jsonl")]


def test_the_statement_is_there_before_the_row(world: World) -> None:
    """A run that dies instead of registering has written its statement, after the object and with the run's facts."""
    world.die_before_registering()

    written = [key for operation, key in world.store.calls if operation == "create"]
    assert written == [OBJECT, STATEMENT]
    said = predicate(world.statements()[STATEMENT])
    assert (said["manifest"], said["git"], said["ci"]) == (
        {"sha256": "f" * 64},
        {"sha": "a" * 40},
        {"system": "gitlab"},
    )
    assert said["created"] == "2026-04-15T09:30:00Z"


def test_a_published_artifact_has_a_valid_statement(world: World) -> None:
    """What is published with a key verifies with its public key, and with it among others."""
    outcome = world.publish()

    assert (outcome.status, outcome.notes) == (Status.PUBLISHED, ())
    assert world.verify() == Checked(Verdict.VALID, f"signed by {KEY.public.keyid[:16]}", KEY.public.keyid)
    assert world.verify(OTHER_KEY.public, KEY.public).is_valid


def test_whoever_finishes_keeps_the_statement(world: World) -> None:
    """The statement of a killed run is kept byte for byte by the run that registers its object."""
    world.die_before_registering()
    before = world.statements()

    outcome = world.publish()

    assert (outcome.status, outcome.notes) == (Status.ADOPTED, ())
    assert world.statements() == before
    assert world.verify().is_valid


def test_whoever_finishes_signs_what_is_not_signed(world: World) -> None:
    """The object of a killed run without a key gets a statement from the run that finishes it with one."""
    world.die_before_registering(None)
    assert not world.statements()

    assert world.publish().status is Status.ADOPTED
    assert world.verify().is_valid


def test_a_run_without_a_key_leaves_statements_alone(world: World) -> None:
    """A run without a key finishes a signed object, and its statement stays valid."""
    world.die_before_registering()

    assert world.publish(None).status is Status.ADOPTED
    assert world.verify().is_valid


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST, Fault.BUSY])
def test_a_lost_message_is_repeated(tmp_path: Path, fault: Fault) -> None:
    """A statement whose request or answer is lost once is there in the end, once, and the artifact is published."""
    calm = World(tmp_path)
    calm.publish()
    world = World(tmp_path)
    world.store.faults[calm.store.calls.index(("create", STATEMENT))] = fault

    assert world.publish().status is Status.PUBLISHED
    assert list(world.statements()) == [STATEMENT]
    assert world.verify().is_valid


def test_what_cannot_be_signed_is_not_registered(world: World, tmp_path: Path) -> None:
    """If the statement cannot be written the artifact fails, retryably and without a row; the next run finishes it."""
    calm = World(tmp_path)
    calm.publish()
    at = calm.store.calls.index(("create", STATEMENT))
    world.store.faults |= dict.fromkeys(range(at, at + 8), Fault.UNAVAILABLE)

    outcome = world.publish()

    assert outcome.status is Status.FAILED
    assert outcome.failure is not None
    assert (outcome.failure.retryable, outcome.failure.exit_code) == (True, 1)
    assert not world.registry.rows
    world.store.faults.clear()
    assert world.publish().status is Status.ADOPTED
    assert world.verify().is_valid


def test_the_statement_of_a_removed_object_does_not_block(world: World) -> None:
    """After a person removed an orphan its statement stays as it was; the new one goes to the second name."""
    world.die_before_registering()
    before = world.statements()[STATEMENT]
    world.escrow.records.clear()
    del world.store.objects[OBJECT]

    outcome = world.publish()

    assert outcome.status is Status.PUBLISHED
    assert outcome.notes == (f"{STATEMENT} holds another statement; this one is at {second_name(world)}",)
    assert world.statements()[STATEMENT] == before
    assert set(world.statements()) == {STATEMENT, second_name(world)}
    assert world.verify().is_valid


def test_a_rotated_key_does_not_block(world: World) -> None:
    """An object signed by a killed run's old key is signed again with the new one; either key verifies it."""
    world.die_before_registering(OTHER_KEY)
    before = world.statements()[STATEMENT]

    assert world.publish(KEY).status is Status.ADOPTED

    assert world.statements()[STATEMENT] == before
    assert set(world.statements()) == {STATEMENT, second_name(world)}
    assert world.verify(KEY.public).keyid == KEY.public.keyid
    assert world.verify(OTHER_KEY.public).keyid == OTHER_KEY.public.keyid


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"x" * (300 * 1024), line(key=OTHER_KEY), line()])
def test_whatever_lies_under_the_first_name_does_not_block(world: World, rubbish: bytes) -> None:
    """Rubbish, a stranger's statement and our own about other bytes stay, and do not stop the release."""
    world.put(STATEMENT, rubbish)

    assert world.publish().status is Status.PUBLISHED
    assert world.statements()[STATEMENT] == rubbish
    assert world.verify().is_valid


def test_two_occupied_names_need_a_person(world: World) -> None:
    """If somebody put other things under both names, nothing is registered or overwritten, and a person is asked."""
    world.die_before_registering(OTHER_KEY)
    world.put(second_name(world), b"rubbish")
    before = world.statements()

    outcome = world.publish()

    assert (outcome.status, outcome.reason) == (Status.BLOCKED, "object_damaged")
    assert outcome.failure is not None
    assert outcome.failure.exit_code == 5
    assert not world.registry.rows
    assert world.statements() == before


def test_names_without_room_for_a_statement_are_refused_first(tmp_path: Path) -> None:
    """An object key that leaves no room for the longest name of a statement is refused before anything is stored."""
    identity = FleetIdentity("r" * 100, "dev", "a" * 100, "v" * 40)
    world = World(tmp_path, identity)

    outcome = world.publish()

    assert outcome.failure is not None
    assert outcome.failure.exit_code == 3
    assert not world.store.objects
    assert world.publish(None).status is Status.PUBLISHED


def change_statement(change: Callable[[dict[str, Any]], None]) -> Callable[[World], bytes]:
    def changed(world: World) -> bytes:
        envelope = Envelope.parse(world.statements()[STATEMENT])
        document = json.loads(envelope.payload)
        change(document)
        return replace(envelope, payload=json.dumps(document).encode()).to_line()

    return changed


@pytest.mark.parametrize(
    ("there", "verdict"),
    [
        (None, Verdict.MISSING),
        (lambda _world: b"rubbish", Verdict.UNREADABLE),
        (lambda _world: line(key=OTHER_KEY), Verdict.UNTRUSTED),
        (lambda _world: line(), Verdict.MISMATCH),
        (change_statement(lambda document: document["predicate"]["source"].update(sha256="0" * 64)), Verdict.UNTRUSTED),
        (change_statement(lambda document: document["subject"][0].update(name="x")), Verdict.UNTRUSTED),
    ],
    ids=["missing", "rubbish", "stranger", "foreign", "forged source", "forged subject"],
)
def test_verify_finds_what_is_wrong(world: World, there: Callable[[World], bytes] | None, verdict: Verdict) -> None:
    """A missing, unreadable, forged or foreign statement is found, whatever the row and the object say."""
    world.publish()
    replaced = there(world) if there else None
    del world.store.objects[STATEMENT]
    if replaced is not None:
        world.put(STATEMENT, replaced)

    assert world.verify().verdict is verdict


def test_another_source_is_a_mismatch_even_where_the_store_lost_the_marks(world: World) -> None:
    """The statement tells a changed source apart where the object's metadata and the receipt are gone."""
    world.publish()
    stored = world.store.objects[OBJECT]
    world.store.objects[OBJECT] = replace(stored, metadata={})
    del world.store.objects[f".publish/receipts/{OBJECT}.json"]
    world.rewrite(b"other weights")

    result = world.fleet(None).verify(world.item, "head", trusted=[KEY.public])

    assert result.observation.state is State.PUBLISHED
    assert result.statement is not None
    assert result.statement.detail == "the signed statement is about something else: source sha256"


def test_a_store_that_does_not_answer_is_not_a_missing_statement(world: World) -> None:
    """If the statement cannot be read the result is unknown, not missing."""
    world.publish()
    world.store.calls.clear()
    world.store.faults = dict.fromkeys(range(1, 9), Fault.UNAVAILABLE)

    result = world.fleet(None).verify(world.item, "head", trusted=[KEY.public])

    assert result.observation.state is State.UNKNOWN
    assert result.statement is None


def test_signatures_are_looked_for_only_if_asked(world: World) -> None:
    """Without trusted keys `verify` reads no statement; what is not published is not asked for one."""
    world.publish()
    plain = world.fleet(None).verify(world.item, "full")
    world.rewrite(b"other weights")
    conflict = world.fleet(None).verify(world.item, "full", trusted=[KEY.public])

    assert (plain.statement, plain.observation.state) == (None, State.PUBLISHED)
    assert (conflict.statement, conflict.observation.state) == (None, State.CONFLICT)
    assert ("read", STATEMENT) not in world.store.calls


def test_a_refused_registration_leaves_a_statement_that_the_next_run_keeps(world: World) -> None:
    """A statement without a row is harmless: the run that registers later finds it valid and keeps it."""
    world.registry.fail_at(2, RegistryFault.REFUSE)
    assert world.publish().status is Status.FAILED
    before = world.statements()

    assert world.publish().status is Status.ADOPTED
    assert world.statements() == before
