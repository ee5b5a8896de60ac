"""Claim first: how publishers agree on an object where the store's conditions are not enough (DESIGN.md, "Claims").

A claim is written once, never deleted, and decides for good. It says either that the object is made by one conditional
PUT, which is the usual protocol, or it pins the very bytes: then everybody may upload exactly these, without a
condition, as often as it takes, and a late or repeated upload does no harm. Pure, like `protocol`.
"""

from __future__ import annotations

from typing import Literal

from publisher.destinations.fleet.creating import create, head_after_create, let_go, nonce_of
from publisher.destinations.fleet.effects import (
    EscrowGet,
    EscrowPut,
    Overwrite,
    Pause,
    PutClaim,
    ReadBack,
    Seal,
    SealAgain,
)
from publisher.destinations.fleet.helping import look, meet_foreign, verify_own
from publisher.destinations.fleet.registration import Advised, Ending, register
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.values import Sealed, claim_of
from publisher.destinations.port import VerifyMode
from publisher.destinations.stepping import Steps, ask
from publisher.errors import CapabilityError, DamagedObjectError, TransportError
from publisher.model import State, Status
from publisher.reasons import Reason
from publisher.registries.port import ClaimRecord
from publisher.stores.port import CreateAnswer, ObjectInfo
from publisher.stores.terms import Fence, StoreTerms


def publish_claimed(wanted: Wanted, terms: StoreTerms, *, registry: str, verify: VerifyMode) -> Steps[Ending]:
    """Seal, agree by a claim on how the object is stored, store it so, register it."""
    mine = yield from ask(Seal())
    wanted = wanted.read_as(mine)
    yield from ask(EscrowPut(mine))
    fits = terms.fence is Fence.CONDITION and mine.size_bytes <= terms.put_limit_bytes
    claim = yield from ask(PutClaim(claim_of(wanted.identity, mine, is_pinned=not fits)))
    is_ours = claim.identity_sha256 == wanted.identity.sha256
    if is_ours and claim.nonce == mine.nonce:
        return (yield from _upload_pinned(wanted, mine, registry=registry, status=Status.PUBLISHED))
    if is_ours and not claim.is_pinned and fits:
        there = yield from create(mine)
        if there is None:
            raise TransportError("the store lost an upload of one request", hint="run the same command again")
        if nonce_of(there) != mine.nonce:
            yield from let_go((mine,), there)
            return (yield from meet_foreign(wanted, registry=registry))
        yield from verify_own(wanted, mine, there, verify)
        return (yield from register(mine, etag=there.etag, status=Status.PUBLISHED, verification=verify))
    # The claim decides for other bytes: what was sealed here will never be sent.
    yield from let_go((mine,), None)
    if not is_ours:
        detail = f"the object {wanted.identity.object_key} was claimed for another artifact with the same object key"
        return Ending(Status.BLOCKED, Reason.OBJECT_COLLISION, detail=detail)
    if not claim.is_pinned:
        why = "another run claimed it for an object of one request, and this one is too large for that"
        return (yield from _meet_or_stop(wanted, why, registry=registry))
    return (yield from _help_pinned(wanted, claim, registry=registry))


def _help_pinned(wanted: Wanted, claim: ClaimRecord, *, registry: str) -> Steps[Ending]:
    """Bring the claimed bytes to the store if they are not there, and finish with the claimant's values."""
    if (claim.source_sha256, claim.compression) != (wanted.source_sha256, wanted.compression):
        detail = "this version is claimed for other content"
        return Ending(Status.BLOCKED, Reason.CONTENT_CONFLICT, detail=detail)
    theirs = yield from ask(EscrowGet(claim.nonce))
    if theirs is None:
        return (yield from _meet_or_stop(wanted, "the claimant's key cannot be recovered", registry=registry))
    if (theirs.sha256.hex, theirs.size_bytes) != (claim.sha256, claim.size_bytes):
        raise DamagedObjectError("the claim and the escrow record of an unfinished publish speak of different bytes")
    if (yield from head_after_create()) is None and not (yield from ask(SealAgain(theirs))):
        why = "the claimed bytes cannot be made again here: another compressor makes other ones"
        return (yield from _meet_or_stop(wanted, why, registry=registry))
    return (yield from _upload_pinned(wanted, theirs, registry=registry, status=Status.ADOPTED))


def _upload_pinned(
    wanted: Wanted, pinned: Sealed, *, registry: str, status: Literal[Status.PUBLISHED, Status.ADOPTED]
) -> Steps[Ending]:
    there = yield from _stored(pinned)
    if nonce_of(there) != pinned.nonce:
        return (yield from meet_foreign(wanted, registry=registry))
    yield from ask(ReadBack(pinned, opened=status is Status.ADOPTED))
    # Another run may store the same bytes once more at any time, so the ETag proves nothing here.
    return (yield from register(pinned, etag=None, status=status, verification="full"))


def _stored(pinned: Sealed) -> Steps[ObjectInfo]:
    """Return the object that is there, after storing the pinned bytes if none was. Never replaces another one."""
    attempt = 0
    there = yield from head_after_create()
    while there is None:
        attempt += 1
        try:
            answer = yield from ask(Overwrite(pinned))
        except TransportError as error:
            if not (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                raise
            answer = CreateAnswer.AMBIGUOUS
        there = yield from head_after_create()
        if there is not None:
            break
        if answer is CreateAnswer.CREATED:
            raise CapabilityError(
                "the store answered that the object was stored, but shows none", hint="run `publish doctor`"
            )
        if not (yield from ask(Pause(attempt, "the store did not confirm the upload"))):
            raise TransportError(
                f"the object could not be stored in {attempt} attempts",
                hint="nothing was registered; run the same command again",
            )
    return there


def _meet_or_stop(wanted: Wanted, why: str, *, registry: str) -> Steps[Ending]:
    """The claimant may have finished meanwhile; if not, this version waits for it, or for ever."""
    looked = yield from look(wanted, registry=registry)
    if looked.classified.state is not State.MISSING:
        return (yield from meet_foreign(wanted, registry=registry))
    return Advised(
        Status.BLOCKED,
        Reason.ORPHAN_OBJECT,
        detail=f"this version is claimed and not stored: {why}",
        seen=looked.seen,
        hint="run the claimant again where it ran first, or publish under a new version; a claim is never deleted",
    )
