"""What the world does to a protocol: it delivers, drops and delays requests, and it crashes runs, at any time.

Reads and escrow, receipt and lock writes are instantaneous; only requests whose late arrival matters are messages.
It refuses nothing: whatever order of events is possible is enumerated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from tests.simulation.model.state import ABSENT, ANY, END, ENDS, INIT, NOBODY, Message, Run, World, go, with_run

Step = Callable[[World, int], World | None]
"""What run `number` does at one step, at once; None while it has to wait for others."""


class OnDuplicate(Enum):
    """What a registry does with a second row of one identity."""

    REJECT = "reject"
    UPSERT = "upsert"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry's kind. Without a lookup, the receipt stands in."""

    on_duplicate: OnDuplicate
    has_lookup: bool

    def shows_row(self, world: World) -> bool:
        """Answer what a run can learn: is this version registered?"""
        return world.rows != 0 if self.has_lookup else world.receipt != NOBODY

    def add(self, rows: int, value: int) -> int | None:
        """Return the rows after a POST, or None for a refusal (409)."""
        if self.on_duplicate is OnDuplicate.REJECT:
            return None if rows else 1 << value
        return 1 << value if self.on_duplicate is OnDuplicate.UPSERT else rows | 1 << value

    def __str__(self) -> str:
        return f"{self.on_duplicate.value}, {'lookup' if self.has_lookup else 'receipts'}"


SEEN = -3
"""A condition that stands for `If-Match` with the ETag the run saw."""


@dataclass(frozen=True, slots=True)
class Send:
    """A step that sends a request about the run's `value`, and the steps that follow each answer."""

    kind: str
    condition: int
    ok: str
    refused: str
    timeout: str


class Protocol:
    """The steps of one run, by name. Each is a function of the world, or a request."""

    def __init__(self, steps: Mapping[str, Step | Send]) -> None:
        self.steps = dict(steps)
        self.waits = {f"{pc}?": step for pc, step in steps.items() if isinstance(step, Send)}


@dataclass(frozen=True, slots=True)
class Model:
    """A registry and the protocols of the first runs; all later runs, the fault-free one too, follow the last."""

    registry: Registry
    protocols: tuple[Protocol, ...]
    has_lease: bool = False
    """The claim is a lock that may expire at any time."""

    @property
    def is_symmetric(self) -> bool:
        return len(self.protocols) == 1

    def protocol(self, number: int) -> Protocol:
        return self.protocols[min(number, len(self.protocols) - 1)]


class Event(Enum):
    STEP = "step"
    DELIVER = "deliver"
    DROP = "drop"
    TIMEOUT = "timeout"
    CRASH = "crash"
    EXPIRE = "expire"


Happening = tuple[Event, int | Message | None]
"""What happened, and to which run or request."""


def successors(model: Model, world: World, *, faults: bool = True) -> Iterator[tuple[Happening, World]]:
    """Yield every state that can follow, with what happened; without `faults`, requests arrive and nobody dies."""
    for number, run in enumerate(world.runs):
        pc = run.pc
        if pc in ENDS:
            continue
        protocol = model.protocol(number)
        waiting = protocol.waits.get(pc)
        if waiting is None:
            step = protocol.steps[pc]
            after = _sent(world, number, run, step) if isinstance(step, Send) else step(world, number)
            if after is not None:
                yield (Event.STEP, number), after
        elif faults:
            # One time-out is survived; after the second, the run gives up.
            again = waiting.timeout if run.timeouts == 0 else END
            yield (Event.TIMEOUT, number), go(with_run(world, number, run._replace(timeouts=1)), number, again)
        if faults and pc != INIT:
            yield (Event.CRASH, number), go(world, number, END)
    for message in world.net:
        left = tuple(other for other in world.net if other is not message)
        yield (Event.DELIVER, message), _delivered(model, world._replace(net=left), message)
        if faults:
            yield (Event.DROP, message), world._replace(net=left)
    if model.has_lease and world.claim != NOBODY:
        yield (Event.EXPIRE, world.claim), world._replace(claim=NOBODY)


def applied(registry: Registry, world: World, message: Message) -> World | None:
    """Return the world in which a request was carried out, or None if it was refused."""
    match message.kind:
        case "PUT":
            is_met = (
                message.condition == ANY
                or (message.condition == ABSENT and world.obj == NOBODY)
                # ETags are hashes of the content: equal bytes again are the same ETag again.
                or (message.condition >= 0 and message.condition == world.obj)
            )
            return world._replace(obj=message.value) if is_met else None
        case "CLAIM":
            return world._replace(claim=message.value) if world.claim == NOBODY else None
        case "POST":
            rows = registry.add(world.rows, message.value)
            return None if rows is None else world._replace(rows=rows)
    raise ValueError(message.kind)


def _sent(world: World, number: int, run: Run, send: Send) -> World:
    condition = run.etag if send.condition == SEEN else send.condition
    message = Message(number, run.seq + 1, send.kind, condition, run.value)
    waiting = run._replace(pc=f"{run.pc}?", seq=message.seq)
    return with_run(world._replace(net=tuple(sorted((*world.net, message)))), number, waiting)


def _delivered(model: Model, world: World, message: Message) -> World:
    after = applied(model.registry, world, message)
    world, is_ok = (world, False) if after is None else (after, True)
    sender = world.runs[message.run]
    waiting = model.protocol(message.run).waits.get(sender.pc)
    if waiting is None or sender.seq != message.seq:
        return world
    return go(world, message.run, waiting.ok if is_ok else waiting.refused)
