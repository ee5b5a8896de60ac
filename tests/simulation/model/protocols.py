"""The protocols that keep the invariant, each as a table: step -> what a run does there, and what it does next.

`write_once_and_help` is the protocol of the engine; the others are what it is compared with. A variant is written as
the steps in which it differs.
"""

from __future__ import annotations

from tests.simulation.model.environment import Protocol, Registry, Send, Step
from tests.simulation.model.state import ABSENT, ANY, END, NOBODY, ORPHAN, World, go

POST = Send("POST", ANY, ok="conf", refused="conf", timeout="post")


def write_once_and_help(registry: Registry) -> Protocol:
    """N8: the object is created once and never replaced; whoever finds it registers what is there."""
    reg = registry.shows_row
    return Protocol(
        {
            "init": lambda w, i: go(w, i, END if reg(w) else "esc"),
            "esc": lambda w, i: go(w._replace(escrow=w.escrow | 1 << i), i, "put"),
            "put": Send("PUT", ABSENT, ok="post", refused="look", timeout="look"),
            "look": look,
            "foreign": lambda w, i: go(without_record(w, i), i, END if reg(w) else "fetch"),
            "fetch": lambda w, i: go(w, i, "post" if has_record(w, w.runs[i].value) else "again"),
            "again": lambda w, i: go(w, i, END if reg(w) else ORPHAN),
            "post": POST,
            "conf": confirm(registry, then="drop"),
            "drop": lambda w, i: go(without_record(w, w.runs[i].value), i, END),
        }
    )


def look(world: World, number: int) -> World:
    """HEAD after the create: nothing there, our bytes, or another run's."""
    if world.obj == NOBODY:
        return go(world, number, "put")
    if world.obj == number:
        return go(world, number, "post")
    return go(world, number, "foreign", value=world.obj)


def confirm(registry: Registry, *, then: str) -> Step:
    """After an answer to the registration: look the row up, or write the receipt once where there is no lookup."""

    def conf(world: World, number: int) -> World:
        if registry.has_lookup:
            return go(world, number, then if world.rows else END)
        if world.receipt == NOBODY:
            world = world._replace(receipt=world.runs[number].value)
        return go(world, number, then)

    return conf


def has_record(world: World, owner: int) -> bool:
    return bool(world.escrow >> owner & 1)


def without_record(world: World, owner: int) -> World:
    """Drop one escrow record; an absent one is fine."""
    return world._replace(escrow=world.escrow & ~(1 << owner))


def adopt_at_first_look(registry: Registry) -> Protocol:
    """N8 as the engine does it: an object that is there from the beginning is finished without an upload of its own."""

    def first(world: World, number: int) -> World:
        if world.obj == NOBODY:
            return go(world, number, "esc")
        return go(world, number, "fetch", value=world.obj)

    reg = registry.shows_row
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "init": lambda w, i: go(w, i, END if reg(w) else "first"),
            "first": first,
        }
    )


def give_up_on_foreign(registry: Registry) -> Protocol:
    """N3: N8, but another run's object ends the run."""
    return Protocol({**write_once_and_help(registry).steps, "foreign": lambda w, i: go(w, i, END)})


def without_escrow(registry: Registry) -> Protocol:
    """N8 whose keys are kept nowhere."""
    return Protocol({**write_once_and_help(registry).steps, "esc": lambda w, i: go(w, i, "put")})


def claim_first(registry: Registry) -> Protocol:
    """N10: the first claim pins bytes; everybody may upload exactly these, without a condition."""

    def claimed(world: World, number: int) -> World:
        if world.claim == NOBODY:
            return go(world, number, "claim")
        return go(world, number, "put", value=world.claim)

    return Protocol(
        {
            **claim_steps(registry, claimed),
            "put": Send("PUT", ANY, ok="post", refused="put", timeout="put"),
            "post": POST,
            "conf": confirm(registry, then=END),
        }
    )


def claim_first_pinned(registry: Registry) -> Protocol:
    """N10 for sources that only the claimant can seal to the same bytes: the others wait for its object, or stop."""

    def claimed(world: World, number: int) -> World:
        if world.claim == NOBODY:
            return go(world, number, "claim")
        if world.claim == number:
            return go(world, number, "put")
        return go(world, number, "post" if world.obj == world.claim else END, value=world.claim)

    return Protocol({**claim_first(registry).steps, "claimed": claimed})


def variant_claim(registry: Registry) -> Protocol:
    """Agree on the variant by a claim, then N8: all runs are small here, so every claim says so."""
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            **claim_steps(registry, lambda w, i: go(w, i, "claim" if w.claim == NOBODY else "esc")),
        }
    )


def variant_claim_large(registry: Registry) -> Protocol:
    """Run 0, whose object is too large for N8: it goes on with N10 if the claim is its own, and stops otherwise."""

    def claimed(world: World, number: int) -> World:
        if world.claim == NOBODY:
            return go(world, number, "claim")
        return go(world, number, "put" if world.claim == 0 else END)

    return Protocol({**claim_first(registry).steps, **claim_steps(registry, claimed)})


def variant_claim_small(registry: Registry) -> Protocol:
    """A run beside a large run 0: it uploads that one's bytes (N10) if run 0 claimed first, else it goes on with N8."""

    def claimed(world: World, number: int) -> World:
        if world.claim == NOBODY:
            return go(world, number, "claim")
        return go(world, number, "large", value=0) if world.claim == 0 else go(world, number, "esc")

    return Protocol(
        {
            **write_once_and_help(registry).steps,
            **claim_steps(registry, claimed),
            "large": Send("PUT", ANY, ok="post", refused="large", timeout="large"),
        }
    )


def claim_steps(registry: Registry, claimed: Step) -> dict[str, Step | Send]:
    """Return the steps of a run that claims first and reads back what is there; `claimed` acts on it."""
    reg = registry.shows_row
    return {
        "init": lambda w, i: go(w, i, END if reg(w) else "claim"),
        "claim": Send("CLAIM", ABSENT, ok="claimed", refused="claimed", timeout="claimed"),
        "claimed": claimed,
    }
