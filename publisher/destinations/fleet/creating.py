"""The middle of the protocol: seal, put the key into escrow, create the object once, find out whose object is there.

Pure, like `protocol`. A run may seal more than once (an upload in parts that is gone cannot be completed), each time
with a new key and nonce; it remembers all of them, because a completion that was given up may still arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from publisher.destinations.fleet.effects import Create, Discard, EscrowDrop, EscrowPut, Head, Pause, Seal
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.stepping import Steps, ask
from publisher.errors import CapabilityError, OutcomeUnknownError, PublisherError, TransportError, UploadLostError
from publisher.stores.port import CreateAnswer, ObjectInfo, UploadGone

SEALINGS = 3
"""How often one artifact is sealed at most: once, and again where its upload in parts was lost."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is there now. `mine` is what this run knows of it, or None if another run wrote it."""

    there: ObjectInfo
    mine: Sealed | None


def write_once() -> Steps[Written]:
    """Make the object exist, or find that it does. Own bytes that can never become the object are let go of."""
    own: dict[str, Sealed] = {}
    for attempt in range(1, SEALINGS + 1):
        lost: TransportError
        try:
            sealed = yield from ask(Seal())
        except UploadLostError as error:
            lost, there = error, (yield from head_after_create())
        else:
            yield from ask(EscrowPut(sealed))
            own[sealed.nonce] = sealed
            there = yield from create(sealed, own)
            lost = UploadLostError("the upload in parts is gone, and no object is there", hint="run the command again")
        if there is not None:
            mine = own.get(nonce_of(there) or "")
            yield from let_go(own.values(), there)
            return Written(there, mine)
        if attempt == SEALINGS or not (yield from ask(Pause(attempt, lost.message))):
            break
    raise lost


def create(mine: Sealed, own: Mapping[str, Sealed] | None = None) -> Steps[ObjectInfo | None]:
    """Create the object and return what is there afterwards: ours or another run's. The resolve table of DESIGN.md.

    None if the upload in parts cannot be completed any more and no object is there: then new bytes have to be made.
    `own` holds everything this run has sealed, by nonce: each counts as ours.

    Raises `CapabilityError` if the store breaks its promise, `TransportError` if the object could not be created,
    `OutcomeUnknownError` if nobody can say. A `TransportError` of the create itself means that nothing was sent.
    """
    ours = {mine.nonce} if own is None else own.keys()
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield from ask(Create(mine))
        except TransportError as error:
            if (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                continue
            raise
        there = yield from head_after_create()
        if there is not None and nonce_of(there) in ours:
            return there
        if answer is CreateAnswer.CREATED:
            raise CapabilityError(
                "the store answered that the object was created, but shows another object or none",
                hint="it does not keep its create-if-absent promise; nothing was registered. Run `publish doctor`",
            )
        if there is not None:
            return there
        if answer is UploadGone.GONE or (answer is CreateAnswer.BUSY and mine.is_streamed):
            # After a conflict the parts cannot be completed again either. Source: S3 API, CompleteMultipartUpload, 409.
            return None
        if not (yield from ask(Pause(attempt, "the store did not confirm the upload"))):
            raise TransportError(
                f"the object could not be created in {attempt} attempts",
                hint="nothing was registered; run the same command again",
            )


def head_after_create() -> Steps[ObjectInfo | None]:
    """Look what is there after bytes were sent. Raises `OutcomeUnknownError` if the store no longer answers."""
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


def nonce_of(there: ObjectInfo | None) -> str | None:
    marks = Marks.read(there.metadata) if there else None
    return marks.nonce if marks else None


def let_go(own: Iterable[Sealed], there: ObjectInfo | None) -> Steps[None]:
    """Drop what belongs to own bytes other than those that are there; without an object, those that were never sent.

    Only now is it certain that they can never become the object: it is there, for good. An object without our marks
    says nothing of the sort: it may be ours, by a store that loses them.
    """
    nonce = nonce_of(there)
    if there is not None and nonce is None:
        return
    for sealed in own:
        if sealed.nonce == nonce:
            continue
        yield from ask(Discard(sealed.nonce))
        try:
            yield from ask(EscrowDrop(sealed.nonce))
        except PublisherError:
            continue  # a record nobody needs does no harm
