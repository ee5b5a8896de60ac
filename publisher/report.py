"""The result report: a versioned JSON document (format `publisher/report`) and the object the Python API returns.

Fields are append-only within a major format version. No field can hold an encryption key, a token or a credential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from publisher.atomic_file import write_atomically
from publisher.errors import PublisherError
from publisher.exit_codes import combine
from publisher.model import Outcome, Status
from publisher.plan import Action, Plan, PlanRow

FORMAT_VERSION = "1.0"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RunInfo(_Document):
    """Which run this was. Times are UTC; `git` and `ci` are provenance facts, empty where none were found."""

    id: str
    tool_version: str
    started_at: datetime
    finished_at: datetime
    git: dict[str, str]
    ci: dict[str, str]


class ManifestInfo(_Document):
    path: str
    sha256: Annotated[str | None, Field(description="SHA-256 of the manifest's bytes; null for a manifest of one.")]
    release: str | None


class Summary(_Document):
    total: int
    published: int = 0
    adopted: int = 0
    skipped: int = 0
    failed: int = 0
    blocked: int = 0
    cancelled: int = 0
    source_bytes: int
    uploaded_bytes: int
    seconds: float


class SourceInfo(_Document):
    path: str
    size_bytes: int | None = None
    sha256: str | None = None


class ObjectReport(_Document):
    """What is stored; what a kind of destination does not have is null.

    Of a fleet's object, size and digest are of the encrypted bytes, IV included.
    """

    key: str | None = None
    cdn_url: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    url: Annotated[str | None, Field(description="Where a file that is published as it is can be downloaded.")] = None
    version_id: Annotated[str | None, Field(description="What the server calls a worker version.")] = None


class ErrorInfo(_Document):
    code: str
    message: str
    hint: str | None
    retryable: bool


class ArtifactReport(_Document):
    """One artifact, in the manifest's order."""

    id: str
    destination: str
    kind: str
    line: Annotated[int, Field(description="Line in the manifest; 0 for a manifest of one.")]
    identity: dict[str, str]
    action: Action
    reason: Annotated[str, Field(description="A reason of the plan, or a finer word of how the publish ended.")]
    status: Status
    source: SourceInfo
    object: ObjectReport | None
    verification: Annotated[
        str | None, Field(description="head or full, for artifacts that were published or adopted.")
    ]
    attempts: int
    seconds: dict[str, float]
    notes: list[str]
    error: ErrorInfo | None


class DestinationReport(_Document):
    """A destination that artifacts of this run go to, and what it said when it tidied up."""

    name: str
    kind: str
    location: Annotated[str, Field(description="Where artifacts go, without credentials.")]
    notes: Annotated[list[str], Field(description="Sentences about what was tidied up, or could not be.")]


class Report(_Document):
    """What happened to every artifact of one run."""

    model_config = ConfigDict(title="publisher report")

    format: Literal["publisher/report"] = "publisher/report"
    format_version: Annotated[str, Field(pattern=r"^1\.\d+$")] = FORMAT_VERSION
    exit_code: int
    run: RunInfo
    manifest: ManifestInfo
    summary: Summary
    artifacts: list[ArtifactReport]
    destinations: Annotated[
        list[DestinationReport],
        Field(
            default_factory=list,
            description="In the manifest's order; empty if the run ended before any was connected.",
        ),
    ]
    error: Annotated[
        ErrorInfo | None,
        Field(description="What stopped the run before any artifact was looked at, such as an invalid manifest."),
    ] = None

    def artifact(self, artifact_id: str) -> ArtifactReport:
        """Return the entry with this id. Raises KeyError."""
        for entry in self.artifacts:
            if entry.id == artifact_id:
                return entry
        raise KeyError(artifact_id)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    def write(self, path: Path) -> None:
        """Write atomically. Raises `LocalResourceError`."""
        write_atomically(path, self.to_json())


def build_report(
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    *,
    run: RunInfo,
    seconds: float,
    signal: int | None = None,
    destinations: Sequence[DestinationReport] = (),
) -> Report:
    """Join the plan and what became of each row. `outcomes` is keyed by the artifact's id and has every row."""
    entries = [_entry(row, outcomes[str(row.id)]) for row in plan.rows]
    counts = {status.value: sum(entry.status is status for entry in entries) for status in Status}
    codes = [failure.exit_code for outcome in outcomes.values() if (failure := outcome.failure)]
    return Report(
        exit_code=combine(codes, signal=signal),
        run=run,
        manifest=ManifestInfo(path=_unicode(plan.manifest_path), sha256=plan.manifest_sha256, release=plan.release),
        summary=Summary(
            total=len(entries),
            source_bytes=sum(row.source.size_bytes for row in plan.rows if row.source),
            uploaded_bytes=sum(outcome.uploaded_bytes for outcome in outcomes.values()),
            seconds=round(seconds, 3),
            **counts,
        ),
        artifacts=entries,
        destinations=list(destinations),
    )


def failed_report(
    error: PublisherError,
    *,
    manifest_path: str,
    run: RunInfo,
    seconds: float,
    signal: int | None = None,
    destinations: Sequence[DestinationReport] = (),
) -> Report:
    """Return the report of a run that ended before there was a plan, so that no older one is taken for this run's."""
    return Report(
        exit_code=combine([error.exit_code], signal=signal),
        run=run,
        manifest=ManifestInfo(path=_unicode(manifest_path), sha256=None, release=None),
        summary=Summary(total=0, source_bytes=0, uploaded_bytes=0, seconds=round(seconds, 3)),
        artifacts=[],
        destinations=list(destinations),
        error=ErrorInfo(code=error.code, message=_unicode(error.message), hint=error.hint, retryable=error.retryable),
    )


def _entry(row: PlanRow, outcome: Outcome) -> ArtifactReport:
    artifact, source, failure = row.artifact, row.source, outcome.failure
    return ArtifactReport(
        id=str(row.id),
        destination=artifact.destination,
        kind=artifact.kind,
        line=artifact.line,
        identity=artifact.identity.fields(),
        action=row.action,
        reason=outcome.reason,
        status=outcome.status,
        source=SourceInfo(
            path=_unicode(artifact.source.shown),
            size_bytes=source.size_bytes if source else None,
            sha256=source.fingerprint.hex if source and source.fingerprint else outcome.source_sha256,
        ),
        object=ObjectReport(**asdict(outcome.object)) if outcome.object else None,
        verification=outcome.verification,
        attempts=outcome.attempts,
        seconds={name: round(value, 3) for name, value in outcome.seconds.items()},
        notes=list(outcome.notes),
        error=ErrorInfo(
            code=failure.code, message=_unicode(failure.message), hint=failure.hint, retryable=failure.retryable
        )
        if failure
        else None,
    )


def _unicode(text: str) -> str:
    """Return text that UTF-8 can hold: a file name's undecodable bytes become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
