"""Write once + help: how one artifact is published safely, as a pure state machine (DESIGN.md, "The write order").

INV: at every moment, every registered row points to an object whose bytes hash to the row's sha256 and decrypt with
the row's key. It ranks above everything, also above finishing.

The object is created once and never replaced. Whoever finds it registers *what is there*, no matter who wrote it; that
works because the data key was put into escrow before the object could exist. No IO, no clock, no randomness here: every
question to the world is an `Effect`, and a checker can explore all answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from publisher.destinations.fleet.effects import (
    CheckStore,
    Create,
    EscrowDrop,
    EscrowGet,
    EscrowPut,
    Head,
    Lookup,
    Pause,
    ReadBack,
    ReadReceipt,
    Seal,
    Steps,
    ask,
)
from publisher.destinations.fleet.registration import Ending, register
from publisher.destinations.fleet.states import Classified, Seen, Wanted, classify, has_lost_marks, needs_escrow
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.port import VerifyMode
from publisher.errors import CapabilityError, DamagedObjectError, OutcomeUnknownError, PublisherError, TransportError
from publisher.model import State, Status
from publisher.reasons import Reason
from publisher.registries.port import NoRow
from publisher.stores.port import CreateAnswer, ObjectInfo


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen, and what it means."""

    seen: Seen
    classified: Classified


def look(wanted: Wanted, *, registry: str) -> Steps[Looked]:
    """Find out the state of one artifact. Writes nothing.

    An orphan is looked at twice: its writer may have registered it, and dropped the escrow record, between our lookup
    and our look into the escrow.
    """
    looked = yield from _look_once(wanted, registry=registry)
    if looked.classified.state is State.ORPHAN:
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
    if has_lost_marks(seen):
        seen = replace(seen, receipt=(yield from ask(ReadReceipt())))
    nonce = needs_escrow(wanted, seen)
    if nonce is not None:
        seen = replace(seen, escrowed=(yield from ask(EscrowGet(nonce))))
    return Looked(seen, classify(wanted, seen, registry=registry))


def publish(wanted: Wanted, *, registry: str, verify: VerifyMode) -> Steps[Ending]:
    """Publish one artifact. Ends with an `Ending`, or raises what stopped it before anything was registered."""
    looked = yield from look(wanted, registry=registry)
    if looked.classified.state is State.UNFINISHED:
        return (yield from help_finish(wanted, looked))
    if looked.classified.state is not State.MISSING:
        return settled(looked)
    if not (yield from ask(CheckStore())):
        verify = "full"
    mine = yield from ask(Seal())
    yield from ask(EscrowPut(mine))
    there = yield from create(mine)
    nonce = _nonce(there)
    if nonce != mine.nonce:
        if nonce is not None:
            # Only now is it certain that our own create can never succeed: the object is another run's, for good.
            yield from _drop_quietly(mine.nonce)
        return (yield from meet_foreign(wanted, registry=registry))
    yield from _verify_own(wanted, mine, there, verify)
    return (yield from register(mine, etag=there.etag, status=Status.PUBLISHED, verification=verify))


def create(mine: Sealed) -> Steps[ObjectInfo]:
    """Create the object and return what is there afterwards: ours or another run's. The resolve table of DESIGN.md.

    Raises `CapabilityError` if the store breaks its promise, `TransportError` if the object could not be created,
    `OutcomeUnknownError` if nobody can say. A `TransportError` of the create itself means that nothing was sent.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield from ask(Create(mine))
        except TransportError as error:
            if (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                continue
            raise
        there = yield from _head_after_create()
        if there is not None and _nonce(there) == mine.nonce:
            return there
        if answer is CreateAnswer.CREATED:
            raise CapabilityError(
                "the store answered that the object was created, but shows another object or none",
                hint="it does not keep its create-if-absent promise; nothing was registered. Run `publish doctor`",
            )
        if there is not None:
            return there
        if not (yield from ask(Pause(attempt, "the store did not confirm the upload"))):
            raise TransportError(
                f"the object could not be created in {attempt} attempts",
                hint="nothing was registered; run the same command again",
            )


def meet_foreign(wanted: Wanted, *, registry: str) -> Steps[Ending]:
    """Somebody else's object is under our key: finish what they began, or say why not."""
    looked = yield from look(wanted, registry=registry)
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


def _verify_own(wanted: Wanted, mine: Sealed, there: ObjectInfo, verify: VerifyMode) -> Steps[None]:
    marks = Marks.read(there.metadata)
    if marks != Marks.of(wanted.identity, mine) or there.size_bytes != mine.size_bytes:
        raise DamagedObjectError(
            f"the store has {there.size_bytes} bytes of our upload of {mine.size_bytes}, or lost its metadata",
            hint="nothing was registered; run `publish doctor` to see what the store can do",
        )
    if verify == "full":
        yield from ask(ReadBack(mine, opened=False))


def _head_after_create() -> Steps[ObjectInfo | None]:
    attempt = 0
    while True:
        attempt += 1
        try:
            return (yield from ask(Head()))
        except TransportError as error:
            why = error
        if not (yield from ask(Pause(attempt, why.message, why.retry_after_s))):
            raise OutcomeUnknownError(
                f"the upload was sent, and the store no longer answers what became of it: {why.message}",
                hint="nothing was registered; running again settles it",
            )


def _drop_quietly(nonce: str) -> Steps[None]:
    try:
        yield from ask(EscrowDrop(nonce))
    except PublisherError:
        return  # a record nobody needs does no harm


def _nonce(there: ObjectInfo | None) -> str | None:
    marks = Marks.read(there.metadata) if there else None
    return marks.nonce if marks else None
