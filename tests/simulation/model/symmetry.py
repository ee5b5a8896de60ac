"""Folds states that differ only in the names of their runs, which is sound where all runs follow one protocol.

The transitions name runs, never compare them, so a renamed schedule is a schedule; the checks do not look at names.
"""

from __future__ import annotations

from itertools import groupby, permutations, product

from tests.simulation.model.state import Message, Run, World


def canonical(world: World) -> World:
    """Return the representative of all renamings of `world`: runs in the order of what can be said without names."""
    runs = world.runs
    marks = [_mark(world, number) for number in range(len(runs))]
    order = sorted(range(len(runs)), key=marks.__getitem__)
    groups = [tuple(group) for _, group in groupby(order, key=marks.__getitem__)]
    if len(groups) == len(runs):
        return renamed(world, order)
    return min(renamed(world, sum(choice, ())) for choice in product(*map(permutations, groups)))


def renamed(world: World, order: tuple[int, ...] | list[int]) -> World:
    """Return `world` with the runs in another order; `order` lists the old numbers."""
    if list(order) == sorted(order):
        return world
    new = dict(zip(order, range(len(order)), strict=True))

    def name(old: int) -> int:
        return new.get(old, old)

    return World(
        obj=name(world.obj),
        rows=sum(1 << new[old] for old in order if world.rows >> old & 1),
        escrow=sum(1 << new[old] for old in order if world.escrow >> old & 1),
        receipt=name(world.receipt),
        claim=name(world.claim),
        net=tuple(sorted(Message(name(m.run), m.seq, m.kind, name(m.condition), name(m.value)) for m in world.net)),
        runs=tuple(
            Run(run.pc, name(run.value), name(run.etag), run.seq, run.timeouts)
            for run in (world.runs[old] for old in order)
        ),
    )


def _mark(world: World, number: int) -> tuple[object, ...]:
    """Return what tells a run from the others without naming any."""
    run = world.runs[number]
    return (
        run.pc,
        run.seq,
        run.timeouts,
        run.value == number,
        run.value < 0,
        world.obj == number,
        world.rows >> number & 1,
        world.escrow >> number & 1,
        world.receipt == number,
        world.claim == number,
        *((m.seq, m.kind, m.value == number) for m in world.net if m.run == number),
    )
