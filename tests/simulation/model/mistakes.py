"""Small changes to the good protocols that break them: negative controls.

A checker that does not reject each of them is wrong itself. Each is written as the steps in which it differs.
"""

from __future__ import annotations

from tests.simulation.model.environment import SEEN, Protocol, Registry, Send
from tests.simulation.model.protocols import (
    adopt_at_first_look,
    claim_first,
    confirm,
    has_record,
    look,
    without_record,
    write_once_and_help,
)
from tests.simulation.model.state import ABSENT, ANY, DAMAGED, END, NOBODY, ORPHAN, World, go


def overwrite_after_refusal(registry: Registry) -> Protocol:
    """N4: N8, but another run's object without a row is overwritten."""
    reg = registry.shows_row
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "look": look_for_own,
            "foreign": lambda w, i: go(w, i, END if reg(w) else "over"),
            "over": Send("PUT", ANY, ok="post", refused="look", timeout="look"),
        }
    )


def take_over_if_match(registry: Registry) -> Protocol:
    """N5: N8, but another run's object without a row is replaced, if it is still the one that was seen."""
    reg = registry.shows_row
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "look": look_for_own,
            "foreign": lambda w, i: go(w, i, END if reg(w) else "over"),
            "over": Send("PUT", SEEN, ok="post", refused="look", timeout="look"),
        }
    )


def look_for_own(world: World, number: int) -> World:
    """HEAD, keeping the own bytes in hand and the ETag of the others'."""
    after = look(world, number)
    return go(world, number, "foreign", etag=world.obj) if after.runs[number].pc == "foreign" else after


def claim_deleted(registry: Registry) -> Protocol:
    """N10, but the claim is removed after the registration."""
    return Protocol(
        {
            **claim_first(registry).steps,
            "conf": confirm(registry, then="unclaim"),
            "unclaim": lambda w, i: go(w._replace(claim=NOBODY), i, END),
        }
    )


def hash_not_pinned(registry: Registry) -> Protocol:
    """N10, but every run seals the claimed source to bytes of its own."""
    return Protocol(
        {
            **claim_first(registry).steps,
            "claimed": lambda w, i: go(w, i, "claim" if w.claim == NOBODY else "put"),
        }
    )


def escrow_after_create(registry: Registry) -> Protocol:
    """N8, but the key is put into escrow when the object is already there."""
    reg = registry.shows_row

    def look_then_escrow(world: World, number: int) -> World:
        return go(world, number, "esc") if world.obj == number else look(world, number)

    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "init": lambda w, i: go(w, i, END if reg(w) else "put"),
            "put": Send("PUT", ABSENT, ok="esc", refused="look", timeout="look"),
            "look": look_then_escrow,
            "esc": lambda w, i: go(w._replace(escrow=w.escrow | 1 << i), i, "post"),
        }
    )


def cleanup_on_failure(registry: Registry) -> Protocol:
    """N8, but a run whose upload timed out drops its escrow record and ends."""
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "put": Send("PUT", ABSENT, ok="post", refused="look", timeout="clean"),
            "clean": lambda w, i: go(without_record(w, i), i, END),
        }
    )


def early_drop(registry: Registry) -> Protocol:
    """N8, but the escrow record is dropped before the registration is confirmed."""
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "put": Send("PUT", ABSENT, ok="drop", refused="look", timeout="look"),
            "look": lambda w, i: go(w, i, "drop") if w.obj == i else look(w, i),
            "fetch": lambda w, i: go(w, i, "drop" if has_record(w, w.runs[i].value) else "again"),
            "drop": lambda w, i: go(without_record(w, w.runs[i].value), i, "post"),
            "conf": confirm(registry, then=END),
        }
    )


def early_receipt(registry: Registry) -> Protocol:
    """N8 without a lookup, but the receipt is written before the registration is answered."""
    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "put": Send("PUT", ABSENT, ok="early", refused="look", timeout="look"),
            "look": lambda w, i: go(w, i, "early") if w.obj == i else look(w, i),
            "fetch": lambda w, i: go(w, i, "early" if has_record(w, w.runs[i].value) else "again"),
            "early": confirm(registry, then="post"),
            "conf": lambda w, i: go(w, i, "drop"),
        }
    )


def orphan_at_first_sight(registry: Registry) -> Protocol:
    """The engine's N8, but a missing escrow record is an orphan at once: nobody asks whether its owner has finished."""
    return Protocol(
        {
            **adopt_at_first_look(registry).steps,
            "fetch": lambda w, i: go(w, i, "post" if has_record(w, w.runs[i].value) else ORPHAN),
        }
    )


def head_before_receipt(registry: Registry) -> Protocol:
    """N8 without a lookup, but the first look asks for the object before the receipt, and believes both."""

    def receipt(world: World, number: int) -> World:
        if world.receipt == NOBODY:
            return go(world, number, "esc")
        return go(world, number, DAMAGED if world.runs[number].etag == NOBODY else END)

    return Protocol(
        {
            **write_once_and_help(registry).steps,
            "init": lambda w, i: go(w, i, "receipt", etag=w.obj),
            "receipt": receipt,
        }
    )
