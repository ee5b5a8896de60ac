"""Run a plan: bounded concurrency, one Outcome for every row, and a stop that loses nothing.

Does exactly the list. It never chooses an action, knows no kind of destination and prints nothing; what a destination
refuses becomes that artifact's outcome, and the others go on.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from publisher.destinations.port import Destination, Host
from publisher.errors import CredentialsError, InternalError, PublisherError
from publisher.events import ArtifactFinished, ArtifactStarted
from publisher.exit_codes import ExitCode
from publisher.model import ArtifactId, Failure, Outcome, ReadyArtifact, Status, failure_from
from publisher.plan import Action, Plan, PlanRow
from publisher.queueing import Queue
from publisher.reasons import HINTS, NEEDS_A_PERSON, Reason


def execute(
    plan: Plan, destinations: Mapping[str, Destination], host: Host, *, jobs: int, fail_fast: bool = False
) -> dict[str, Outcome]:
    """Return an outcome for every row, keyed by the artifact's id. Never raises for what the world does."""
    crew = _Crew(destinations, host, fail_fast=fail_fast)
    outcomes: dict[str, Outcome] = {}
    working: list[ReadyArtifact] = []
    for row in plan.rows:
        if row.needs_work and row.source is not None:
            working.append(ReadyArtifact(row.artifact, row.source))
        else:
            outcomes[str(row.id)] = crew.finish(row.id, settled(row))
    limits = {name: destination.limits.max_in_flight for name, destination in destinations.items()}
    queue = Queue(working, limits)

    def work() -> None:
        while (item := queue.take()) is not None:
            try:
                outcomes[str(item.artifact.id)] = crew.work(item)
            finally:
                queue.give_back(item)

    with ThreadPoolExecutor(jobs, thread_name_prefix="publish") as pool:
        for worker in [pool.submit(work) for _ in range(min(jobs, len(working)))]:
            worker.result()
    return outcomes


def settled(row: PlanRow) -> Outcome:
    """Return the outcome of a row that needs no work."""
    status = Status.SKIPPED if row.action is Action.SKIP else Status.BLOCKED
    return Outcome(status, row.reason.value, object=row.observation.object, failure=blocked_failure(row))


def blocked_failure(row: PlanRow) -> Failure | None:
    """Return what a blocked row ends with, or None for any other row."""
    if row.action is not Action.BLOCKED:
        return None
    if row.observation.failure is not None:
        return row.observation.failure
    if row.reason in NEEDS_A_PERSON:
        code = ExitCode.NEEDS_A_PERSON
    elif row.reason is Reason.SOURCE_MISSING:
        code = ExitCode.INPUT
    else:
        code = ExitCode.FAILED
    hint, is_retryable = HINTS.get(row.reason), code is ExitCode.FAILED
    return Failure(row.reason.value, row.observation.detail, hint, is_retryable, int(code))


class _Crew:
    """What the workers share: who refused the credentials, and whether to go on."""

    def __init__(self, destinations: Mapping[str, Destination], host: Host, *, fail_fast: bool) -> None:
        self._destinations = destinations
        self._host = host
        self._fail_fast = fail_fast
        self._refused: set[str] = set()
        self._stop = threading.Event()

    def work(self, item: ReadyArtifact) -> Outcome:
        artifact = item.artifact
        if self._host.cancellation.requested:
            return self.finish(artifact.id, not_attempted("a stop was requested", ExitCode.FAILED))
        if artifact.destination in self._refused:
            return self.finish(
                artifact.id, not_attempted(f"{artifact.destination} refused the credentials", ExitCode.CREDENTIALS)
            )
        if self._stop.is_set():
            return self.finish(artifact.id, not_attempted("another artifact failed (--fail-fast)", ExitCode.FAILED))
        self._host.emit(ArtifactStarted(artifact.id, item.source.size_bytes))
        try:
            outcome = self._destinations[artifact.destination].publish(item, self._host)
        except Exception as error:  # the one loop in which every failure becomes an outcome
            outcome = Outcome(Status.FAILED, "internal_error", failure=failure_from(as_told(error)))
        if outcome.failure is not None:
            if outcome.failure.code == CredentialsError.code:
                self._refused.add(artifact.destination)
            if self._fail_fast:
                self._stop.set()
        return self.finish(artifact.id, outcome)

    def finish(self, artifact_id: ArtifactId, outcome: Outcome) -> Outcome:
        self._host.emit(ArtifactFinished(artifact_id, outcome))
        return outcome


def not_attempted(why: str, code: ExitCode) -> Outcome:
    """Return the outcome of an artifact that was left alone."""
    failure = Failure("not_attempted", f"not attempted: {why}", "run the same command again", True, int(code))
    return Outcome(Status.CANCELLED, "not_attempted", failure=failure)


def as_told(error: Exception) -> PublisherError:
    """Return an error as it may be told: ours as it is, any other by its kind and where it was raised.

    The text of a foreign error is left out: it may hold anything.
    """
    if isinstance(error, PublisherError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return InternalError(
        f"internal error: {type(error).__name__}{where}",
        hint="this is a fault of the publisher, or this machine is out of memory; nothing else was stopped",
    )
