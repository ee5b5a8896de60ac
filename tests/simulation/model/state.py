"""The state of the model: what is stored, what is under way, and where each run is. Values only; no rule lives here.

Every run draws its own key, so the bytes of an object are named by the run that sealed them: a number from 0. Sets of
runs are bit masks. All parts are tuples of small integers and strings, so that a state is its own dictionary key.
"""

from __future__ import annotations

from typing import Final, NamedTuple

NOBODY: Final = -1
"""No object, no receipt, no claim."""

ANY: Final = -2
ABSENT: Final = -1
"""Conditions: none, and `If-None-Match: *`. A number from 0 is `If-Match` with the ETag of that run's bytes."""

INIT: Final = "init"
END: Final = "end"
ORPHAN: Final = "orphan"
DAMAGED: Final = "damaged"
CALLS_FOR_A_PERSON: Final = frozenset({ORPHAN, DAMAGED})
ENDS: Final = CALLS_FOR_A_PERSON | {END}
"""All ends that call for nobody are one, whatever their reason: a skip, a success, a run that crashed or gave up."""


class Message(NamedTuple):
    """A request under way. It may arrive after its sender died or gave up, or never."""

    run: int
    seq: int
    kind: str
    """`PUT`, `POST` or `CLAIM`."""
    condition: int
    value: int
    """Whose bytes, or whose row."""


class Run(NamedTuple):
    """One attempt to publish. `pc` is the step it does next; `put?` waits for the answer to the request of `put`."""

    pc: str
    value: int
    """Whose bytes it is about to register: its own, until it finds another run's."""
    etag: int
    """The bytes whose ETag it saw, for `If-Match`."""
    seq: int
    """The number of requests sent; an answer is heard only if it belongs to the last one."""
    timeouts: int


class World(NamedTuple):
    """One state."""

    obj: int
    rows: int
    escrow: int
    receipt: int
    claim: int
    net: tuple[Message, ...]
    runs: tuple[Run, ...]

    @property
    def is_consistent(self) -> bool:
        """INV: every registered row points to the object that is there."""
        return self.rows in {0, (1 << self.obj if self.obj >= 0 else 0)}

    @property
    def is_at_rest(self) -> bool:
        """Nothing is under way: no request, and no run that has started and not ended."""
        return not self.net and all(run.pc in ENDS or run.pc == INIT for run in self.runs)


def fresh(number: int) -> Run:
    """Return a run that has not started."""
    return Run(INIT, number, NOBODY, 0, 0)


def ended(pc: str) -> Run:
    """Return a run that is over: all that it knew is forgotten, so that equal endings are equal states."""
    return Run(pc, NOBODY, NOBODY, 0, 0)


def start(runs: int) -> World:
    """Return the state in which nothing is stored and no run has started."""
    return World(NOBODY, 0, 0, NOBODY, NOBODY, (), tuple(fresh(number) for number in range(runs)))


def with_run(world: World, number: int, run: Run) -> World:
    """Return `world` with one run exchanged."""
    runs = world.runs
    return world._replace(runs=(*runs[:number], run, *runs[number + 1 :]))


def go(world: World, number: int, pc: str, *, value: int | None = None, etag: int | None = None) -> World:
    """Return `world` with one run at another step, knowing more if `value` or `etag` is given."""
    if pc in ENDS:
        return with_run(world, number, ended(pc))
    run = world.runs[number]
    known = run.value if value is None else value
    return with_run(world, number, Run(pc, known, run.etag if etag is None else etag, run.seq, run.timeouts))
