"""Write once + help: how one artifact is published safely, as a pure state machine (DESIGN.md, "The write order").

INV: at every moment, every registered row points to an object whose bytes hash to the row's sha256 and decrypt with
the row's key. It ranks above everything, also above finishing.

The object is created once and never replaced. Whoever finds it registers *what is there*, no matter who wrote it; that
works because the data key was put into escrow before the object could exist. No IO, no clock, no randomness here: every
question to the world is an `Effect`, and a checker can explore all answers.
"""

from __future__ import annotations

from publisher.destinations.fleet.claiming import publish_claimed
from publisher.destinations.fleet.creating import write_once
from publisher.destinations.fleet.effects import CheckStore
from publisher.destinations.fleet.helping import Looked, compared, help_finish, look, meet_foreign, settled, verify_own
from publisher.destinations.fleet.registration import Ending, register
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.unfenced import publish_unfenced
from publisher.destinations.port import VerifyMode
from publisher.destinations.stepping import Steps, ask
from publisher.model import State, Status
from publisher.stores.terms import Fence


def publish(wanted: Wanted, *, registry: str, verify: VerifyMode, known: Looked | None = None) -> Steps[Ending]:
    """Publish one artifact. Ends with an `Ending`, or raises what stopped it before anything was registered.

    `known` is what was looked at just before.
    """
    looked = known or (yield from look(wanted, registry=registry))
    wanted, looked = yield from compared(wanted, looked, registry=registry)
    if looked.classified.state is State.UNFINISHED:
        return (yield from help_finish(wanted, looked))
    if looked.classified.state is not State.MISSING:
        return settled(looked)
    terms = yield from ask(CheckStore())
    if not terms.checks_uploads:
        verify = "full"
    if terms.fence is Fence.NOTHING:
        return (yield from publish_unfenced(wanted, registry=registry))
    if terms.fence is Fence.CLAIM or terms.claims:
        return (yield from publish_claimed(wanted, terms, registry=registry, verify=verify))
    written = yield from write_once()
    there, mine = written.there, written.mine
    if mine is None:
        return (yield from meet_foreign(wanted, registry=registry))
    yield from verify_own(wanted, mine, there, verify)
    return (yield from register(mine, etag=there.etag, status=Status.PUBLISHED, verification=verify))
