"""The end of a run at its destinations: each tidies up once, on every way out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from publisher.commands.apply import ApplyOptions, apply
from publisher.destinations.port import Destination, Host, Limits
from publisher.errors import InputError
from publisher.events import Concluded, Event
from publisher.manifest import artifact_from_flags
from publisher.manifest.manifest import Manifest
from publisher.model import (
    ArtifactId,
    Certainty,
    DestinationSpec,
    Failure,
    Observation,
    Outcome,
    ReadyArtifact,
    State,
    Status,
)
from publisher.provenance import Provenance
from publisher.report import Report
from publisher.world import World

PUBLISHED = Outcome(Status.PUBLISHED, "registered")
FAILED = Outcome(Status.FAILED, "no_answer", failure=Failure("no_answer", "no", None, retryable=True, exit_code=1))


@dataclass
class Tidy:
    """A destination that remembers how it was concluded."""

    publishing: Callable[[ReadyArtifact, Host], Outcome] = lambda _item, _host: PUBLISHED
    concluding: Callable[[], Sequence[str]] = lambda: ["revoked the token"]
    concluded: list[dict[str, Status]] = field(default_factory=list)
    closed_after: list[int] = field(default_factory=list)
    location: str = "a place"
    limits: Limits = field(default_factory=Limits)

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        return {item.artifact.id: Observation(State.MISSING, Certainty.VERIFIED) for item in items}

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        return self.publishing(item, host)

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], _host: Host) -> Sequence[str]:
        self.concluded.append({str(artifact): outcome.status for artifact, outcome in outcomes.items()})
        return self.concluding()

    def close(self) -> None:
        self.closed_after.append(len(self.concluded))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    file = tmp_path / "model.bin"
    file.write_bytes(b"model")
    return artifact_from_flags(file=file, resource_name="m", dev_stage="dev", architecture="arm64", version="1")


def run(manifest: Manifest, tidy: Tidy) -> tuple[Report, list[Event]]:
    events: list[Event] = []

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        yield {spec.name: cast("Destination", tidy) for spec in specs}
        tidy.close()

    world = World(connect, {}, lambda _root: Provenance({}, {}), events.append)
    return apply(lambda: manifest, world, ApplyOptions("", Path())), events


@pytest.mark.parametrize(("outcome", "status"), [(PUBLISHED, Status.PUBLISHED), (FAILED, Status.FAILED)])
def test_a_destination_tidies_up_after_its_artifacts(manifest: Manifest, outcome: Outcome, status: Status) -> None:
    """Success or failure: it is told how its artifacts ended, once, before it is closed; the report has its words."""
    tidy = Tidy(lambda _item, _host: outcome)

    report, events = run(manifest, tidy)

    assert tidy.concluded == [{"fleet:dev/m/arm64/1": status}]
    assert tidy.closed_after == [1]
    assert [(item.name, item.kind, item.location, item.notes) for item in report.destinations] == [
        ("fleet", "fleet", "a place", ["revoked the token"])
    ]
    assert Concluded("fleet", "revoked the token") in events


def test_a_stopped_run_tidies_up(manifest: Manifest) -> None:
    """A stop that comes while publishing does not excuse a destination from tidying up."""

    def publish(_item: ReadyArtifact, host: Host) -> Outcome:
        host.cancellation.request(15)
        return FAILED

    tidy = Tidy(publish)

    report, _ = run(manifest, tidy)

    assert len(tidy.concluded) == 1
    assert report.destinations[0].notes == ["revoked the token"]


def test_a_bug_while_looking_does_not_keep_it_from_tidying_up(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An internal error before any artifact ended is reported, with what the destination said all the same."""
    tidy = Tidy()

    def observe(_self: Tidy, _items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        raise RuntimeError("secret in the text")

    monkeypatch.setattr(Tidy, "observe", observe)

    report, _ = run(manifest, tidy)

    assert report.error is not None
    assert tidy.concluded == [{}]
    assert report.destinations[0].notes == ["revoked the token"]
    assert "secret" not in report.to_json()


def test_what_cannot_be_tidied_is_told_and_fails_nothing(manifest: Manifest) -> None:
    """An exception while tidying up becomes a sentence; the published artifact stays published."""

    def concluding() -> Sequence[str]:
        raise InputError("the token could not be revoked")

    report, _ = run(manifest, Tidy(concluding=concluding))

    assert report.exit_code == 0
    assert report.destinations[0].notes == ["tidying up failed: the token could not be revoked"]
