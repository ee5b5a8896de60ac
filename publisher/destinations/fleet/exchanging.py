"""The careful writes of a repair: keep a copy, put back, exchange. Each looks what is there after any answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from publisher.destinations.fleet.effects import Head, Pause
from publisher.destinations.fleet.registration import Advised
from publisher.destinations.fleet.repair_effects import DropCopy, Exchange, HashCopy, KeepCopy, PutBack
from publisher.destinations.fleet.states import Seen, Wanted
from publisher.destinations.fleet.values import Marks
from publisher.destinations.port import Consent
from publisher.destinations.stepping import Steps, ask
from publisher.errors import CapabilityError, OutcomeUnknownError, TransportError
from publisher.model import Digest, Status
from publisher.reasons import Reason
from publisher.registries.port import Row
from publisher.stores.port import CreateAnswer, ObjectInfo, ReplaceAnswer

EXCLUSIVE_HINT = "stop every other publisher, then run again with --exclusive"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a repair is about. `wanted` has no source where `has_source` is False: then it is not compared."""

    wanted: Wanted
    has_source: bool
    registry: str
    consent: Consent


def keep_copy(digest: Digest) -> Steps[bool]:
    """Make sure that bytes with this digest are in quarantine; False if the object was changed meanwhile.

    The copy is read, not believed: the object may have been changed between our look and the copying.
    """
    there = yield from ask(HashCopy(digest))
    if there is None:
        yield from ask(KeepCopy(digest))
        there = yield from ask(HashCopy(digest))
    if there == digest:
        return True
    yield from ask(DropCopy(digest))
    return False


def put_back(marks: Marks) -> Steps[ObjectInfo | None]:
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield from ask(PutBack(marks))
        except TransportError as error:
            if (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                continue
            raise
        there = yield from _head()
        if there is not None:
            return there if Marks.read(there.metadata) == marks else None
        if answer is CreateAnswer.CREATED:
            raise CapabilityError(
                "the store answered that the object was created, but shows none", hint="run `publish doctor`"
            )
        if not (yield from ask(Pause(attempt, "the store did not confirm the upload"))):
            raise OutcomeUnknownError(
                f"the object could not be put back in {attempt} attempts", hint="running again settles it"
            )


def exchange(marks: Marks, former: ObjectInfo, *, is_fenced: bool) -> Steps[ObjectInfo | None]:
    """Overwrite the former object; return what is there if it is ours, None if another one was there first.

    Where the store does not honour If-Match (`is_fenced` is False), only the person's word keeps others out.

    Raises `CapabilityError` if the store breaks its promise, `OutcomeUnknownError` if nobody can say.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = yield from ask(Exchange(marks, former.etag if is_fenced else "*"))
        except TransportError as error:
            if (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                continue
            raise
        there = yield from _head()
        if there is not None and Marks.read(there.metadata) == marks:
            return there
        if answer is ReplaceAnswer.REPLACED:
            raise CapabilityError(
                "the store answered that the object was replaced, but shows another object or none",
                hint="the former object is in quarantine below .publish/quarantine/; run `publish doctor`",
            )
        if answer is ReplaceAnswer.CHANGED or there is None or there.etag != former.etag:
            return None
        if not (yield from ask(Pause(attempt, "the store did not confirm the exchange"))):
            raise OutcomeUnknownError(
                "the object was to be replaced, and the store does not say whether it was",
                hint="the former object is in quarantine; running again settles it",
            )


def collision_with(wish: Wish, others: Sequence[Row], seen: Seen) -> Advised:
    """Return the ending of an artifact whose object key is registered for another one, too."""
    names = ", ".join(row.identity.path for row in others)
    return Advised(
        Status.BLOCKED,
        Reason.OBJECT_COLLISION,
        detail=f"the object {wish.wanted.identity.object_key} is also that of {names}, which is registered",
        seen=seen,
        hint="no bytes are right for both; publish one of them under another name or version",
    )


def _head() -> Steps[ObjectInfo | None]:
    """Look what is there after a write was sent. Raises `OutcomeUnknownError` if the store does not answer."""
    try:
        return (yield from ask(Head()))
    except TransportError as error:
        raise OutcomeUnknownError(
            f"bytes were sent, and the store no longer answers what became of them: {error.message}",
            hint="only registered bytes were sent, or the former ones are in quarantine; running again settles it",
        ) from None
