"""Look what is there, and finish what another run began. Pure, like `protocol`.

Whoever finds an object of ours that is not registered registers *what is there*, with the values that its writer left
in escrow, after reading all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from publisher.destinations.fleet.effects import EscrowGet, Head, Lookup, ReadBack, ReadReceipt, ReadSource
from publisher.destinations.fleet.registration import Ending, register
from publisher.destinations.fleet.states import (
    Classified,
    Seen,
    Wanted,
    classify,
    lacks_source,
    needs_escrow,
    nothing_names_source,
)
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.port import VerifyMode
from publisher.destinations.stepping import Steps, ask
from publisher.errors import DamagedObjectError
from publisher.model import State, Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow
from publisher.stores.port import ObjectInfo


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen, and what it means."""

    seen: Seen
    classified: Classified


def look(wanted: Wanted, *, registry: str) -> Steps[Looked]:
    """Find out the state of one artifact. Writes nothing.

    An orphan is looked at twice: its writer may have registered it, and dropped the escrow record, between our lookup
    and our look into the escrow. So is an object whose source neither receipt nor escrow names: the writer may have
    written the one, and dropped the other, between our looks at them.
    """
    looked = yield from _look_once(wanted, registry=registry)
    if looked.classified.state is State.ORPHAN or nothing_names_source(looked.seen):
        looked = yield from _look_once(wanted, registry=registry)
    return looked


def _look_once(wanted: Wanted, *, registry: str) -> Steps[Looked]:
    """Ask the registry and the store, and where it matters the receipt and the escrow.

    What is written last is read first (row, receipt, object), so that another run's progress in between shows as more
    than there was, never as damage.
    """
    row = yield from ask(Lookup())
    receipt = (yield from ask(ReadReceipt())) if row is NoRow.UNSEEN else None
    seen = Seen(row, (yield from ask(Head())), receipt)
    if lacks_source(seen):
        seen = replace(seen, receipt=(yield from ask(ReadReceipt())))
    nonce = needs_escrow(wanted, seen)
    if nonce is not None:
        seen = replace(seen, escrowed=(yield from ask(EscrowGet(nonce))))
    return Looked(seen, classify(wanted, seen, registry=registry))


def compared(wanted: Wanted, looked: Looked, *, registry: str) -> Steps[tuple[Wanted, Looked]]:
    """Return what was wanted and seen, the source read by now if anything is there that it has to be compared with."""
    if wanted.source_sha256 or looked.classified.state is State.MISSING:
        return wanted, looked
    wanted = replace(wanted, source_sha256=(yield from ask(ReadSource())))
    return wanted, (yield from look(wanted, registry=registry))


def meet_foreign(wanted: Wanted, *, registry: str) -> Steps[Ending]:
    """Somebody else's object is under our key: finish what they began, or say why not."""
    wanted, looked = yield from compared(wanted, (yield from look(wanted, registry=registry)), registry=registry)
    if looked.classified.state is State.UNFINISHED:
        return (yield from help_finish(wanted, looked))
    return settled(looked)


def help_finish(wanted: Wanted, looked: Looked) -> Steps[Ending]:
    """Verify another run's object against its escrow record, then register what is there."""
    theirs, there = looked.seen.escrowed, looked.seen.object
    if theirs is None or there is None:
        raise RuntimeError("only an unfinished artifact can be finished")
    if theirs.source_sha256 != wanted.source_sha256 or theirs.compression != wanted.compression:
        raise DamagedObjectError("the escrow record and the object of an unfinished publish speak of different content")
    yield from ask(ReadBack(theirs, opened=True))
    return (yield from register(theirs, etag=there.etag, status=Status.ADOPTED, verification="full"))


def settled(looked: Looked) -> Ending:
    """Return the ending of an artifact about which nothing is to be done."""
    state, detail = looked.classified.state, looked.classified.detail
    if state is State.PUBLISHED:
        return Ending(Status.SKIPPED, Reason.ALREADY_REGISTERED, seen=looked.seen, notes=())
    return Ending(Status.BLOCKED, _REASONS[state], seen=looked.seen, detail=detail)


_REASONS = {
    State.UNKNOWN: Reason.LOOKUP_FAILED,
    State.COLLISION: Reason.OBJECT_COLLISION,
    State.DAMAGED: Reason.DAMAGED_OBJECT,
    State.CONFLICT: Reason.CONTENT_CONFLICT,
    State.ORPHAN: Reason.ORPHAN_OBJECT,
    State.MISSING: Reason.NOT_REGISTERED,
}


def verify_own(wanted: Wanted, mine: Sealed, there: ObjectInfo, verify: VerifyMode) -> Steps[None]:
    marks, expected = Marks.read(there.metadata), Marks.of(wanted.identity, mine)
    carried = (expected, expected.without_bytes(), expected.without_content())
    if marks not in carried or there.size_bytes != mine.size_bytes:
        raise DamagedObjectError(
            f"the store has {there.size_bytes} bytes of our upload of {mine.size_bytes}, or lost its metadata",
            hint="nothing was registered; run `publish doctor` to see what the store can do",
        )
    if verify == "full":
        yield from ask(ReadBack(mine, opened=False))
