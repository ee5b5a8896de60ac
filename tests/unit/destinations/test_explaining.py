"""Repairing where there is nothing to repair: explained, never changed."""

from __future__ import annotations

import pytest

from publisher.destinations.explaining import explained
from publisher.model import Certainty, Observation, State, Status


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_an_honest_outcome(state: State) -> None:
    """Nothing is called repaired; what needs a person is blocked with exit code 5; unknown is a failure, not absent."""
    outcome = explained(Observation(state, Certainty.VERIFIED, "what was seen"))

    expected = {
        State.PUBLISHED: (Status.SKIPPED, None),
        State.MISSING: (Status.SKIPPED, None),
        State.UNFINISHED: (Status.SKIPPED, None),
        State.OUTDATED: (Status.SKIPPED, None),
        State.UNKNOWN: (Status.FAILED, 1),
    }.get(state, (Status.BLOCKED, 5))
    assert (outcome.status, outcome.failure.exit_code if outcome.failure else None) == expected
    assert outcome.failure is None or (outcome.failure.message == "what was seen" and outcome.failure.hint)
