"""Tells a schedule in words, one line a happening. It formats and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable

from tests.simulation.model.environment import Event, Happening, Model, Send, applied
from tests.simulation.model.state import ABSENT, ENDS, NOBODY, Message, World

SAYS = {
    "init": "takes its first look",
    "first": "asks for the object",
    "head": "asks for the object",
    "receipt": "asks for the receipt",
    "esc": "puts its key into escrow",
    "look": "asks for the object",
    "foreign": "meets another run's object, drops its own record and asks whether the version is registered",
    "fetch": "asks for the escrow record of the object",
    "again": "asks again whether the version is registered",
    "conf": "confirms the registration",
    "early": "writes the receipt too early",
    "drop": "drops the escrow record",
    "clean": "cleans up its own escrow record",
    "claimed": "reads the claim",
    "unclaim": "removes the claim",
    "lock": "takes the lock",
    "recheck": "asks again whether the version is registered",
    "unlock": "releases the lock",
}


def narrate(model: Model, first: World, path: Iterable[tuple[Happening, World]]) -> tuple[str, ...]:
    """Return one line for each happening, and what is stored wherever that changed."""
    lines, before = [], first
    for (event, subject), after in path:
        line = _said(model, before, after, event, subject)
        if _stored(before) != _stored(after):
            line += f"; now {_stored(after)}"
        lines.append(line)
        before = after
    return tuple(lines)


def _said(model: Model, before: World, after: World, event: Event, subject: int | Message | None) -> str:
    if isinstance(subject, Message):
        what = _request(subject)
        if event is Event.DROP:
            return f"{what} is lost"
        number = subject.run
        is_ok = applied(model.registry, before, subject) is not None
        is_heard = before.runs[number] != after.runs[number]
        return f"{what} is delivered: {'done' if is_ok else 'refused'}{'' if is_heard else ', which nobody hears'}"
    if event is Event.EXPIRE:
        return f"the lock of run {subject} expires"
    if not isinstance(subject, int):
        raise TypeError(event)
    run, now = before.runs[subject], after.runs[subject]
    if event is Event.CRASH:
        return f"run {subject} crashes"
    if event is Event.TIMEOUT:
        return f"run {subject} hears nothing and {'gives up' if now.pc in ENDS else 'goes on'}"
    step = model.protocol(subject).steps[run.pc]
    if isinstance(step, Send):
        sent = next(message for message in after.net if (message.run, message.seq) == (subject, now.seq))
        return f"run {subject} sends {_request(sent)}"
    ending = {"end": " and ends", "orphan": " and ends: orphan", "damaged": " and ends: damaged"}.get(now.pc, "")
    return f"run {subject} {SAYS[run.pc]}{ending}"


def _request(message: Message) -> str:
    """Name a request, for instance `PUT#1 of run 0 (bytes of run 0, if absent)`: its sender's first request."""
    condition = ""
    if message.condition >= 0:
        condition = f", if it matches run {message.condition}"
    elif message.condition == ABSENT:
        condition = ", if absent"
    what = {"PUT": "bytes", "POST": "row", "CLAIM": "claim"}[message.kind]
    return f"{message.kind}#{message.seq} of run {message.run} ({what} of run {message.value}{condition})"


def _stored(world: World) -> str:
    rows = [number for number in range(world.rows.bit_length()) if world.rows >> number & 1]
    return f"object {_name(world.obj)}, rows {rows or 'none'}"


def _name(number: int) -> str:
    return "none" if number == NOBODY else str(number)
