"""Repair one artifact, as an explicit act of a person. Pure, like `protocol` (DESIGN.md, "Repair").

What is unfinished is finished as `apply` would; what is damaged is restored; an orphan is given up only where a person
named it. Refuses to change a conflict or a collision: no bytes would be right for both sides.
"""

from __future__ import annotations

from publisher.destinations.fleet.exchanging import Wish
from publisher.destinations.fleet.helping import Looked, help_finish, look, settled
from publisher.destinations.fleet.registration import Ending
from publisher.destinations.fleet.restoring import restore
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.takeover import take_over
from publisher.destinations.fleet.uncompared import look_uncompared
from publisher.destinations.stepping import Steps
from publisher.errors import DamagedObjectError
from publisher.model import State, Status
from publisher.reasons import Reason

ROUNDS = 4
"""How often the world may move under a repair: an orphan is taken over, its row turns up and is restored, and twice."""


def repair(wish: Wish) -> Steps[Ending]:
    """Repair one artifact. Ends with what was done or why not, or raises what stopped it."""
    for _ in range(ROUNDS):
        wanted, looked = yield from _look(wish)
        match looked.classified.state:
            case State.UNFINISHED:
                return (yield from help_finish(wanted, looked))
            case State.DAMAGED | State.PUBLISHED:
                ending = yield from restore(wish, wanted, looked)
            case State.ORPHAN:
                ending = yield from take_over(wish, looked)
            case State.MISSING:
                note = "nothing to repair; `publish apply` publishes it"
                return Ending(Status.SKIPPED, Reason.NOT_REGISTERED, seen=looked.seen, notes=(note,))
            case _:
                return settled(looked)
        if ending is not None:
            return ending
    raise DamagedObjectError(
        f"the object or the row was changed {ROUNDS} times while it was being repaired",
        hint="find out who else writes there, stop them, and run the same command again",
    )


def _look(wish: Wish) -> Steps[tuple[Wanted, Looked]]:
    wanted = wish.wanted
    if not wish.has_source:
        return (yield from look_uncompared(wanted.identity, compression=wanted.compression, registry=wish.registry))
    return wanted, (yield from look(wanted, registry=wish.registry))
