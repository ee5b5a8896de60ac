"""Giving up an orphan: only where a person named it, only when its writer must be gone, and never without a copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.destinations.fleet.effects import EscrowPut, Lookup, ReadBack, Register, Seal
from publisher.destinations.fleet.namesakes import namesakes
from publisher.destinations.fleet.repair_effects import Exchange, KeepCopy
from publisher.destinations.fleet.values import Receipt
from publisher.errors import DestinationError, RejectedError, TransportError
from publisher.model import FleetIdentity, Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow, Row
from tests.unit.destinations.repair_world import (
    DAY_S,
    FRESH,
    IDENTITY,
    OTHER,
    REGISTERED,
    ROW,
    URL,
    World,
    digest,
    sealed,
)

NEW_NONCE = "f" * 32


def orphaned(**changes: object) -> World:
    """Return a world with an old object of ours that is not registered and whose key nobody has."""
    world = World(**changes)  # type: ignore[arg-type]
    world.put(REGISTERED)
    return world


def test_an_orphan_that_was_named_is_given_up_and_published_anew() -> None:
    """It is kept in quarantine, replaced by bytes under a new key that lies in escrow before, and registered."""
    world = orphaned()

    ending = world.repair(take_over=True)

    assert (ending.status, ending.reason, ending.verification) == (Status.PUBLISHED, "repaired_by_takeover", "full")
    assert isinstance(world.row, Row)
    assert world.row.sha256 == digest(FRESH)
    assert world.holds_inv
    assert world.copies == {digest(REGISTERED).hex: REGISTERED}
    kinds = [type(effect) for effect in world.log]
    order = [kinds.index(kind) for kind in (KeepCopy, Seal, EscrowPut, Exchange, ReadBack, Register)]
    assert order == sorted(order)


def test_the_receipt_of_a_row_that_is_gone_makes_room_for_the_new_one() -> None:
    """An object can become an orphan by losing its row: its old receipt is removed, the new one names what is there."""
    old = Receipt.of(IDENTITY, sealed(REGISTERED), cdn_url=URL, registry="here", evidence="accepted")
    world = orphaned(receipt=old)

    world.repair(take_over=True)

    assert world.receipt is not None
    assert (world.receipt.nonce, world.receipt.sha256) == (NEW_NONCE, digest(FRESH).hex)


def test_an_orphan_that_was_not_named_is_left_alone() -> None:
    """Without --take-over nothing is changed, and the way to give it up is told; --exclusive alone gives up nothing."""
    world = orphaned()

    ending = world.repair(exclusive=True)

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, Reason.ORPHAN_OBJECT, 0)
    assert "--take-over" in str(getattr(ending, "hint", ""))


@pytest.mark.parametrize("age_s", [0.0, DAY_S, None])
def test_a_young_orphan_may_have_a_living_writer(age_s: float | None) -> None:
    """Up to a day by the store's clock, or without such a clock, its writer may be at work: refused."""
    world = orphaned(age_s=age_s)

    ending = world.repair(take_over=True)

    assert (ending.status, world.writes) == (Status.BLOCKED, 0)
    assert "--exclusive" in str(getattr(ending, "hint", ""))


@pytest.mark.parametrize("age_s", [0.0, None])
def test_a_person_may_vouch_that_no_writer_is_alive(age_s: float | None) -> None:
    """With --exclusive neither the age nor a clock is needed."""
    world = orphaned(age_s=age_s)

    ending = world.repair(take_over=True, exclusive=True)

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)


def test_an_orphan_is_not_given_up_where_the_registry_cannot_say_that_it_is_one() -> None:
    """Not seen is not absent: without a lookup the object may be registered, and no flag helps."""
    world = orphaned(row=NoRow.UNSEEN)

    ending = world.repair(take_over=True, exclusive=True)

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, Reason.ORPHAN_OBJECT, 0)


def test_an_orphan_is_not_given_up_without_a_source_to_take_its_place() -> None:
    """Nothing is sealed from a source that cannot be read."""
    world = orphaned()

    ending = world.repair(take_over=True, has_source=False)

    assert (ending.status, world.writes) == (Status.BLOCKED, 0)


def test_an_object_that_a_namesake_has_registered_is_no_orphan() -> None:
    """An object without marks may belong to a row of another identity with the same key: that is a collision."""
    world = orphaned(namesakes=[sealed(REGISTERED).row(replace(IDENTITY, version="2"), URL)])
    world.put(REGISTERED, {})

    ending = world.repair(take_over=True, exclusive=True)

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, Reason.OBJECT_COLLISION, 0)


def test_an_unmarked_object_is_not_given_up_while_a_namesake_may_have_registered_it() -> None:
    """A lookup that shows only the newest versions cannot say whose an object without marks is; ours is ours."""
    unmarked, marked = orphaned(sees_namesakes=False), orphaned(sees_namesakes=False)
    unmarked.put(REGISTERED, {})

    refused, done = unmarked.repair(take_over=True), marked.repair(take_over=True)

    assert (refused.status, unmarked.writes) == (Status.BLOCKED, 0)
    assert done.status is Status.PUBLISHED


def test_without_if_match_an_orphan_is_given_up_only_exclusively() -> None:
    """A store that does not honour If-Match cannot keep another writer out; then a person has to."""
    careful, told = orphaned(honours_if_match=False), orphaned(honours_if_match=False)

    refused, done = careful.repair(take_over=True), told.repair(take_over=True, exclusive=True)

    assert (refused.status, careful.writes) == (Status.BLOCKED, 0)
    assert (done.status, told.holds_inv) == (Status.PUBLISHED, True)


def test_a_row_that_turns_up_before_the_exchange_keeps_its_object() -> None:
    """The registry is asked once more before the object is touched: a row by then means a sound artifact."""
    world = orphaned()
    lookups_before_exchange = 2

    def register_late() -> None:
        world.row = ROW

    world.before[Lookup, lookups_before_exchange] = register_late

    ending = world.repair(take_over=True)

    assert (ending.status, ending.reason) == (Status.SKIPPED, Reason.ALREADY_REGISTERED)
    assert (world.count(Exchange), world.holds_inv, world.escrow) == (0, True, {})


@pytest.mark.parametrize("moment", [ReadBack, Register])
def test_a_row_that_turns_up_after_the_exchange_gets_its_bytes_back(moment: type) -> None:
    """The orphan's writer was alive after all: its bytes come back from quarantine, and INV holds again."""
    world = orphaned()

    def register_late() -> None:
        world.row = ROW

    world.before[moment, 0] = register_late

    ending = world.repair(take_over=True)

    assert (ending.status, ending.reason) == (Status.PUBLISHED, "repaired_from_quarantine")
    assert isinstance(world.row, Row)
    assert (world.row.sha256, world.holds_inv) == (digest(REGISTERED), True)
    assert any("nothing was given up" in note for note in ending.notes)


def test_an_orphan_that_changes_before_the_exchange_is_looked_at_again() -> None:
    """Another object under the key is another orphan: it is kept as well before anything takes its place."""
    world = orphaned()
    world.before[Exchange, 0] = lambda: world.put(OTHER)

    ending = world.repair(take_over=True)

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert {REGISTERED, OTHER} <= set(world.copies.values())


def test_an_object_that_is_finished_by_its_writer_meanwhile_is_registered_as_it_is() -> None:
    """If another run's record for the changed object turns up, that run is helped instead of overwritten."""
    world = orphaned()

    def finishable() -> None:
        world.put(OTHER)
        world.escrow["a" * 32] = sealed(OTHER)

    world.before[Exchange, 0] = finishable

    ending = world.repair(take_over=True)

    assert (ending.status, world.holds_inv) == (Status.ADOPTED, True)
    assert isinstance(world.row, Row)
    assert world.row.sha256 == digest(OTHER)


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_take_over_without_an_answer_is_settled_by_looking(lost: str) -> None:
    """The same bytes again if the exchange did not happen, on to the registration if it did."""
    world = orphaned()
    (world.lost_requests if lost == "request" else world.lost_answers).add(0)

    ending = world.repair(take_over=True)

    assert (ending.status, world.holds_inv, world.count(Seal)) == (Status.PUBLISHED, True, 1)


def test_a_failed_escrow_stops_before_anything_is_replaced() -> None:
    """Without a durable record of the new key the orphan stays: a crash would only leave another orphan."""
    world = orphaned(fail={EscrowPut: TransportError("the escrow does not answer")})

    with pytest.raises(TransportError):
        world.repair(take_over=True)

    assert world.count(Exchange) == 0


def test_a_registration_that_is_refused_leaves_something_to_finish() -> None:
    """After the exchange the new object's key is in escrow, so that a later run registers it."""
    world = orphaned(fail={Register: RejectedError("no")})

    with pytest.raises(RejectedError):
        world.repair(take_over=True)

    assert NEW_NONCE in world.escrow
    world.fail.clear()
    ending = world.repair()
    assert (ending.status, world.holds_inv) == (Status.ADOPTED, True)


def test_namesakes_are_all_identities_with_the_same_object_key() -> None:
    """Every way to cut the key at its hyphens is another identity, without the one that was asked about."""
    identity = FleetIdentity("m", "dev", "x86-64", "1")

    found = namesakes(identity)

    assert set(found) == {FleetIdentity("m", "dev", "x86", "64-1"), FleetIdentity("m-x86", "dev", "64", "1")}
    assert {other.object_key for other in found} == {identity.object_key}
    assert namesakes(FleetIdentity("m", "dev", "arm64", "1")) == ()


def test_too_many_namesakes_are_refused_rather_than_half_asked_about() -> None:
    """A name with very many hyphens could belong to more artifacts than a registry should be asked about."""
    with pytest.raises(DestinationError, match="too many"):
        namesakes(FleetIdentity("a" + "-a" * 60, "dev", "arm64", "1"))
