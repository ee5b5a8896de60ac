"""Put registered bytes back under their object key. Pure; a part of `repair`.

The row wins: it cannot be taken back, so the object is made to fit it. Only bytes whose SHA-256 the row names are ever
sent, so a request that arrives late does no harm; and nothing is overwritten before a copy of it lies in quarantine.
"""

from __future__ import annotations

from dataclasses import replace

from publisher.destinations.fleet.effects import CheckStore, Lookup, ReadReceipt
from publisher.destinations.fleet.exchanging import (
    EXCLUSIVE_HINT,
    Wish,
    collision_with,
    exchange,
    keep_copy,
    put_back,
)
from publisher.destinations.fleet.helping import Looked, settled
from publisher.destinations.fleet.registration import Advised, Ending
from publisher.destinations.fleet.repair_effects import (
    CheckReplace,
    Found,
    HashObject,
    ListVersions,
    Rebuild,
    RowsOfNamesakes,
    TakeCopy,
    TakeVersion,
    Target,
)
from publisher.destinations.fleet.states import Seen, Wanted
from publisher.destinations.fleet.values import Marks, Receipt
from publisher.destinations.stepping import Steps, ask
from publisher.errors import DestinationError, InputError, ProtocolError, SourceChangedError, TransportError
from publisher.model import Digest, State, Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow, Row


def restore(wish: Wish, wanted: Wanted, looked: Looked) -> Steps[Ending | None]:
    """Put the registered bytes back; None if the world moved meanwhile.

    What seems published is read as a whole first: a store's marks say nothing of bits that rotted.
    """
    seen, there = looked.seen, looked.seen.object
    target, digest = _target(seen), None
    if there is not None:
        digest = yield from ask(HashObject())
        if digest is None:
            return None
        if looked.classified.state is State.PUBLISHED and digest == target.sha256:
            return settled(looked)
    others = yield from ask(RowsOfNamesakes())
    if others.rows:
        return collision_with(wish, others.rows, seen)
    if digest == target.sha256 and not (yield from keep_copy(digest)):
        return None  # only its marks are wrong: the bytes come from its own copy
    where, found, unusable = yield from _find(target, has_source=wish.has_source)
    if found is None:
        return _nothing_fits(target, seen, unusable, wish)
    yield from ask(CheckStore())
    marks = yield from _marks(wanted, target, found)
    if there is None:
        there = yield from put_back(marks)
    else:
        can_exchange = yield from ask(CheckReplace())
        if not (can_exchange or wish.consent.exclusive):
            return Advised(
                Status.BLOCKED,
                Reason.DAMAGED_OBJECT,
                detail=f"the registered bytes were found ({where}), but this store does not honour If-Match",
                seen=seen,
                hint=EXCLUSIVE_HINT,
            )
        if digest is not None and not (yield from keep_copy(digest)):
            return None
        there = yield from exchange(marks, there, is_fenced=can_exchange)
    if there is None or (yield from ask(HashObject())) != target.sha256 or not (yield from _is_still(target)):
        return None
    return Ending(
        Status.PUBLISHED,
        f"repaired_{where}",
        verification="full",
        seen=replace(seen, object=there),
        notes=_notes(wish, wanted, marks, unusable),
    )


def _find(target: Target, *, has_source: bool) -> Steps[tuple[str, Found | None, list[str]]]:
    """Look for the registered bytes: an older version, quarantine, a rebuild. A place that fails is told, not fatal."""
    unusable: list[str] = []
    places = [("from_version", _from_versions(target)), ("from_quarantine", ask(TakeCopy(target)))]
    if target.key is not None and has_source:
        places.append(("by_rebuild", ask(Rebuild(target))))
    for where, steps in places:
        try:
            found = yield from steps
        except (DestinationError, TransportError, InputError, SourceChangedError) as error:
            unusable.append(error.message)
            continue
        if found is not None:
            return where, found, unusable
    return "", None, unusable


def _from_versions(target: Target) -> Steps[Found | None]:
    for version in (yield from ask(ListVersions())):
        if version.size_bytes != target.size_bytes:
            continue
        found = yield from ask(TakeVersion(target, version.version_id))
        if found is not None:
            return found
    return None


def _marks(wanted: Wanted, target: Target, found: Found) -> Steps[Marks]:
    """Return metadata that is true of the registered bytes.

    The nonce is the one that named these bytes, where a receipt remembers it; else the first half of their SHA-256,
    which names exactly these bytes as well, and is the same for whoever repairs.
    """
    identity = wanted.identity
    receipt = yield from _receipt()
    if receipt is None or (receipt.sha256, receipt.identity_sha256) != (target.sha256.hex, identity.sha256):
        nonce, source, compression = target.sha256.hex[:32], found.source_sha256, found.compression
    else:
        nonce, source, compression = receipt.nonce, receipt.source_sha256, receipt.compression
    return Marks(nonce, identity.sha256, source, compression, target.sha256.hex, target.size_bytes)


def _receipt() -> Steps[Receipt | None]:
    try:
        return (yield from ask(ReadReceipt()))
    except ProtocolError:
        return None  # it would only have told a nonce


def _is_still(target: Target) -> Steps[bool]:
    row = yield from ask(Lookup())
    return row is NoRow.UNSEEN or (isinstance(row, Row) and row.sha256 == target.sha256)


def _target(seen: Seen) -> Target:
    if isinstance(seen.row, Row):
        return Target(seen.row.sha256, seen.row.size_bytes, seen.row.encryption_key)
    if seen.receipt is None:
        raise RuntimeError("only a registered artifact can be restored")
    return Target(Digest(seen.receipt.sha256), seen.receipt.size_bytes, None)


def _nothing_fits(target: Target, seen: Seen, unusable: list[str], wish: Wish) -> Advised:
    if target.key is None:
        unusable = [*unusable, "the registry does not give the key back, so the source cannot be sealed again"]
    elif not wish.has_source:
        unusable = [*unusable, "there is no source here that could be sealed again"]
    why = f" ({'; '.join(unusable)})" if unusable else ""
    hint = "give the artifact a new version and publish that; or bring back the registered bytes from a backup"
    if not wish.has_source:
        hint = f"build the source as it was published, and run again; else {hint}"
    return Advised(
        Status.BLOCKED,
        Reason.DAMAGED_OBJECT,
        detail=f"no copy of the registered bytes was found, sha256 {target.sha256.hex[:12]}...: not in an older "
        f"version of the object, not in quarantine, and not by sealing the source again{why}; nothing was changed",
        seen=seen,
        hint=hint,
    )


def _notes(wish: Wish, wanted: Wanted, marks: Marks, unusable: list[str]) -> tuple[str, ...]:
    notes = list(unusable)
    if not wish.has_source:
        notes.append("the source was not compared")
    elif marks.source_sha256 and marks.source_sha256 != wanted.source_sha256:
        notes.append("what is registered was made from another source than the one here")
    if wish.consent.take_over:
        notes.append("the artifact is registered, so nothing was given up")
    notes.append("a CDN may keep the former bytes: purge its cache")
    return tuple(notes)
