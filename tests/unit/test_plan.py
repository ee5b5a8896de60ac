"""The plan: what is decided about each artifact, from what was read and what was seen."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from publisher.execute import blocked_failure
from publisher.model import (
    Artifact,
    Certainty,
    Compression,
    Digest,
    Failure,
    FileSource,
    FleetIdentity,
    Observation,
    ReadyArtifact,
    SourceFacts,
    State,
    UnreadySource,
)
from publisher.plan import DECISIONS, Action, Plan, build_plan
from publisher.reasons import HINTS, NEEDS_A_PERSON, Reason

SOURCE = SourceFacts(10, Digest("ab" * 32))


def artifact(name: str = "model") -> Artifact:
    source = FileSource(Path("/project/model.bin"), Path("/project"), "model.bin")
    return Artifact("fleet", "fleet", FleetIdentity(name, "dev", "arm64", "1"), source, Compression.FAST, 3)


def plan_of(state: State, failure: Failure | None = None) -> Plan:
    one = artifact()
    seen = Observation(state, Certainty.VERIFIED, "because", failure=failure)
    return build_plan(
        manifest_path="m.yaml",
        manifest_sha256=None,
        release=None,
        artifacts=[one],
        ready=[ReadyArtifact(one, SOURCE)],
        unready=[],
        observations={one.id: seen},
    )


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_decision(state: State) -> None:
    """Each observed state leads to one action and reason; only what is missing, unfinished or outdated is worked on."""
    [row] = plan_of(state).rows

    assert (row.action, row.reason) == DECISIONS[state]
    assert row.needs_work == (state in {State.MISSING, State.UNFINISHED, State.OUTDATED})


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.PUBLISHED, None),
        (State.MISSING, None),
        (State.UNFINISHED, None),
        (State.UNKNOWN, 1),
        (State.CONFLICT, 5),
        (State.COLLISION, 5),
        (State.DAMAGED, 5),
        (State.ORPHAN, 5),
    ],
)
def test_a_blocked_row_says_what_it_ends_with(state: State, code: int | None) -> None:
    """What no later run settles ends with 5, a failed lookup with 1, and everything else is no failure."""
    failure = blocked_failure(plan_of(state).rows[0])

    assert (failure.exit_code if failure else None) == code


def test_refused_credentials_keep_their_exit_code() -> None:
    """A lookup that was refused ends with the refusal's own code, not with a lookup's."""
    refused = Failure("credentials_refused", "no", None, retryable=False, exit_code=4)

    assert blocked_failure(plan_of(State.UNKNOWN, refused).rows[0]) == refused


def test_an_offline_plan_assumes_that_nothing_is_registered_and_says_so() -> None:
    """Without observations every artifact is to be created, with unknown certainty."""
    one = artifact()
    plan = build_plan(
        manifest_path="m.yaml",
        manifest_sha256=None,
        release=None,
        artifacts=[one],
        ready=[ReadyArtifact(one, SOURCE)],
        unready=[],
        observations=None,
    )

    assert [(row.action, row.certainty) for row in plan.rows] == [(Action.CREATE, Certainty.UNKNOWN)]


def test_an_unreadable_source_is_a_blocked_row_in_its_place() -> None:
    """The plan keeps the manifest's order; a source that cannot be read is blocked with the reason, exit 3."""
    first, second = artifact("a"), artifact("b")
    failure = Failure("source_missing", "b is gone", None, retryable=False, exit_code=3)
    plan = build_plan(
        manifest_path="m.yaml",
        manifest_sha256=None,
        release=None,
        artifacts=[first, second],
        ready=[ReadyArtifact(first, SOURCE)],
        unready=[UnreadySource(second, failure)],
        observations={first.id: Observation(State.MISSING, Certainty.VERIFIED)},
    )

    assert [row.reason for row in plan.rows] == [Reason.NOT_REGISTERED, Reason.SOURCE_MISSING]
    assert plan.is_blocked
    assert plan.has_work
    assert blocked_failure(plan.rows[1]) == failure


def test_whatever_needs_a_person_says_what_to_do() -> None:
    """Each reason that no later run settles has a hint."""
    assert set(HINTS) >= NEEDS_A_PERSON


def test_the_plan_holds_values_only() -> None:
    """A plan is data: no field of a row can be called or holds an open resource."""
    [row] = plan_of(State.MISSING).rows

    assert all(not callable(getattr(row, field.name)) for field in dataclasses.fields(row))
