"""Publish where nothing keeps two publishers apart, because a person said that no other is running. **Not safe.**

What can be checked is checked, before and after: the object is read back in full before it is registered and once more
afterwards. Another writer at the same time breaks the invariant all the same; the report says what was done. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from publisher.destinations.fleet.creating import head_after_create, nonce_of
from publisher.destinations.fleet.effects import EscrowPut, Overwrite, Pause, ReadBack, Seal
from publisher.destinations.fleet.helping import look, meet_foreign
from publisher.destinations.fleet.registration import Ending, register
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.stepping import Steps, ask
from publisher.errors import CapabilityError, DamagedObjectError, TransportError
from publisher.model import State, Status
from publisher.reasons import Reason
from publisher.stores.port import CreateAnswer

NOTE = "published unfenced (--allow-unfenced): right only if no other publisher was running"


def publish_unfenced(wanted: Wanted, *, registry: str) -> Steps[Ending]:
    mine = yield from ask(Seal())
    wanted = wanted.read_as(mine)
    yield from ask(EscrowPut(mine))
    looked = yield from look(wanted, registry=registry)
    if looked.classified.state is not State.MISSING:
        return (yield from meet_foreign(wanted, registry=registry))
    attempt, there = 0, None
    while there is None:
        attempt += 1
        try:
            answer = yield from ask(Overwrite(mine))
        except TransportError as error:
            if not (yield from ask(Pause(attempt, error.message, error.retry_after_s))):
                raise
            continue
        there = yield from head_after_create()
        if there is None and (
            answer is CreateAnswer.CREATED or not (yield from ask(Pause(attempt, "the store did not confirm")))
        ):
            raise TransportError("the object could not be stored", hint="nothing was registered; run again")
    if nonce_of(there) != mine.nonce:
        raise CapabilityError(
            "another object is there than the one just stored",
            hint="another publisher is running; nothing was registered",
        )
    yield from ask(ReadBack(mine, opened=False))
    ending = yield from register(mine, etag=there.etag, status=Status.PUBLISHED, verification="full")
    if ending.status is Status.PUBLISHED:
        try:
            yield from ask(ReadBack(mine, opened=False))
        except DamagedObjectError as error:
            return Ending(Status.BLOCKED, Reason.DAMAGED_OBJECT, detail=error.message, notes=(NOTE,))
    return replace(ending, notes=(NOTE, *ending.notes))
