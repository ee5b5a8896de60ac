"""Publishers that are wrong on purpose, each in one well-known way. They exist to show that the simulation sees.

Each runs on the production driver and the same ports; only the order of steps is its own (DESIGN.md, "Rejected").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from publisher.destinations.fleet.creating import create
from publisher.destinations.fleet.driver import Driver
from publisher.destinations.fleet.effects import (
    Create,
    EscrowDrop,
    EscrowPut,
    Head,
    Lookup,
    Register,
    Seal,
    WriteReceipt,
)
from publisher.destinations.fleet.helping import look, meet_foreign
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.protocol import publish
from publisher.destinations.fleet.registration import Ending, register
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.stepping import Effect, Steps, ask
from publisher.errors import PublisherError, TransportError
from publisher.model import Outcome, ReadyArtifact, State, Status, failure_from
from publisher.registries.port import Row
from publisher.stores.port import CreateAnswer
from tests.simulation.engine.ports import Line, ScheduledStore
from tests.simulation.engine.publishers import host_of
from tests.support.kinds import fleet_of

REGISTRY = "https://registry.simulated"

Control = Callable[[Wanted], Steps[Ending]]


@dataclass(frozen=True, slots=True)
class Overwrite(Effect[CreateAnswer]):
    """Put the object whatever is there."""

    sealed: Sealed


_SKIPPED = Ending(Status.SKIPPED, "already_registered")
_PUBLISHED = Ending(Status.PUBLISHED, "registered")


def naive(_wanted: Wanted) -> Steps[Ending]:
    """Look up, put without a condition, register."""
    if isinstance((yield from ask(Lookup())), Row):
        return _SKIPPED
    mine = yield from ask(Seal())
    yield from ask(EscrowPut(mine))
    yield from ask(Overwrite(mine))
    yield from ask(Register(mine))
    return _PUBLISHED


def head_then_skip(_wanted: Wanted) -> Steps[Ending]:
    """Take an object that is there for the own upload, and register the own values."""
    if isinstance((yield from ask(Lookup())), Row):
        return _SKIPPED
    mine = yield from ask(Seal())
    yield from ask(EscrowPut(mine))
    if (yield from ask(Head())) is None:
        yield from ask(Create(mine))
    yield from ask(Register(mine))
    return _PUBLISHED


def overwrite_after_412(_wanted: Wanted) -> Steps[Ending]:
    """Put with the condition; where something is there and not registered, put without."""
    if isinstance((yield from ask(Lookup())), Row):
        return _SKIPPED
    mine = yield from ask(Seal())
    yield from ask(EscrowPut(mine))
    if (yield from ask(Create(mine))) is CreateAnswer.EXISTS:
        if isinstance((yield from ask(Lookup())), Row):
            return _SKIPPED
        yield from ask(Overwrite(mine))
    yield from ask(Register(mine))
    return _PUBLISHED


def escrow_after_create(wanted: Wanted) -> Steps[Ending]:
    """The right steps, except that the key is put into escrow once the object is there."""
    looked = yield from look(wanted, registry=REGISTRY)
    if looked.classified.state is not State.MISSING:
        return (yield from meet_foreign(wanted, registry=REGISTRY))
    mine = yield from ask(Seal())
    there = yield from create(mine)
    if there is None:
        raise TypeError("controls send whole objects")
    yield from ask(EscrowPut(mine))
    marks = Marks.read(there.metadata)
    if marks is None or marks.nonce != mine.nonce:
        return (yield from meet_foreign(wanted, registry=REGISTRY))
    return (yield from register(mine, etag=there.etag, status=Status.PUBLISHED, verification="head"))


def drop_on_failure(wanted: Wanted) -> Steps[Ending]:
    """The right steps, and a clean-up of the own escrow record when the upload was not answered."""
    steps = publish(wanted, registry=REGISTRY, verify="head")
    effect = next(steps)
    while True:
        try:
            answer = yield effect
        except PublisherError as error:
            step = partial(steps.throw, error)
        else:
            if isinstance(effect, Create) and answer is CreateAnswer.AMBIGUOUS:
                yield EscrowDrop(effect.sealed.nonce)
                raise TransportError("no answer to the upload")
            step = partial(steps.send, answer)
        try:
            effect = step()
        except StopIteration as end:
            ending: Ending = end.value
            return ending


def early_receipt(wanted: Wanted) -> Steps[Ending]:
    """The right steps, and a receipt that is written before the registration is."""
    return (yield from _before_registration(lambda sealed: WriteReceipt(sealed, "accepted"), wanted))


def early_drop(wanted: Wanted) -> Steps[Ending]:
    """The right steps, and an escrow record that is dropped before the registration is confirmed."""
    return (yield from _before_registration(lambda sealed: EscrowDrop(sealed.nonce), wanted))


def _before_registration(early: Callable[[Sealed], Effect[Any]], wanted: Wanted) -> Steps[Ending]:
    steps = publish(wanted, registry=REGISTRY, verify="head")
    effect = next(steps)
    while True:
        try:
            if isinstance(effect, Register):
                yield early(effect.sealed)
            answer = yield effect
        except PublisherError as error:
            step = partial(steps.throw, error)
        else:
            step = partial(steps.send, answer)
        try:
            effect = step()
        except StopIteration as end:
            ending: Ending = end.value
            return ending


CONTROLS: Mapping[str, tuple[Control, str]] = {
    "naive": (naive, "INV"),
    "HEAD, then skip": (head_then_skip, "INV"),
    "overwrite after 412": (overwrite_after_412, "INV"),
    "escrow after the create": (escrow_after_create, "RERUN"),
    "escrow after the create, at once": (escrow_after_create, "RECOVERABLE"),
    "drop on failure": (drop_on_failure, "RERUN"),
    "drop on failure, at once": (drop_on_failure, "RECOVERABLE"),
    "early drop": (early_drop, "RERUN"),
    "early receipt": (early_receipt, "TRUTH"),
}
"""Each control, and the one rule that is watched, which it must be seen to break."""


class ControlDriver(Driver):
    """The production driver, able to overwrite."""

    def perform(self, effect: Effect[Any]) -> Any:
        if not isinstance(effect, Overwrite):
            return super().perform(effect)
        store = self._ports.store
        if not isinstance(store, ScheduledStore):
            raise TypeError("controls run on scheduled ports")
        body = self._staged[effect.sealed.nonce].body
        if body is None:
            raise TypeError("controls send whole objects")
        marks = Marks.of(self.identity, effect.sealed)
        return store.put(self.identity.object_key, body, metadata=marks.metadata())


def publisher_of(control: Control) -> Callable[[Line, FleetPorts], Callable[[], Outcome]]:
    """Return what makes a process publish in the wrong way."""

    def make(line: Line, ports: FleetPorts) -> Callable[[], Outcome]:
        host, item = host_of(line), line.process.item

        def run() -> Outcome:
            driver = ControlDriver(ports, item, host)
            try:
                ending = driver.run(control(_wanted(item)))
            except PublisherError as error:
                return Outcome(Status.FAILED, error.code, failure=failure_from(error))
            finally:
                driver.close()
            return Outcome(ending.status, ending.reason)

        return run

    return make


def _wanted(item: ReadyArtifact) -> Wanted:
    return Wanted(fleet_of(item.artifact), item.source.sha256.hex, item.artifact.compression.wire)
