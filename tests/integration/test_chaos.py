"""Three publishers race in bad weather on real servers, and devices open every row all the time.

`PUBLISHER_CHAOS_ROUNDS=n` plays that many rounds instead of 12, `PUBLISHER_CHAOS_SEED=n` only the round with that seed
on every kind of registry.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.chaos.device import Device
from tests.support.chaos.fixtures import OpenStage, forks, open_stage
from tests.support.chaos.messages import PASSES, Fate, Message
from tests.support.chaos.rounds import Round, play
from tests.support.chaos.stage import KINDS, key_of
from tests.support.chaos.weather import address_of

__all__ = ["forks", "open_stage"]

ROUNDS = int(os.environ.get("PUBLISHER_CHAOS_ROUNDS", "12"))
ONE_SEED = os.environ.get("PUBLISHER_CHAOS_SEED")
LANES = 4
"""Rounds that are played at the same time: most of a round is waiting."""


@pytest.mark.timeout(max(300, ROUNDS * 15))
def test_no_weather_makes_a_device_meet_a_broken_row(open_stage: OpenStage) -> None:
    """C10: kill -9, lost, late and doubled requests and lost answers break no row and strand no artifact."""
    games = [(int(ONE_SEED), kind) for kind in KINDS] if ONE_SEED else _games(ROUNDS)
    started = time.monotonic()

    rounds = _played(open_stage, games)

    problems = [problem for each in rounds for problem in each.problems]
    print(told(rounds, time.monotonic() - started))  # noqa: T201 - seeds and events, for who looks
    assert not problems, "\n".join(problems)
    assert sum(each.looks for each in rounds) > 0
    if not ONE_SEED:
        seen = sum((each.events for each in rounds), Counter[str]())
        assert {"killed at a request", "killed at a time", "request lost", "answer lost"} <= set(seen), seen


def test_a_device_notices_a_store_that_overwrites(open_stage: OpenStage) -> None:
    """C10: where the store breaks its promise between two publishers, the device does meet a broken row."""
    with open_stage("list", "stage") as stage:
        stage.add("model", b"weights")

        def forget_the_first() -> None:
            _wait_until(lambda: len(stage.rows()) == 1)
            stage.server.client.delete_object(Bucket=stage.bucket, Key=key_of("model"))

        def overwrites(message: Message) -> Fate:
            is_second = message.source == address_of(1) and message.is_a("PUT", stage.object_path("model"))
            return Fate(before=forget_the_first) if is_second else PASSES

        stage.store.decide = overwrites
        with Device(stage.rows, stage.download, stage.sources) as device:
            second = stage.start(source=address_of(1))
            _wait_until(lambda: any(message.is_a("PUT", stage.object_path("model")) for message in stage.store.seen))
            stage.end(stage.start(source=address_of(0)))
            ended = stage.end(second)
            _wait_until(lambda: bool(device.broken))

    assert ended.code == 5, ended.said
    assert "another sha256" in device.broken[-1]


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _games(rounds: int) -> list[tuple[int, str]]:
    return [(number, KINDS[number % len(KINDS)]) for number in range(rounds)]


def _played(open_stage: OpenStage, games: list[tuple[int, str]]) -> list[Round]:
    def play_one(game: tuple[int, str]) -> Round:
        seed, kind = game
        with open_stage(kind, f"{kind}-{seed}") as stage:
            return play(stage, kind, seed)

    with ThreadPoolExecutor(LANES) as lanes:
        return list(lanes.map(play_one, games))


def told(rounds: list[Round], seconds: float) -> str:
    """Return what happened, with the seeds."""
    events = sum((each.events for each in rounds), Counter[str]())
    looks = sum(each.looks for each in rounds)
    listed = ", ".join(f"{name}: {count}" for name, count in sorted(events.items()))
    seeds = sorted({each.seed for each in rounds})
    return f"{len(rounds)} rounds, seeds {seeds[0]} to {seeds[-1]}, {seconds:.0f} s, {looks} rows opened; {listed}"
