"""The production engine against every kind of weather: schedules with numbers, each playable again.

`PUBLISHER_SEED=n` plays exactly one and prints it; `PUBLISHER_SCHEDULES=n` runs that many instead of 20,000.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.engine.campaign import first_violation, staged, told
from tests.simulation.engine.controls import CONTROLS, publisher_of
from tests.simulation.engine.expected import MUST_BE_REACHED
from tests.simulation.engine.schedule import Schedule, Stage

SCHEDULES = int(os.environ.get("PUBLISHER_SCHEDULES", "20000"))
SHARDS = 8
CONTROL_SCHEDULES = 1500
ONE_SEED = os.environ.get("PUBLISHER_SEED")
only_without_a_seed = pytest.mark.skipif(ONE_SEED is not None, reason="PUBLISHER_SEED names one schedule")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as made:
        yield made


@cache
def _reached() -> Counter[str]:
    """Count what the shards of this process came across, with the number of schedules under its own name."""
    return Counter()


def test_one_schedule(stage: Stage) -> None:
    """A schedule is played again from its number, and printed: the one of PUBLISHER_SEED, or the first."""
    seed = int(ONE_SEED or 0)
    result = Schedule(stage, seed).run()
    story = told(stage, result)
    print(story)  # noqa: T201 - it is what was asked for
    assert result.violation is None, story


@only_without_a_seed
@pytest.mark.timeout(max(300, SCHEDULES // SHARDS))
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_a_rule(stage: Stage, shard: int) -> None:
    """No crash, race or fault makes the engine break the invariant, strand an artifact, lie, or tell a key."""
    seeds = range(shard, SCHEDULES, SHARDS)
    started = time.monotonic()
    violating = first_violation(stage, seeds, reached=_reached())
    rate = len(seeds) / (time.monotonic() - started)
    print(f"seeds {shard} to {SCHEDULES} in steps of {SHARDS}: {rate:.0f} schedules/s")  # noqa: T201 - for who looks
    _reached()["schedules"] += len(seeds)
    assert violating is None, told(stage, violating)


@only_without_a_seed
def test_every_row_of_the_tables_was_reached(stage: Stage) -> None:
    """The schedules come across every row of the resolve table, every answer, every effect and every way to die."""
    reached = _reached()
    if reached["schedules"] < 5000:
        assert first_violation(stage, range(5000), reached=reached) is None
    assert sorted(MUST_BE_REACHED - set(reached)) == []


@only_without_a_seed
@pytest.mark.parametrize("name", CONTROLS)
def test_wrong_publishers_are_found_out(stage: Stage, name: str) -> None:
    """A publisher that is wrong in a known way is seen to break the rule it breaks: the simulation is not blind."""
    control, rule = CONTROLS[name]
    found = first_violation(stage, range(CONTROL_SCHEDULES), publisher=publisher_of(control), watched=frozenset({rule}))
    assert found is not None


@only_without_a_seed
def test_a_schedule_is_played_again_exactly(stage: Stage) -> None:
    """The same number gives the same schedule, step by step."""
    one, two = list[str](), list[str]()
    for seed in (3, 11, 12):
        Schedule(stage, seed).run(one)
        Schedule(stage, seed).run(two)
    # Nonces are drawn anew each time.
    hidden = [[re.sub(r"record [0-9a-f]{4}|[0-9a-f]{32}", "", line) for line in trace] for trace in (one, two)]
    assert hidden[0] == hidden[1]
