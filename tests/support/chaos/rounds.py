"""One chaos round: three racing publishers in bad weather while a device opens every row, then two runs in peace."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.support.chaos.aftermath import leaks
from tests.support.chaos.device import Device, object_key
from tests.support.chaos.stage import Run, Stage
from tests.support.chaos.weather import Weather, address_of

PUBLISHERS = 3
STORM_S = (0.5, 6.0)
"""Whoever still runs then is killed, so that no round waits for long pauses between attempts."""

SOURCES = {"alpha": b"alpha weights " * 400, "beta": bytes(range(256)) * 16, "gamma": b"g"}


@dataclass
class Round:
    """What came of a round. `problems` is empty if every promise was kept."""

    seed: int
    kind: str
    problems: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    looks: int = 0

    def expect(self, is_kept: bool, promise: str) -> None:
        if not is_kept:
            self.problems.append(f"{self.kind}, seed {self.seed}: {promise}")


def play(stage: Stage, kind: str, seed: int) -> Round:
    """Play one round on a fresh stage."""
    result, weather = Round(seed, kind), Weather(seed, PUBLISHERS)
    for name, content in SOURCES.items():
        stage.add(name, content)
    with Device(stage.rows, stage.download, stage.sources) as device:
        _storm(stage, weather, result)
        first = stage.run("--jobs", "2", source=address_of(PUBLISHERS))
        stage.store.settle()
        if stage.registry is not None:
            stage.registry.settle()
        second = stage.run("--jobs", "2", source=address_of(PUBLISHERS))
    result.events += weather.events
    result.looks = device.looks
    _judge(stage, result, device.broken, first, second)
    return result


def _storm(stage: Stage, weather: Weather, result: Round) -> None:
    stage.store.decide = weather.fate
    if stage.registry is not None:
        stage.registry.decide = weather.fate
    if stage.pipe is not None:
        stage.pipe.decide = weather.cut
    chance = weather.chance("storm")
    for index in range(PUBLISHERS):
        extra = ("--jobs", str(chance.randint(1, 2)), *(("--verify", "full") if chance.random() < 0.3 else ()))
        weather.victims[index] = stage.start(*extra, source=address_of(index))
        weather.victims[index].ended.wait(chance.choice((0.0, 0.05, 0.3)))
    ends_at = time.monotonic() + chance.uniform(*STORM_S)
    for child in weather.victims.values():
        # Killed at any moment, not only at a request.
        if not child.ended.wait(max(0.0, ends_at - time.monotonic())):
            result.events["killed at a time"] += 1
            child.kill()
        result.events[f"ended {child.wait(10)}"] += 1
    weather.calm()


def _judge(stage: Stage, result: Round, broken: list[str], first: Run, second: Run) -> None:
    rows = stage.rows()
    wanted = sorted(object_key({"resource_name": name, **_REST}) for name in stage.sources)
    result.events.update(first.statuses.values())
    result.problems += [f"{result.kind}, seed {result.seed}: a device met {each}" for each in broken + stage.broken()]
    result.expect(first.code == 0, f"a run in peace ended with {first.code}: {first.said}")
    result.expect(
        second.code == 0 and set(second.statuses.values()) == {"skipped"},
        f"the run after it did not skip everything: {second.code} {second.said}",
    )
    result.expect(sorted(map(object_key, rows)) == wanted, f"{len(rows)} rows instead of {len(wanted)}")
    result.expect(stage.objects() == wanted, f"the bucket holds {stage.objects()}")
    strange = [key for key in stage.keys(".publish/") if not key.startswith(_KEPT)]
    result.expect(not strange, f"left in the bucket: {strange}")
    result.expect(not stage.open_uploads(), f"open uploads: {stage.open_uploads()}")
    result.problems += [f"{result.kind}, seed {result.seed}: {leak}" for leak in leaks(stage)]
    for message in stage.store.seen:
        forbidden = message.method == "DELETE" and "/.publish/" not in message.path
        result.expect(not forbidden, f"an object was deleted: {message}")


_KEPT = (".publish/keys/", ".publish/receipts/", ".publish/claims/", ".publish/probe.json")
"""What a run may leave: records of keys for those who died, receipts, claims, and what is known of the store."""

_REST = {"dev_stage": "dev", "architecture": "any", "version": "1"}
