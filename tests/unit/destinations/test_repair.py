"""Repairing what is registered: the row wins, and nothing is overwritten that has no copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.destinations.fleet.effects import CheckStore, Head
from publisher.destinations.fleet.repair_effects import Exchange, HashObject, KeepCopy, ListVersions, PutBack, Rebuild
from publisher.destinations.fleet.values import Marks, Receipt
from publisher.errors import (
    CapabilityError,
    CredentialsError,
    DamagedObjectError,
    OutcomeUnknownError,
    SourceError,
    TransportError,
)
from publisher.model import Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow, Row
from tests.unit.destinations.repair_world import (
    IDENTITY,
    OTHER,
    REGISTERED,
    ROW,
    URL,
    World,
    digest,
    marks,
    sealed,
)


def stored_marks(world: World) -> Marks | None:
    assert world.thing is not None
    return Marks.read(world.thing.metadata)


def test_a_missing_object_is_put_back_from_where_its_bytes_are() -> None:
    """R13: with the row there and the object gone, the registered bytes are created again, and only if nothing is."""
    for where in ("version", "quarantine", "rebuild"):
        world = World(row=ROW)
        world.versions = {"v1": REGISTERED} if where == "version" else {}
        world.copies = {digest(REGISTERED).hex: REGISTERED} if where == "quarantine" else {}
        world.rebuilt = REGISTERED if where == "rebuild" else None

        ending = world.repair()

        assert ending.status is Status.PUBLISHED
        assert where in ending.reason
        assert (world.holds_inv, world.count(PutBack), world.count(Exchange)) == (True, 1, 0)


def test_older_versions_come_before_quarantine_and_a_rebuild() -> None:
    """The cheapest sound copy is taken: an older version, then quarantine, and sealing again only at last."""
    world = World(row=ROW, versions={"v1": REGISTERED}, copies={digest(REGISTERED).hex: REGISTERED}, rebuilt=REGISTERED)

    ending = world.repair()

    assert (ending.reason, world.count(Rebuild)) == ("repaired_from_version", 0)


def test_a_version_of_another_size_is_not_downloaded() -> None:
    """Only versions that could be the registered bytes are read."""
    world = World(row=ROW, versions={"v2": OTHER, "v1": REGISTERED})

    ending = world.repair()

    assert ending.reason == "repaired_from_version"
    assert all(getattr(effect, "version_id", "v1") == "v1" for effect in world.log)


def test_a_replaced_object_is_kept_before_the_registered_bytes_are_put_back() -> None:
    """S16: another object under a registered key goes to quarantine first, then the row's bytes take its place."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)

    ending = world.repair()

    assert (ending.status, ending.reason, ending.verification) == (Status.PUBLISHED, "repaired_by_rebuild", "full")
    assert world.copies[digest(OTHER).hex] == OTHER
    assert world.holds_inv
    kinds = [type(effect) for effect in world.log]
    assert kinds.index(KeepCopy) < kinds.index(Exchange)


def test_bits_that_rotted_under_sound_marks_are_found_and_restored() -> None:
    """What looks published is read as a whole: right size and right marks prove nothing of the bytes."""
    world = World(row=ROW, rebuilt=REGISTERED)
    rotten = REGISTERED[:-1] + b"?"
    world.put(rotten, marks(REGISTERED).metadata())

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert world.copies[digest(rotten).hex] == rotten


def test_wrong_marks_on_the_right_bytes_are_set_right_from_the_object_itself() -> None:
    """If only the metadata lies, no other copy is needed: the object's own bytes are stored again with true marks."""
    world = World(row=ROW)
    world.put(REGISTERED, marks(OTHER).metadata())

    ending = world.repair()

    assert ending.reason == "repaired_from_quarantine"
    found = stored_marks(world)
    assert found is not None
    assert found.sha256 == digest(REGISTERED).hex


def test_a_published_artifact_is_left_alone() -> None:
    """Nothing is written for an artifact whose object has the registered bytes."""
    world = World(row=ROW)
    world.put(REGISTERED)

    ending = world.repair()

    assert (ending.status, ending.reason, world.writes) == (Status.SKIPPED, Reason.ALREADY_REGISTERED, 0)


def test_a_missing_artifact_is_left_to_apply() -> None:
    """Repair publishes nothing new; it says who does."""
    world = World()

    ending = world.repair()

    assert (ending.status, ending.reason, world.writes) == (Status.SKIPPED, Reason.NOT_REGISTERED, 0)
    assert "publish apply" in ending.notes[0]


def test_an_unfinished_artifact_is_finished_as_apply_does() -> None:
    """An object whose key is in escrow is registered as it is, without another upload."""
    world = World(escrow={"a" * 32: sealed(OTHER)})
    world.put(OTHER)

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.ADOPTED, True)
    assert isinstance(world.row, Row)
    assert world.count(Exchange) + world.count(PutBack) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"publish-identity": "00" * 32}, Reason.OBJECT_COLLISION, id="collision"),
        pytest.param({"publish-source": "00" * 32}, Reason.CONTENT_CONFLICT, id="conflict"),
    ],
)
def test_conflicts_and_collisions_are_explained_and_never_changed(changes: dict[str, str], reason: Reason) -> None:
    """R15: no bytes are right for both sides, so neither a copy of the bytes nor any flag changes anything."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(REGISTERED, {**marks(REGISTERED).metadata(), **changes})

    ending = world.repair(take_over=True, exclusive=True)

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, reason, 0)
    assert ending.detail


def test_an_object_that_is_registered_for_another_artifact_too_is_not_exchanged() -> None:
    """The key is not injective: a row of a namesake would be broken by bytes that mend ours."""
    world = World(row=ROW, rebuilt=REGISTERED, namesakes=[sealed(OTHER).row(replace(IDENTITY, version="2"), URL)])
    world.put(OTHER, {})

    ending = world.repair()

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, Reason.OBJECT_COLLISION, 0)


def test_without_any_copy_of_the_registered_bytes_nothing_is_changed() -> None:
    """Nothing suitable: say so, say what to do, and leave everything as it is."""
    world = World(row=ROW, versions={"v1": OTHER}, rebuilt=OTHER)
    world.put(OTHER)

    ending = world.repair()

    assert (ending.status, ending.reason, world.writes) == (Status.BLOCKED, Reason.DAMAGED_OBJECT, 0)
    assert "nothing was changed" in ending.detail


def test_a_key_that_the_registry_does_not_give_back_rules_out_a_rebuild() -> None:
    """Without the row's key the same bytes cannot be made again, but an older version is as good as ever."""
    keyless = replace(ROW, encryption_key=None)
    without = World(row=keyless, rebuilt=REGISTERED)
    with_version = World(row=keyless, versions={"v1": REGISTERED})

    blocked, restored = without.repair(), with_version.repair()

    assert (blocked.status, without.count(Rebuild)) == (Status.BLOCKED, 0)
    assert (restored.status, with_version.holds_inv) == (Status.PUBLISHED, True)


def test_a_place_that_cannot_be_asked_does_not_hide_the_others() -> None:
    """No right to list versions, or a source that is gone, is told; another place may still have the bytes."""
    listing, source = CredentialsError("versions may not be listed"), SourceError("model.bin is gone")
    mended = World(row=ROW, rebuilt=REGISTERED, fail={ListVersions: listing})
    lost = World(row=ROW, fail={ListVersions: listing, Rebuild: source})

    restored, blocked = mended.repair(), lost.repair()

    assert restored.reason == "repaired_by_rebuild"
    assert "versions may not be listed" in restored.notes
    assert "versions may not be listed" in blocked.detail
    assert "model.bin is gone" in blocked.detail


def test_without_a_source_here_copies_in_the_store_still_serve() -> None:
    """An artifact whose source is gone is restored from a version; it is not sealed and nothing is compared."""
    world = World(row=ROW, versions={"v1": REGISTERED}, rebuilt=REGISTERED)
    world.put(OTHER)

    ending = world.repair(has_source=False)

    assert (ending.reason, world.holds_inv, world.count(Rebuild)) == ("repaired_from_version", True, 0)
    assert "the source was not compared" in ending.notes


def test_the_restored_object_gets_marks_that_are_true_of_it() -> None:
    """The nonce is the one the receipt remembers for these bytes, else half of their digest; either way one each."""
    receipt = Receipt.of(
        IDENTITY, sealed(REGISTERED, nonce="7" * 32), cdn_url=URL, registry="here", evidence="accepted"
    )
    remembered, forgotten = World(row=ROW, rebuilt=REGISTERED, receipt=receipt), World(row=ROW, rebuilt=REGISTERED)
    stale = World(row=ROW, rebuilt=REGISTERED, receipt=replace(receipt, sha256=digest(OTHER).hex))

    for world in (remembered, forgotten, stale):
        world.repair()

    assert stored_marks(remembered) == marks(REGISTERED, nonce="7" * 32)
    assert stored_marks(forgotten) == marks(REGISTERED, nonce=digest(REGISTERED).hex[:32])
    assert stored_marks(stale) == stored_marks(forgotten)


def test_a_receipt_stands_in_for_a_row_that_cannot_be_looked_up() -> None:
    """Without a lookup the receipt says which bytes are registered, and they are restored all the same."""
    receipt = Receipt.of(IDENTITY, sealed(REGISTERED), cdn_url=URL, registry="here", evidence="accepted")
    world = World(row=NoRow.UNSEEN, receipt=receipt, versions={"v1": REGISTERED})

    ending = world.repair()

    assert ending.reason == "repaired_from_version"
    assert stored_marks(world) == marks(REGISTERED)


def test_an_object_that_changes_before_the_exchange_is_looked_at_again() -> None:
    """Between copy and replacement another object arrives: it is kept too before the row's bytes take its place."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(b"first damage")
    world.before[Exchange, 0] = lambda: world.put(OTHER)

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert {b"first damage", OTHER} <= set(world.copies.values())


def test_an_object_that_changes_before_it_is_copied_leaves_no_wrong_copy() -> None:
    """A copy whose bytes are not those of its name is removed, and the new object is kept under its own."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(b"first damage")
    world.before[KeepCopy, 0] = lambda: world.put(OTHER)

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert world.copies == {digest(OTHER).hex: OTHER}


def test_an_object_that_appears_while_it_is_put_back_is_not_lost() -> None:
    """A missing object that somebody else creates first is treated as what it is then: another object."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.before[PutBack, 0] = lambda: world.put(OTHER)

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert OTHER in world.copies.values()


def test_an_object_that_vanishes_while_it_is_repaired_is_put_back() -> None:
    """What was there to be replaced is gone: the next look finds it missing and creates it."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)

    def vanish() -> None:
        world.thing = None

    world.before[Exchange, 0] = vanish

    ending = world.repair()

    assert (ending.status, world.holds_inv, world.count(PutBack)) == (Status.PUBLISHED, True, 1)


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_an_exchange_without_an_answer_is_settled_by_looking(lost: str) -> None:
    """An ambiguous replacement is repeated with the same bytes if it did not happen, and accepted if it did."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)
    (world.lost_requests if lost == "request" else world.lost_answers).add(0)

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert world.count(Exchange) == (2 if lost == "request" else 1)


def test_a_store_that_never_says_whether_it_exchanged_leaves_the_outcome_unknown() -> None:
    """When attempts are used up the outcome is unknown (exit 7), not failed: the request may arrive yet."""
    world = World(row=ROW, rebuilt=REGISTERED, lost_requests=set(range(9)))
    world.put(OTHER)

    with pytest.raises(OutcomeUnknownError):
        world.repair()


def test_a_store_that_no_longer_answers_after_the_exchange_leaves_the_outcome_unknown() -> None:
    """Bytes were sent and nobody answers what became of them: running again settles it."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)
    world.before[Exchange, 0] = lambda: world.fail.update({Head: TransportError("no answer")})

    with pytest.raises(OutcomeUnknownError):
        world.repair()


def test_a_store_that_says_replaced_and_shows_something_else_broke_its_promise() -> None:
    """A replacement that was confirmed and cannot be seen is a broken promise, not a success."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)
    world.before[Head, 1] = lambda: world.put(OTHER)

    with pytest.raises(CapabilityError):
        world.repair()


def test_without_if_match_an_object_is_replaced_only_if_nobody_else_publishes() -> None:
    """A store that ignores If-Match is refused, unless a person says that no other publisher is running."""
    careful, told = (World(row=ROW, rebuilt=REGISTERED, honours_if_match=False) for _ in range(2))
    for world in (careful, told):
        world.put(OTHER)

    refused, restored = careful.repair(), told.repair(exclusive=True)

    assert (refused.status, careful.writes) == (Status.BLOCKED, 0)
    assert "--exclusive" in str(getattr(refused, "hint", ""))
    assert (restored.status, told.holds_inv, OTHER in told.copies.values()) == (Status.PUBLISHED, True, True)


def test_an_unsafe_store_is_not_written_to() -> None:
    """A store that was not proved to honour create-if-absent is refused before any copy is made."""
    world = World(row=ROW, rebuilt=REGISTERED, fail={CheckStore: CapabilityError("unsafe")})
    world.put(OTHER)

    with pytest.raises(CapabilityError):
        world.repair()

    assert world.writes == 0


def test_a_row_that_changes_meanwhile_is_looked_at_again() -> None:
    """If the registry names other bytes by the end, those are restored: the row that is there wins."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(b"damage")

    def other_row() -> None:
        world.row, world.rebuilt = sealed(OTHER).row(IDENTITY, URL), OTHER

    world.before[HashObject, 1] = other_row

    ending = world.repair()

    assert (ending.status, world.holds_inv) == (Status.PUBLISHED, True)
    assert world.thing is not None
    assert world.thing.data == OTHER


def test_a_repair_that_somebody_undoes_every_time_gives_up() -> None:
    """A fight with another writer ends with an error that a person has to look at, and never loops for ever."""
    world = World(row=ROW, rebuilt=REGISTERED)
    world.put(OTHER)
    for number in range(20):
        world.before[Exchange, number] = lambda: world.put(OTHER)

    with pytest.raises(DamagedObjectError, match="changed"):
        world.repair()


def test_a_registered_artifact_made_of_another_source_is_restored_and_said_to_be() -> None:
    """The row wins over the manifest as well: its bytes come back although the source here is another one."""
    receipt = Receipt.of(
        IDENTITY,
        replace(sealed(REGISTERED), source_sha256="cd" * 32),
        cdn_url=URL,
        registry="here",
        evidence="accepted",
    )
    world = World(row=ROW, versions={"v1": REGISTERED}, receipt=receipt)

    ending = world.repair()

    assert ending.reason == "repaired_from_version"
    assert any("another source" in note for note in ending.notes)
    found = stored_marks(world)
    assert found is not None
    assert found.source_sha256 == "cd" * 32
