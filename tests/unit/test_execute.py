"""Running a plan: one outcome a row, whatever destinations do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from publisher.cancellation import Cancellation
from publisher.destinations.port import Destination, Host, Limits
from publisher.events import ArtifactFinished, Event, Serialized, ignore
from publisher.execute import execute
from publisher.model import (
    Artifact,
    Certainty,
    Compression,
    Digest,
    Failure,
    FileSource,
    FleetIdentity,
    Observation,
    Outcome,
    ReadyArtifact,
    SourceFacts,
    State,
    Status,
)
from publisher.plan import Plan, build_plan
from tests.support.kinds import fleet_of

PUBLISHED = Outcome(Status.PUBLISHED, "registered")


@dataclass
class Scripted:
    """A destination that does what it is told for each resource name, and remembers what it was asked."""

    behave: Callable[[str, Host], Outcome]
    asked: list[str] = field(default_factory=list)
    at_once: int | None = None
    together: int = 0
    most_together: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def limits(self) -> Limits:
        return Limits(self.at_once)

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        name = fleet_of(item.artifact).resource_name
        with self.lock:
            self.asked.append(name)
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        try:
            return self.behave(name, host)
        finally:
            with self.lock:
                self.together -= 1


def plan_of(*states: State) -> Plan:
    source = FileSource(Path("/p/x"), Path("/p"), "x")
    artifacts = [
        Artifact("fleet", "fleet", FleetIdentity(f"m{index}", "dev", "any", "1"), source, Compression.FAST)
        for index in range(len(states))
    ]
    facts = SourceFacts(1, Digest("00" * 32))
    return build_plan(
        manifest_path="m.yaml",
        manifest_sha256=None,
        release=None,
        artifacts=artifacts,
        ready=[ReadyArtifact(artifact, facts) for artifact in artifacts],
        unready=[],
        observations={
            artifact.id: Observation(state, Certainty.VERIFIED)
            for artifact, state in zip(artifacts, states, strict=True)
        },
    )


def run(
    plan: Plan,
    behave: Callable[[str, Host], Outcome],
    *,
    jobs: int = 1,
    fail_fast: bool = False,
    cancellation: Cancellation | None = None,
    at_once: int | None = None,
) -> tuple[dict[str, Outcome], Scripted, list[Event]]:
    events: list[Event] = []
    scripted = Scripted(behave, at_once=at_once)
    host = Host(Serialized(events.append), cancellation or Cancellation(), time.monotonic, time.sleep)
    outcomes = execute(plan, {"fleet": cast("Destination", scripted)}, host, jobs=jobs, fail_fast=fail_fast)
    return outcomes, scripted, events


def failed(code: str, exit_code: int) -> Outcome:
    return Outcome(Status.FAILED, code, failure=Failure(code, "no", None, retryable=True, exit_code=exit_code))


def test_exactly_the_rows_with_work_are_published() -> None:
    """A skipped and a blocked row never reach the destination; every row has an outcome and one finished event."""
    outcomes, scripted, events = run(
        plan_of(State.MISSING, State.PUBLISHED, State.CONFLICT, State.UNFINISHED), lambda *_: PUBLISHED
    )

    assert scripted.asked == ["m0", "m3"]
    assert [outcome.status for _, outcome in sorted(outcomes.items())] == [
        Status.PUBLISHED,
        Status.SKIPPED,
        Status.BLOCKED,
        Status.PUBLISHED,
    ]
    assert sum(isinstance(event, ArtifactFinished) for event in events) == 4


def test_a_failure_does_not_stop_the_others() -> None:
    """One failed artifact is one failed outcome; the others go on."""
    outcomes, _, _ = run(
        plan_of(*[State.MISSING] * 3), lambda name, _: failed("no_answer", 1) if name == "m0" else PUBLISHED
    )

    assert sorted(outcome.status for outcome in outcomes.values()) == ["failed", "published", "published"]


def test_a_bug_is_an_outcome_without_its_text() -> None:
    """C17: an unexpected exception fails its artifact, names its kind and place, and never shows its message."""

    def behave(name: str, _host: Host) -> Outcome:
        if name == "m0":
            raise MemoryError("secret in the text")
        return PUBLISHED

    outcomes, _, _ = run(plan_of(State.MISSING, State.MISSING), behave)

    broken = outcomes["fleet:dev/m0/any/1"].failure
    assert broken is not None
    assert "MemoryError" in broken.message
    assert "secret" not in broken.message
    assert outcomes["fleet:dev/m1/any/1"] is PUBLISHED


def test_refused_credentials_stop_the_destinations_remaining_artifacts() -> None:
    """S8: after the destination refused the credentials nothing else is attempted there, and those end with 4."""
    outcomes, scripted, _ = run(
        plan_of(*[State.MISSING] * 4),
        lambda name, _: failed("credentials_refused", 4) if name == "m1" else PUBLISHED,
    )

    assert scripted.asked == ["m0", "m1"]
    rest = [outcomes[f"fleet:dev/m{index}/any/1"] for index in (2, 3)]
    assert {outcome.status for outcome in rest} == {Status.CANCELLED}
    assert all(outcome.failure and outcome.failure.exit_code == 4 for outcome in rest)


def test_fail_fast_starts_nothing_after_the_first_failure() -> None:
    """--fail-fast leaves the artifacts alone that were not started when the first one failed."""
    outcomes, scripted, _ = run(plan_of(*[State.MISSING] * 3), lambda *_: failed("x", 1), fail_fast=True)

    assert scripted.asked == ["m0"]
    assert [outcomes[f"fleet:dev/m{index}/any/1"].status for index in (1, 2)] == [Status.CANCELLED] * 2


def test_a_stop_request_starts_nothing_new() -> None:
    """After a stop request the artifact in flight ends by itself and the others are not attempted."""
    cancellation = Cancellation()

    def behave(_name: str, _host: Host) -> Outcome:
        cancellation.request(2)
        return PUBLISHED

    outcomes, scripted, _ = run(plan_of(*[State.MISSING] * 3), behave, cancellation=cancellation)

    assert scripted.asked == ["m0"]
    assert sorted(outcome.status for outcome in outcomes.values()) == ["cancelled", "cancelled", "published"]


def test_no_more_than_jobs_artifacts_are_in_flight() -> None:
    """--jobs bounds how many artifacts a destination works on at once, and uses them."""

    def behave(_name: str, _host: Host) -> Outcome:
        time.sleep(0.02)
        return PUBLISHED

    _, scripted, _ = run(plan_of(*[State.MISSING] * 9), behave, jobs=3)

    assert 1 < scripted.most_together <= 3


def test_no_more_are_in_flight_than_a_destination_takes() -> None:
    """A destination with a limit gets one artifact after the other, whatever the number of jobs."""
    outcomes, scripted, _ = run(plan_of(*[State.MISSING] * 12), lambda *_: PUBLISHED, jobs=4, at_once=1)

    assert scripted.most_together == 1
    assert scripted.asked == [f"m{number}" for number in range(12)]
    assert len(outcomes) == 12


def test_a_destination_at_its_limit_holds_back_only_its_own() -> None:
    """While one destination's artifact is in flight, the other destination's artifacts all get their turn."""
    others_done = threading.Semaphore(0)

    def wait_for_the_others(name: str, _host: Host) -> Outcome:
        assert name == "m1" or all(others_done.acquire(timeout=20) for _ in range(6))
        return PUBLISHED

    def report(_name: str, _host: Host) -> Outcome:
        others_done.release()
        return PUBLISHED

    plan = plan_of(*[State.MISSING] * 8)
    slow = [replace(row, artifact=replace(row.artifact, destination="slow")) for row in plan.rows[:2]]
    plan = replace(plan, rows=(*slow, *plan.rows[2:]))
    one_at_a_time = Scripted(wait_for_the_others, at_once=1)
    destinations = {"slow": one_at_a_time, "fleet": Scripted(report)}
    host = Host(ignore, Cancellation(), time.monotonic, time.sleep)

    outcomes = execute(plan, cast("dict[str, Destination]", destinations), host, jobs=2)

    assert {outcome.status for outcome in outcomes.values()} == {Status.PUBLISHED}
    assert one_at_a_time.most_together == 1
