"""The second half of the protocol: register what is there, make sure of it, close. Pure, like `protocol`.

Every retry sends the same bytes; values that do not describe the object there are never sent; an answer that says
nothing is settled by a lookup where there is one, and otherwise by sending the same bytes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from publisher.destinations.fleet.effects import (
    EscrowDrop,
    Head,
    Lookup,
    Now,
    Pause,
    ReadBack,
    Register,
    WriteReceipt,
    WriteStatement,
)
from publisher.destinations.fleet.states import Seen
from publisher.destinations.fleet.values import Evidence, Marks, Sealed
from publisher.destinations.stepping import Steps, ask
from publisher.errors import DamagedObjectError, OutcomeUnknownError, PublisherError, TransportError
from publisher.model import Status
from publisher.reasons import HINTS, Reason
from publisher.registries.port import Accepted, Duplicate, NoAnswer, NoRow, Refused, Row

REVERIFY_AFTER_S = 15 * 60
"""A verification older than this is repeated before anything is registered (DESIGN.md, "The write order", step 8)."""

CONFIRM_ATTEMPTS = 5
"""Lookups may lag behind the write; with the driver's pauses this is about five seconds."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the protocol ended for one artifact. `sealed` is what was registered, if anything was."""

    status: Status
    reason: str
    detail: str = ""
    verification: str | None = None
    sealed: Sealed | None = None
    seen: Seen | None = None
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Advised(Ending):
    """An ending with its own word on what a person does next."""

    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Confirmed:
    evidence: Evidence
    is_seen: bool
    """Whether a lookup showed the row, or the registry accepted it and has no lookup."""
    is_proved: bool = True
    """Whether a receipt may say so: not where a lookup was asked and did not show the row."""


def register(
    sealed: Sealed, *, etag: str | None, status: Literal[Status.PUBLISHED, Status.ADOPTED], verification: str
) -> Steps[Ending]:
    """Register `sealed`, whose bytes are verified to be in the store with this ETag (None where others may store the
    same bytes again).

    What is to be signed is signed first: nothing is registered without the statement it should have.
    """
    verified_at = yield from ask(Now())
    note = yield from ask(WriteStatement(sealed))
    attempt = 0
    unanswered = False
    while True:
        attempt += 1
        if (yield from ask(Now())) - verified_at > REVERIFY_AFTER_S:
            yield from ask(ReadBack(sealed, opened=False))
            verified_at = yield from ask(Now())
        answer = yield from ask(Register(sealed))
        match answer:
            case Accepted():
                confirmed = yield from _confirm(sealed, "accepted")
                break
            case Duplicate(sha256):
                if sha256 is not None and sha256 != sealed.sha256:
                    return _damaged(f"the registry already has this version with another sha256 ({sha256.hex[:12]}...)")
                confirmed = yield from _confirm(sealed, "duplicate")
                break
            case Refused(error, business):
                seen = (yield from _lookup_after(error)) if business else NoRow.ABSENT
                if isinstance(seen, Row):
                    confirmed = _compare(seen, sealed)
                    break
                if not error.retryable:
                    raise _unknown(error) if unanswered else error
                again = error
            case NoAnswer(error):
                unanswered = True
                seen = yield from _lookup_after(error)
                if isinstance(seen, Row):
                    confirmed = _compare(seen, sealed)
                    break
                again = error
        retry_after = again.retry_after_s if isinstance(again, TransportError) else None
        if not (yield from ask(Pause(attempt, again.message, retry_after))):
            raise _unknown(again) if unanswered else again
    ending = yield from _close(sealed, etag, confirmed, status=status, verification=verification)
    return replace(ending, notes=(note, *ending.notes)) if note else ending


def _confirm(sealed: Sealed, evidence: Evidence) -> Steps[_Confirmed]:
    """Look until the row is seen. A row with other values is damage; one that never shows is reported as unverified."""
    for attempt in range(1, CONFIRM_ATTEMPTS + 1):
        try:
            row = yield from ask(Lookup())
        except PublisherError:
            break
        if isinstance(row, Row):
            return _compare(row, sealed)
        if row is NoRow.UNSEEN:
            return _Confirmed(evidence, is_seen=evidence == "accepted")
        if attempt < CONFIRM_ATTEMPTS and not (yield from ask(Pause(attempt, "the row does not show yet"))):
            break
    return _Confirmed(evidence, is_seen=False, is_proved=False)


def _lookup_after(error: PublisherError) -> Steps[Row | NoRow]:
    """Look whether the registration went through; a lookup that fails too leaves the outcome unknown."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return (yield from ask(Lookup()))
        except TransportError as unanswered:
            why = unanswered
        if not (yield from ask(Pause(attempt, why.message, why.retry_after_s))):
            raise _unknown(error)


def _unknown(error: PublisherError) -> OutcomeUnknownError:
    """Return the error of a registration that was sent at least once without an answer, and may arrive yet."""
    return OutcomeUnknownError(
        f"the registration was sent and not confirmed: {error.message}",
        hint="the object is stored; running again settles it",
    )


def _compare(row: Row, sealed: Sealed) -> _Confirmed:
    if row.sha256 != sealed.sha256 or row.size_bytes != sealed.size_bytes:
        raise DamagedObjectError(
            f"the registered row has sha256 {row.sha256.hex[:12]}..., the object {sealed.sha256.hex[:12]}...",
            hint=HINTS[Reason.DAMAGED_OBJECT],
        )
    return _Confirmed("lookup", is_seen=True)


def _close(
    sealed: Sealed,
    etag: str | None,
    confirmed: _Confirmed,
    *,
    status: Literal[Status.PUBLISHED, Status.ADOPTED],
    verification: str,
) -> Steps[Ending]:
    notes: list[str] = []
    try:
        is_there = yield from _is_still_there(sealed, etag)
    except PublisherError as error:
        notes.append(f"not looked at again after registration: {error.message}")
    else:
        if not is_there:
            return _damaged("the object was replaced or deleted while it was being registered")
    if confirmed.is_proved:
        notes.extend((yield from _leave_proof(sealed, confirmed)))
    if not confirmed.is_seen:
        notes.append("registered, but the row was not seen: the registry does not show it")
    reason = "registered" if confirmed.is_seen else "registered_unverified"
    return Ending(status, reason, verification=verification, sealed=sealed, notes=tuple(notes))


def _is_still_there(sealed: Sealed, etag: str | None) -> Steps[bool]:
    """Say whether the object is the verified one: same nonce and ETag, or else, read in full, the same bytes.

    Where claims pin bytes, another run may store the same ones again, and the ETag changes.
    """
    there = yield from ask(Head())
    marks = Marks.read(there.metadata) if there else None
    if there is None or marks is None or marks.nonce != sealed.nonce:
        return False
    if etag not in (None, there.etag):
        try:
            yield from ask(ReadBack(sealed, opened=False))
        except DamagedObjectError:
            return False
    return True


def _leave_proof(sealed: Sealed, confirmed: _Confirmed) -> Steps[list[str]]:
    """Write the receipt, then drop the escrow record; return what a person should know of it.

    Without a lookup the receipt is the only proof: if it cannot be written the record stays, for a later run.
    """
    try:
        yield from ask(WriteReceipt(sealed, confirmed.evidence))
    except PublisherError as error:
        return [f"the receipt could not be written: {error.message}"]
    if confirmed.is_seen:
        try:
            yield from ask(EscrowDrop(sealed.nonce))
        except PublisherError:
            return ["the escrow record could not be removed; a later clean-up may"]
    return []


def _damaged(detail: str) -> Ending:
    return Ending(Status.BLOCKED, Reason.DAMAGED_OBJECT, detail=detail)
