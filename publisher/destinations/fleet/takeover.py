"""Give up an orphan: an object that is not registered and whose key nobody has. Pure; a part of `repair`.

It is replaced by freshly sealed bytes under a new key, which are then registered. INV may break for a moment if the
orphan's writer is alive after all and registers it now; its bytes are in quarantine, so the row gets them back.
"""

from __future__ import annotations

from publisher.destinations.fleet.effects import CheckStore, EscrowDrop, EscrowPut, Lookup, ReadBack, Seal
from publisher.destinations.fleet.exchanging import EXCLUSIVE_HINT, Wish, collision_with, exchange, keep_copy
from publisher.destinations.fleet.helping import Looked
from publisher.destinations.fleet.registration import Advised, Ending, register
from publisher.destinations.fleet.repair_effects import CheckReplace, DropReceipt, HashObject, RowsOfNamesakes
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.stepping import Steps, ask
from publisher.errors import DamagedObjectError, DestinationError, TransportError
from publisher.model import Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow
from publisher.stores.port import ObjectInfo

ORPHAN_AGE_S = 24 * 60 * 60
"""A writer that is this late is not coming back."""


def take_over(wish: Wish, looked: Looked) -> Steps[Ending | None]:
    """Replace the orphan and register what replaced it; None if the world moved meanwhile, also by its row turning up.

    The registry is asked once more right before the object is replaced: from there on only quarantine can help. It
    says "absent", so a receipt proves nothing any more; left there, it would keep ours from being written.
    """
    there = looked.seen.object
    if there is None:
        raise RuntimeError("only an object can be given up")
    refusal = _refusal(wish, looked, there)
    if refusal is not None:
        return refusal
    others = yield from ask(RowsOfNamesakes())
    if others.rows:
        return collision_with(wish, others.rows, looked.seen)
    if looked.seen.marks is None and not others.are_all_seen:
        why = "it may be that of another artifact with the same object key, and this registry cannot say"
        return _blocked(looked, why, "set ADMIN_API_LOOKUP=list, or RESOURCES_DATABASE_URL")
    yield from ask(CheckStore())
    can_exchange = yield from ask(CheckReplace())
    if not (can_exchange or wish.consent.exclusive):
        return _blocked(looked, "this store does not honour If-Match", EXCLUSIVE_HINT)
    digest = yield from ask(HashObject())
    if digest is None or not (yield from keep_copy(digest)):
        return None
    mine = yield from ask(Seal())
    yield from ask(EscrowPut(mine))
    if (yield from ask(Lookup())) is not NoRow.ABSENT:
        yield from _drop_quietly(EscrowDrop(mine.nonce))
        return None
    yield from _drop_quietly(DropReceipt())
    replaced = yield from exchange(Marks.of(wish.wanted.identity, mine), there, is_fenced=can_exchange)
    if replaced is None:
        return None
    yield from ask(ReadBack(mine, opened=False))
    if (yield from ask(Lookup())) is not NoRow.ABSENT:
        return None
    return (yield from _register(mine, replaced))


def _register(mine: Sealed, replaced: ObjectInfo) -> Steps[Ending | None]:
    """Register what replaced the orphan; None if the orphan's row turned up, whose bytes are to be restored then."""
    try:
        ending = yield from register(mine, etag=replaced.etag, status=Status.PUBLISHED, verification="full")
    except DamagedObjectError:
        return None
    if ending.status is Status.BLOCKED:
        return None
    note = "the orphan is in quarantine below .publish/quarantine/; a CDN may keep its bytes: purge its cache"
    return Ending(
        ending.status,
        "repaired_by_takeover" if ending.reason == "registered" else ending.reason,
        verification=ending.verification,
        sealed=ending.sealed,
        notes=(*ending.notes, note),
    )


def _refusal(wish: Wish, looked: Looked, there: ObjectInfo) -> Advised | None:
    """Return why this orphan is left as it is, or None if it may be given up."""
    if not wish.consent.take_over:
        hint = "publish under a new version; or give this object up with `publish repair MANIFEST --take-over ID`"
        return _blocked(looked, "it is given up only if you name it", hint)
    if looked.seen.row is not NoRow.ABSENT:
        why = "this registry cannot be asked, so nobody knows that the object is not registered"
        return _blocked(looked, why, "set ADMIN_API_LOOKUP, or RESOURCES_DATABASE_URL")
    if not wish.has_source:
        return _blocked(looked, "there is no source here to publish in its place", "build the source, then run again")
    if wish.consent.exclusive:
        return None
    if there.age_s is None:
        return _blocked(looked, "this store does not say how old the object is", EXCLUSIVE_HINT)
    if there.age_s <= ORPHAN_AGE_S:
        why = f"it is only {there.age_s / 3600:.1f} hours old, and its writer may be at work for a day"
        return _blocked(looked, why, f"wait, or {EXCLUSIVE_HINT}")
    return None


def _blocked(looked: Looked, why: str, hint: str) -> Advised:
    detail = f"{looked.classified.detail}; {why}; nothing was changed"
    return Advised(Status.BLOCKED, Reason.ORPHAN_OBJECT, detail=detail, seen=looked.seen, hint=hint)


def _drop_quietly(effect: EscrowDrop | DropReceipt) -> Steps[None]:
    try:
        yield from ask(effect)
    except (DestinationError, TransportError):
        return  # a record that nobody needs does no harm
