"""Three publishers race in bad weather on real servers, and devices open every row all the time.

`PUBLISHER_CHAOS_ROUNDS=n` plays that many rounds instead of 12 (a quarter of them on Ceph with PostgreSQL, too),
`PUBLISHER_CHAOS_SEED=n` only the round with that seed on every kind of registry.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.chaos.device import Device
from tests.support.chaos.fixtures import OpenStage, forks, open_ceph_stage, open_stage
from tests.support.chaos.forks import Forks
from tests.support.chaos.messages import PASSES, Fate, Message
from tests.support.chaos.rounds import Round, play
from tests.support.chaos.stage import KINDS, key_of, staged
from tests.support.chaos.weather import address_of
from tests.support.s3_servers import S3Server

__all__ = ["forks", "open_ceph_stage", "open_stage"]

ROUNDS = int(os.environ.get("PUBLISHER_CHAOS_ROUNDS", "12"))
ONE_SEED = os.environ.get("PUBLISHER_CHAOS_SEED")
LANES = 4
"""Rounds that are played at the same time: most of a round is waiting."""


ANYWHERE = [
    pytest.param("open_stage", KINDS, ROUNDS, id="seaweedfs"),
    pytest.param("open_ceph_stage", ("sql",), max(4, ROUNDS // 4), id="ceph", marks=pytest.mark.tier2),
]


@pytest.mark.timeout(max(300, ROUNDS * 15))
@pytest.mark.parametrize(("opener", "kinds", "rounds"), ANYWHERE)
def test_no_weather_makes_a_device_meet_a_broken_row(
    request: pytest.FixtureRequest, opener: str, kinds: Sequence[str], rounds: int
) -> None:
    """C10: kill -9, lost, late and doubled requests and lost answers break no row and strand no artifact."""
    open_stage: OpenStage = request.getfixturevalue(opener)
    games = [(int(ONE_SEED), kind) for kind in kinds] if ONE_SEED else _games(rounds, kinds)
    started = time.monotonic()

    played = _played(open_stage, games)

    problems = [problem for each in played for problem in each.problems]
    print(told(played, time.monotonic() - started))  # noqa: T201 - seeds and events, for who looks
    assert not problems, "\n".join(problems)
    assert sum(each.looks for each in played) > 0
    if not ONE_SEED and rounds >= 12:
        seen = sum((each.events for each in played), Counter[str]())
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
            _wait_until(lambda: any("another sha256" in each for each in device.broken))

    assert ended.code == 5, ended.said


def test_racers_refuse_a_store_that_ignores_conditions(rclone_s3: S3Server, forks: Forks, tmp_path: Path) -> None:
    """C10, S11: on a store that would let the last of three writers win, none of them writes anything."""
    with staged("list", tmp_path / "stage", server=rclone_s3, capabilities=None, forks=forks) as stage:
        stage.add("model", b"weights")

        racers = [stage.start(source=address_of(number)) for number in range(3)]
        ended = [stage.end(racer) for racer in racers]

        assert [done.code for done in ended] == [5, 5, 5], ended[0].said
        assert all("does not honour create-if-absent" in done.said for done in ended)
        assert (stage.objects(), stage.rows(), stage.bodies_sent("model")) == ([], [], 0)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _games(rounds: int, kinds: Sequence[str]) -> list[tuple[int, str]]:
    return [(number, kinds[number % len(kinds)]) for number in range(rounds)]


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
