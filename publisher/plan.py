"""The plan: for each artifact an action and a reason. Pure: values in, values out; no IO, no clock.

The action drives, the reason explains. `build_plan` is a table from (source facts, observation) to (action, reason).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from publisher.model import (
    Artifact,
    ArtifactId,
    Certainty,
    Observation,
    ReadyArtifact,
    SourceFacts,
    State,
    UnreadySource,
)
from publisher.reasons import Reason


class Action(StrEnum):
    CREATE = "create"
    FINISH = "finish"
    SKIP = "skip"
    BLOCKED = "blocked"


DECISIONS: Mapping[State, tuple[Action, Reason]] = {
    State.UNKNOWN: (Action.BLOCKED, Reason.LOOKUP_FAILED),
    State.COLLISION: (Action.BLOCKED, Reason.OBJECT_COLLISION),
    State.DAMAGED: (Action.BLOCKED, Reason.DAMAGED_OBJECT),
    State.CONFLICT: (Action.BLOCKED, Reason.CONTENT_CONFLICT),
    State.PUBLISHED: (Action.SKIP, Reason.ALREADY_REGISTERED),
    State.MISSING: (Action.CREATE, Reason.NOT_REGISTERED),
    State.UNFINISHED: (Action.FINISH, Reason.UNFINISHED_UPLOAD),
    State.ORPHAN: (Action.BLOCKED, Reason.ORPHAN_OBJECT),
    State.OUTDATED: (Action.FINISH, Reason.LABELS_OUTDATED),
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One artifact of the plan. `source` is None where the source could not be read; then `observation` says why."""

    artifact: Artifact
    source: SourceFacts | None
    action: Action
    reason: Reason
    observation: Observation

    @property
    def id(self) -> ArtifactId:
        return self.artifact.id

    @property
    def certainty(self) -> Certainty:
        return self.observation.certainty

    @property
    def needs_work(self) -> bool:
        return self.action in {Action.CREATE, Action.FINISH}

    @property
    def upload_bytes(self) -> int:
        """Return an estimate of the bytes to send: the source's size before compression, 0 if nothing is sent."""
        return self.source.size_bytes if self.source and self.action is Action.CREATE else 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows have each action, and how much is to be read and sent (an estimate)."""

    total: int
    create: int
    finish: int
    skip: int
    blocked: int
    source_bytes: int
    upload_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows in the manifest's order, and the digest of the manifest they were made from (None for a manifest of one)."""

    manifest_path: str
    manifest_sha256: str | None
    release: str | None
    rows: tuple[PlanRow, ...]

    @property
    def has_work(self) -> bool:
        return any(row.needs_work for row in self.rows)

    @property
    def is_blocked(self) -> bool:
        return any(row.action is Action.BLOCKED for row in self.rows)

    def counts(self) -> Counts:
        """Count the rows by action."""
        return Counts(
            total=len(self.rows),
            source_bytes=sum(row.source.size_bytes for row in self.rows if row.source),
            upload_bytes=sum(row.upload_bytes for row in self.rows),
            **{action.value: sum(row.action is action for row in self.rows) for action in Action},
        )


OFFLINE = Observation(State.UNKNOWN, Certainty.UNKNOWN, "not asked: offline")


def build_plan(
    *,
    manifest_path: str,
    manifest_sha256: str | None,
    release: str | None,
    artifacts: Sequence[Artifact],
    ready: Iterable[ReadyArtifact],
    unready: Iterable[UnreadySource],
    observations: Mapping[ArtifactId, Observation] | None,
) -> Plan:
    """Decide what to do with each artifact, in the order of `artifacts`.

    `observations` has an answer for every ready artifact, or is None for an offline plan, which assumes that
    nothing is registered and says so.
    """
    sources = {item.artifact.id: item.source for item in ready}
    failures = {item.artifact.id: item.failure for item in unready}

    def decide(artifact: Artifact) -> PlanRow:
        source = sources.get(artifact.id)
        if source is None:
            failure = failures[artifact.id]
            unread = Observation(State.UNKNOWN, Certainty.UNKNOWN, failure.message, failure=failure)
            return PlanRow(artifact, None, Action.BLOCKED, Reason.SOURCE_MISSING, unread)
        if observations is None:
            return PlanRow(artifact, source, Action.CREATE, Reason.NOT_REGISTERED, OFFLINE)
        observation = observations[artifact.id]
        action, reason = DECISIONS[observation.state]
        return PlanRow(artifact, source, action, reason, observation)

    return Plan(manifest_path, manifest_sha256, release, tuple(decide(artifact) for artifact in artifacts))
