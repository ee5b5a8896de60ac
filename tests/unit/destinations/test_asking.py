"""Asking about many artifacts: an error is never "absent", and what cannot be reached is given up once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from publisher.destinations.asking import PATIENCE, ask_each
from publisher.errors import CredentialsError, ProtocolError, PublisherError, TransportError
from publisher.model import (
    Artifact,
    Certainty,
    Digest,
    FileSource,
    FleetIdentity,
    Observation,
    ReadyArtifact,
    SourceFacts,
    State,
)
from tests.support.kinds import fleet_of

MISSING = Observation(State.MISSING, Certainty.VERIFIED)
FACTS = SourceFacts(1, Digest("00" * 32))


def items(count: int) -> list[ReadyArtifact]:
    source = FileSource(Path("/p/x"), Path("/p"), "x")
    return [
        ReadyArtifact(Artifact("fleet", "fleet", FleetIdentity(f"m{number}", "dev", "any", "1"), source), FACTS)
        for number in range(count)
    ]


class Told:
    """A look that raises for some artifacts, and counts how often it was asked."""

    def __init__(self, **failures: PublisherError) -> None:
        self._failures = failures
        self._lock = threading.Lock()
        self.asked = 0

    def __call__(self, item: ReadyArtifact) -> Observation:
        with self._lock:
            self.asked += 1
        error = self._failures.get(fleet_of(item.artifact).resource_name, self._failures.get("all"))
        if error is not None:
            raise error
        return MISSING


def test_an_unreachable_destination_is_given_up() -> None:
    """After a few questions without an answer no more are asked, and every artifact has the same answer: unknown."""
    look = Told(all=TransportError("no answer", hint="try later"))

    found = ask_each(items(500), look, threads=4)

    assert len(found) == 500
    assert {(seen.state, seen.certainty, seen.detail) for seen in found.values()} == {
        (State.UNKNOWN, Certainty.UNKNOWN, "cannot tell what is registered: no answer")
    }
    assert look.asked <= PATIENCE + 3, "the patience, and at most three that were under way"


def test_a_single_silence_is_only_its_own() -> None:
    """One artifact without an answer is unknown; the others are asked all the same."""
    look = Told(m0=TransportError("no answer"), m17=TransportError("no answer"))

    found = ask_each(items(20), look, threads=1)

    assert look.asked == 20
    assert [seen.state for seen in found.values()].count(State.MISSING) == 18


@pytest.mark.parametrize("error", [CredentialsError("401"), ProtocolError("HTML")])
def test_an_answer_that_is_an_error_does_not_end_the_asking(error: PublisherError) -> None:
    """A refusal is an answer: what it says of one artifact is not said of another."""
    look = Told(all=error)

    found = ask_each(items(50), look, threads=2)

    assert look.asked == 50
    assert all(seen.state is State.UNKNOWN and seen.failure is not None for seen in found.values())
