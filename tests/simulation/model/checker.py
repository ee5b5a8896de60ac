"""Enumerates every reachable state of a model, breadth first, and says which rules it breaks, with a shortest schedule.

INV: every registered row points to the object there, in every state. REST: the same when nothing is under way.
STUCK: one more run without faults does not end with a row, from a state at rest in which INV holds.
ALARM: a run ends by calling for a person although the version is registered and INV holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from tests.simulation.model.environment import Event, Happening, Model, successors
from tests.simulation.model.narration import narrate
from tests.simulation.model.state import CALLS_FOR_A_PERSON, END, ENDS, World, ended, fresh, start
from tests.simulation.model.symmetry import canonical

Path = tuple[tuple[Happening, World], ...]
"""What happened, one after another, and the state after each."""

LONGEST_FAULT_FREE_RUN = 500
"""In states; a run without faults that visits more does not end."""


class Rule(Enum):
    INV = "INV"
    REST = "REST"
    STUCK = "STUCK"
    ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the enumeration found. `broken` holds a shortest schedule for each broken rule, one step a line."""

    states: int
    broken: Mapping[Rule, tuple[str, ...]]

    def __str__(self) -> str:
        lines = [f"{self.states:,} states"]
        for rule, schedule in self.broken.items():
            lines += [f"{rule.value} is broken:", *(f"  {number}. {line}" for number, line in enumerate(schedule, 1))]
        return "\n".join(lines)


def check(model: Model, runs: int, *, fold: bool = False) -> Verdict:
    """Enumerate all schedules of `runs` runs. With `fold`, states that differ only in the runs' names are one state.

    Folding needs runs that all follow one protocol; ValueError otherwise.
    """
    if fold and not model.is_symmetric:
        raise ValueError("runs of different protocols cannot be renamed")
    first = start(runs)
    parents: dict[World, World | None] = {first: None}
    broken: dict[Rule, World] = {}
    futures: dict[World, bool] = {}
    layer = [first]
    while layer:
        following: list[World] = []
        for world in layer:
            for rule in _broken_in(model, world, futures):
                broken.setdefault(rule, world)
            for happening, after in successors(model, world):
                if _is_false_alarm(happening, world, after):
                    broken.setdefault(Rule.ALARM, world)
                known = canonical(after) if fold else after
                if known not in parents:
                    parents[known] = world
                    following.append(known)
        layer = following
    return Verdict(len(parents), {rule: _schedule(model, parents, rule, broken[rule], fold) for rule in broken})


def _broken_in(model: Model, world: World, futures: dict[World, bool]) -> Iterator[Rule]:
    if not world.is_consistent:
        yield Rule.INV
    if world.is_at_rest:
        if not world.is_consistent:
            yield Rule.REST
            return
        later = _with_one_more(world)
        if later not in futures:
            futures[later] = _how_it_fails(model, later) is None
        if not futures[later]:
            yield Rule.STUCK


def _is_false_alarm(happening: Happening, before: World, after: World) -> bool:
    event, subject = happening
    if event is not Event.STEP or not isinstance(subject, int) or not before.rows:
        return False
    return after.runs[subject].pc in CALLS_FOR_A_PERSON and before.is_consistent


def _with_one_more(world: World) -> World:
    """Return the world at rest with a fresh run; how the others ended no longer matters."""
    over = len(world.runs)
    return world._replace(runs=(*(ended(END) for _ in range(over)), fresh(over)))


def _how_it_fails(model: Model, first: World) -> Path | None:
    """Return a shortest schedule in which the run without faults ends without a row or without INV, or does not end."""
    pending: list[tuple[World, Path]] = [(first, ())]
    seen = {first}
    while pending:
        now, path = pending.pop(0)
        if now.runs[-1].pc in ENDS and not now.net:
            if not (now.rows and now.is_consistent):
                return path
            continue
        following = [(happening, after) for happening, after in successors(model, now, faults=False)]
        if not following or len(seen) > LONGEST_FAULT_FREE_RUN:
            return path
        for happening, after in following:
            if after not in seen:
                seen.add(after)
                pending.append((after, (*path, (happening, after))))
    return None


def _schedule(
    model: Model, parents: Mapping[World, World | None], rule: Rule, last: World, fold: bool
) -> tuple[str, ...]:
    first, path = _path(model, parents, last, fold)
    if rule is Rule.ALARM:
        now = path[-1][1]
        path += tuple(move for move in successors(model, now) if _is_false_alarm(move[0], now, move[1]))[:1]
    told = narrate(model, first, path)
    if rule is Rule.STUCK:
        later = _with_one_more(path[-1][1])
        told += ("from here on nothing fails", *narrate(model, later, _how_it_fails(model, later) or ()))
    return told


def _path(model: Model, parents: Mapping[World, World | None], last: World, fold: bool) -> tuple[World, Path]:
    """Return the start and what leads to `last`; folded states are unfolded again, so that runs keep their names."""
    chain: list[World] = []
    world: World | None = last
    while world is not None:
        chain.append(world)
        world = parents[world]
    first, *rest = reversed(chain)
    now, path = first, []
    for following in rest:
        happening, now = next(
            (happening, after)
            for happening, after in successors(model, now)
            if (canonical(after) if fold else after) == following
        )
        path.append((happening, now))
    return first, tuple(path)
