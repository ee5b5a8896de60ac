"""Run a plan: bounded concurrency, one Outcome for every row, and a stop that loses nothing.

Does exactly the list. It never chooses an action, knows no kind of destination and prints nothing; what a destination
refuses becomes that artifact's outcome, and the others go on.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from publisher.destinations.port import Destination, Host
from publisher.errors import Cancelled, CredentialsError, InternalError, OutcomeUnknownError, PublisherError
from publisher.events import ArtifactFinished, ArtifactStarted, Event
from publisher.exit_codes import ExitCode
from publisher.model import Failure, Outcome, ReadyArtifact, Status, failure_from
from publisher.plan import Action, Plan, PlanRow
from publisher.reasons import HINTS, NEEDS_A_PERSON, Reason
from publisher.workers import Answer, Left, Ticket, each

Act = Callable[[PlanRow, Host], Outcome]
"""What is done to one row. Returns an Outcome for every failure of the world."""

_STOPPED = "a stop was requested"


def execute(
    plan: Plan, destinations: Mapping[str, Destination], host: Host, *, jobs: int, fail_fast: bool = False
) -> dict[str, Outcome]:
    """Publish every row that needs it, and return an outcome for every row, keyed by the artifact's id.

    Never raises for what the world does.
    """

    def publish(row: PlanRow, host: Host) -> Outcome:
        if row.source is None:
            raise RuntimeError("a row that needs work has a source")
        return destinations[row.artifact.destination].publish(ReadyArtifact(row.artifact, row.source), host)

    outcomes: dict[str, Outcome] = {}
    for row in plan.rows:
        if not row.needs_work:
            outcomes[str(row.id)] = settled(row)
            host.emit(ArtifactFinished(row.id, outcomes[str(row.id)]))
    working = [row for row in plan.rows if row.needs_work]
    limits = {name: destination.limits.max_in_flight for name, destination in destinations.items()}
    return outcomes | carry_out(working, publish, host, jobs=jobs, limits=limits, fail_fast=fail_fast)


def carry_out(
    rows: Sequence[PlanRow],
    act: Act,
    host: Host,
    *,
    jobs: int,
    limits: Mapping[str, int | None] | None = None,
    fail_fast: bool = False,
) -> dict[str, Outcome]:
    """Do `act` to every row, up to `jobs` at a time, and return what became of each, keyed by the artifact's id.

    `limits` are how many rows of a destination may be in flight, by its name. A row is left alone after a stop
    request, after its destination refused the credentials, and, with `fail_fast`, after the first failure. What does
    not end after a stop request is given up (see `workers`).
    """
    crew = _Crew(act, host, fail_fast=fail_fast)
    outcomes: dict[str, Outcome] = {}

    def ended(row: PlanRow, answer: Answer[Outcome]) -> None:
        outcome = given_up(answer) if isinstance(answer, Left) else answer
        outcomes[str(row.id)] = outcome
        host.emit(ArtifactFinished(row.id, outcome))

    each(
        rows,
        crew.work,
        threads=jobs,
        cancellation=host.cancellation,
        name="publish",
        ended=ended,
        line=lambda row: row.artifact.destination,
        limits=limits,
    )
    return outcomes


def settled(row: PlanRow) -> Outcome:
    """Return the outcome of a row that needs no work."""
    status = Status.SKIPPED if row.action is Action.SKIP else Status.BLOCKED
    seen = row.observation
    return Outcome(status, row.reason.value, object=seen.object, failure=blocked_failure(row), notes=seen.notes)


def blocked_failure(row: PlanRow) -> Failure | None:
    """Return what a blocked row ends with, or None for any other row."""
    if row.action is not Action.BLOCKED:
        return None
    failure = row.observation.failure
    if failure is not None:
        return replace(failure, hint=failure.hint or (HINTS.get(row.reason) if failure.retryable else None))
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

    def __init__(self, act: Act, host: Host, *, fail_fast: bool) -> None:
        self._act = act
        self._host = host
        self._fail_fast = fail_fast
        self._refused: set[str] = set()
        self._stop = threading.Event()

    def work(self, row: PlanRow, ticket: Ticket) -> Outcome:
        destination = row.artifact.destination
        if self._host.cancellation.requested:
            return not_attempted(_STOPPED, ExitCode.FAILED)
        if destination in self._refused:
            return not_attempted(f"{destination} refused the credentials", ExitCode.CREDENTIALS)
        if self._stop.is_set():
            return not_attempted("another artifact failed (--fail-fast)", ExitCode.FAILED)

        def emit(event: Event) -> None:
            if not ticket.is_given_up:
                self._host.emit(event)

        emit(ArtifactStarted(row.id, row.source.size_bytes if row.source else 0))
        try:
            outcome = self._act(row, replace(self._host, emit=emit, commit=ticket.commit))
        except Exception as error:  # the one loop in which every failure becomes an outcome
            outcome = Outcome(Status.FAILED, "internal_error", failure=failure_from(as_told(error)))
        if outcome.failure is not None:
            if outcome.failure.code == CredentialsError.code:
                self._refused.add(destination)
            if self._fail_fast:
                self._stop.set()
        return outcome


def given_up(left: Left) -> Outcome:
    """Return the outcome of an artifact that was left while it waited for an answer."""
    if not left.has_begun:
        return not_attempted(_STOPPED, ExitCode.FAILED)
    if not left.is_committed:
        error: PublisherError = Cancelled(
            "stopped while a request had no answer; nothing was registered", hint="run the same command again to go on"
        )
        return Outcome(Status.CANCELLED, error.code, failure=failure_from(error))
    error = OutcomeUnknownError(
        "left before the registration was confirmed: the artifact may be registered or not",
        hint="run the same command again: it finishes what is there",
    )
    return Outcome(Status.FAILED, error.code, failure=failure_from(error))


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
