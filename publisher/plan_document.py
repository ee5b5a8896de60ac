"""The shape of the saved plan (format `publisher/plan`): strict models and the way from and to the plan's rows.

Names and paths are validated here whoever wrote them, so that an edited file cannot name another place. Reads no file.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from publisher.errors import InputError
from publisher.model import (
    NAME_PATTERN,
    VERSION_PATTERN,
    Artifact,
    ArtifactId,
    Certainty,
    Compression,
    Digest,
    Failure,
    FileSource,
    FleetIdentity,
    ObjectFacts,
    Observation,
    SourceFacts,
    State,
)
from publisher.plan import Action, Plan, PlanRow
from publisher.reasons import Reason

FORMAT_VERSION = "1.0"


def _below_root(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path or str(pure) != path or path == ".":
        raise ValueError("must be a path below the project root, without `..`")
    return path


_Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
_Version = Annotated[str, Field(pattern=f"^{VERSION_PATTERN}$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Size = Annotated[int, Field(ge=0)]
_Line = Annotated[int, Field(ge=0, description="Line in the manifest; 0 where there is none.")]
_Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
_RootPath = Annotated[str, AfterValidator(_below_root), Field(description="POSIX path relative to the project root.")]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class ManifestPin(_Document):
    """The manifest the plan was made from; `sha256` is of its bytes, null for a manifest of one."""

    path: str
    sha256: _Sha256 | None
    release: str | None


class DestinationEntry(_Document):
    """A destination of the manifest; its settings are read from the environment, under `env_prefix`."""

    name: _Name
    kind: _Word
    env_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,64}$")]
    line: _Line


class IdentityEntry(_Document):
    """The names of a fleet artifact, by the manifest's character rule."""

    resource_name: _Name
    dev_stage: _Name
    architecture: _Name
    version: _Version


class SourceEntry(_Document):
    """`shown` is the path as a person wrote it; size and digest are null where the source could not be read."""

    path: _RootPath
    shown: str
    size_bytes: _Size | None
    sha256: _Sha256 | None


class ObjectEntry(_Document):
    key: str
    cdn_url: str
    size_bytes: _Size | None
    sha256: str | None


class FailureEntry(_Document):
    code: str
    message: str
    hint: str | None
    retryable: bool
    exit_code: int


class ObservedEntry(_Document):
    state: State
    certainty: Certainty
    detail: str
    object: ObjectEntry | None
    failure: FailureEntry | None


class ArtifactEntry(_Document):
    """One row, in the manifest's order. `upload_bytes` is an estimate: the source's size before compression."""

    id: str
    action: Action
    reason: Reason
    destination: _Name
    kind: _Word
    line: _Line
    identity: IdentityEntry
    compression: Compression
    source: SourceEntry
    upload_bytes: _Size
    observed: ObservedEntry


class PlanSummary(_Document):
    """How many rows have each action, and how much is to be read and sent."""

    total: int
    create: int
    finish: int
    skip: int
    blocked: int
    source_bytes: int
    upload_bytes: int


class PlanDocument(_Document):
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
            identity = FleetIdentity(**entry.identity.model_dump())
            if entry.id != str(ArtifactId(entry.destination, identity.path)) or entry.id in seen:
                raise ValueError(f"{place}: its id is not that of its names, or stands twice")
            if (entry.source.size_bytes is None) != (entry.source.sha256 is None):
                raise ValueError(f"{place}: size and sha256 of a source are given together")
            if entry.source.sha256 is None and entry.action is not Action.BLOCKED:
                raise ValueError(f"{place}: an artifact whose source was not read can only be blocked")
            seen.add(entry.id)
        return self


def summarize(plan: Plan) -> PlanSummary:
    """Count the rows of a plan by action."""
    counts = {action.value: sum(row.action is action for row in plan.rows) for action in Action}
    return PlanSummary(
        total=len(plan.rows),
        source_bytes=sum(row.source.size_bytes for row in plan.rows if row.source),
        upload_bytes=sum(row.upload_bytes for row in plan.rows),
        **counts,
    )


def entry_of(row: PlanRow, *, root: Path) -> ArtifactEntry:
    """Return a row as data. Raises `InputError` if its source is not below `root`."""
    artifact, source, seen = row.artifact, row.source, row.observation
    try:
        relative = artifact.source.path.relative_to(root).as_posix()
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
        identity=IdentityEntry(**artifact.identity.fields()),
        compression=artifact.compression,
        source=SourceEntry(
            path=relative,
            shown=artifact.source.shown,
            size_bytes=source.size_bytes if source else None,
            sha256=source.sha256.hex if source else None,
        ),
        upload_bytes=row.upload_bytes,
        observed=ObservedEntry(
            state=seen.state,
            certainty=seen.certainty,
            detail=seen.detail,
            object=None
            if stored is None
            else ObjectEntry(
                key=stored.key, cdn_url=stored.cdn_url, size_bytes=stored.size_bytes, sha256=stored.sha256
            ),
            failure=None
            if failure is None
            else FailureEntry(
                code=failure.code,
                message=failure.message,
                hint=failure.hint,
                retryable=failure.retryable,
                exit_code=failure.exit_code,
            ),
        ),
    )


def row_of(entry: ArtifactEntry, *, root: Path) -> PlanRow:
    """Return the row that `entry` was made from, with its source below `root`. The origins of values are not kept."""
    source, seen = entry.source, entry.observed
    artifact = Artifact(
        destination=entry.destination,
        kind=entry.kind,
        identity=FleetIdentity(**entry.identity.model_dump()),
        source=FileSource(path=root / source.path, root=root, shown=source.shown),
        compression=entry.compression,
        line=entry.line,
    )
    facts = None
    if source.size_bytes is not None and source.sha256 is not None:
        facts = SourceFacts(source.size_bytes, Digest(source.sha256))
    observation = Observation(
        state=seen.state,
        certainty=seen.certainty,
        detail=seen.detail,
        object=ObjectFacts(**seen.object.model_dump()) if seen.object else None,
        failure=Failure(**seen.failure.model_dump()) if seen.failure else None,
    )
    return PlanRow(artifact, facts, entry.action, entry.reason, observation)
