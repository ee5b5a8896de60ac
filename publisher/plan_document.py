"""The shape of the saved plan (format `publisher/plan`): strict models and the way from and to the plan's rows.

Names and paths are validated here whoever wrote them, so that an edited file cannot name another place. Reads no file.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from publisher.errors import InputError
from publisher.model import Artifact, ArtifactId, Certainty, Compression, Failure, ObjectFacts, Observation, State
from publisher.plan import Action, PlanRow
from publisher.plan_entries import NAMES, Document, Entry, Name, Names, Sha256, Size
from publisher.plan_entries import entry_of as source_entry_of
from publisher.reasons import Reason

FORMAT_VERSION = "1.0"


_Line = Annotated[int, Field(ge=0, description="Line in the manifest; 0 where there is none.")]
_Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class ManifestPin(Document):
    """The manifest the plan was made from; `sha256` is of its bytes, null for a manifest of one."""

    path: str
    sha256: Sha256 | None
    release: str | None


class DestinationEntry(Document):
    """A destination of the manifest; its settings are read from the environment, under `env_prefix`."""

    name: Name
    kind: _Word
    env_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,64}$")]
    line: _Line


class ObjectEntry(Document):
    key: str | None = None
    cdn_url: str | None = None
    size_bytes: Size | None
    sha256: str | None
    url: str | None = None
    version_id: str | None = None


class FailureEntry(Document):
    code: str
    message: str
    hint: str | None
    retryable: bool
    exit_code: int


class ObservedEntry(Document):
    state: State
    certainty: Certainty
    detail: str
    object: ObjectEntry | None
    failure: FailureEntry | None
    notes: Annotated[list[str], Field(description="What is no failure and yet worth a look.")]


class ArtifactEntry(Document):
    """One row, in the manifest's order. `upload_bytes` is an estimate: the source's size before compression."""

    id: str
    action: Action
    reason: Reason
    destination: Name
    kind: _Word
    line: _Line
    identity: Names
    compression: Compression
    options: Annotated[dict[str, str], Field(description="What else the manifest says of the artifact, by its kind.")]
    source: Annotated[Entry, Field(description="Where the bytes come from, with the size and the fingerprint planned.")]
    upload_bytes: Size
    observed: ObservedEntry


class PlanSummary(Document):
    """How many rows have each action, and how much is to be read and sent."""

    total: int
    create: int
    finish: int
    skip: int
    blocked: int
    source_bytes: int
    upload_bytes: int


class PlanDocument(Document):
    """What would be done with each artifact, with the premises that applying it checks again."""

    model_config = ConfigDict(title="publisher plan")

    format: Literal["publisher/plan"]
    format_version: Annotated[str, Field(pattern=r"^1\.\d+$")]
    tool_version: str
    manifest: ManifestPin
    git: dict[str, str]
    ci: dict[str, str]
    destinations: list[DestinationEntry]
    summary: PlanSummary
    artifacts: list[ArtifactEntry]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        kinds = {entry.name: entry.kind for entry in self.destinations}
        seen: set[str] = set()
        for number, entry in enumerate(self.artifacts):
            place = f"artifacts.{number}"
            if kinds.get(entry.destination) != entry.kind:
                raise ValueError(f"{place}: its destination is not among the destinations of the plan")
            if type(entry.identity) is not NAMES.get(entry.kind):
                raise ValueError(f"{place}: its names are not those of its kind")
            if entry.id != str(ArtifactId(entry.destination, entry.identity.identity().path)) or entry.id in seen:
                raise ValueError(f"{place}: its id is not that of its names, or stands twice")
            if entry.source.sha256 is None and entry.action is not Action.BLOCKED:
                raise ValueError(f"{place}: an artifact whose source was not read can only be blocked")
            seen.add(entry.id)
        return self


def entry_of(row: PlanRow, *, root: Path) -> ArtifactEntry:
    """Return a row as data. Raises `InputError` if its source is not below `root`."""
    artifact, seen = row.artifact, row.observation
    try:
        source_entry = source_entry_of(artifact.source, row.source, root=root)
    except ValueError:
        raise InputError(f"the source of {row.id} is not below the project root {root}") from None
    stored, failure = seen.object, seen.failure
    return ArtifactEntry(
        id=str(row.id),
        action=row.action,
        reason=row.reason,
        destination=artifact.destination,
        kind=artifact.kind,
        line=artifact.line,
        identity=NAMES[artifact.kind](**artifact.identity.fields()),
        compression=artifact.compression,
        options=dict(artifact.options),
        source=source_entry,
        upload_bytes=row.upload_bytes,
        observed=ObservedEntry(
            state=seen.state,
            certainty=seen.certainty,
            detail=seen.detail,
            object=None if stored is None else ObjectEntry(**asdict(stored)),
            failure=None if failure is None else FailureEntry(**asdict(failure)),
            notes=list(seen.notes),
        ),
    )


def row_of(entry: ArtifactEntry, *, root: Path) -> PlanRow:
    """Return the row that `entry` was made from, with its source below `root`. The origins of values are not kept."""
    seen = entry.observed
    artifact = Artifact(
        destination=entry.destination,
        kind=entry.kind,
        identity=entry.identity.identity(),
        source=entry.source.source(root),
        compression=entry.compression,
        line=entry.line,
        options=tuple(entry.options.items()),
    )
    observation = Observation(
        state=seen.state,
        certainty=seen.certainty,
        detail=seen.detail,
        object=ObjectFacts(**seen.object.model_dump()) if seen.object else None,
        failure=Failure(**seen.failure.model_dump()) if seen.failure else None,
        notes=tuple(seen.notes),
    )
    return PlanRow(artifact, entry.source.facts(), entry.action, entry.reason, observation)
