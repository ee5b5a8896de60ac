"""Many schedules, and what to do with one that breaks a rule: make it calmer, and show it step by step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.simulation.engine.choices import shrink
from tests.simulation.engine.publishers import engine
from tests.simulation.engine.schedule import Publisher, Result, Schedule, Stage, rule_of
from tests.simulation.engine.sources import Sources


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Prepare files and threads, and listen to every logger at DEBUG."""
    stage = Stage(Sources.make(folder))
    ears = _Ears(stage.logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(ears)
    root.setLevel(logging.DEBUG)
    try:
        yield stage
    finally:
        root.setLevel(level)
        root.removeHandler(ears)
        stage.close()


def first_violation(
    stage: Stage,
    seeds: Sequence[int],
    *,
    publisher: Publisher = engine,
    watched: frozenset[str] | None = None,
    reached: Counter[str] | None = None,
) -> Result | None:
    """Return the first schedule that breaks a rule, if any; count in `reached` what all of them came across."""
    for seed in seeds:
        result = Schedule(stage, seed, publisher=publisher, watched=watched).run()
        if reached is not None:
            reached.update(result.reached)
        if result.violation is not None:
            return result
    return None


def told(stage: Stage, result: Result) -> str:
    """Return the calmest schedule that breaks the same rule, step by step, and how to play it again."""
    seed, rule = result.scenario.seed, rule_of(result.violation)

    def fails(choices: list[int]) -> bool:
        return rule_of(Schedule(stage, seed, recorded=choices).run().violation) == rule

    choices = shrink(result.choices, fails) if result.violation else result.choices
    trace: list[str] = []
    again = Schedule(stage, seed, recorded=choices).run(trace)
    verdict = str(again.violation) if again.violation else "every rule holds"
    lines = [f"PUBLISHER_SEED={seed}", str(result.scenario), *trace, verdict]
    return "\n".join(lines)


class _Ears(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())
