"""One release in all its states: the plan, events, outcomes and report that views are shown with. No clock, no host."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher.events import (
    ArtifactFinished,
    ArtifactStarted,
    Concluded,
    Event,
    Observing,
    Progress,
    ReadingSource,
    Retrying,
    RunFinished,
    RunStarted,
    Step,
    StepStarted,
    StopRequested,
    Warned,
)
from publisher.model import (
    Artifact,
    ArtifactId,
    Certainty,
    DestinationSpec,
    Digest,
    Failure,
    FileSource,
    FleetIdentity,
    ObjectFacts,
    Observation,
    Outcome,
    SourceFacts,
    State,
    Status,
)
from publisher.plan import DECISIONS, OFFLINE, Action, Plan, PlanRow
from publisher.planfile import SavedPlan
from publisher.reasons import Reason
from publisher.report import DestinationReport, Report, RunInfo, build_report
from tests.support.kinds import fleet_of

ROOT = Path("/checkout")
STARTED = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)

HOSTILE = "[red]x[/red] [link=http://evil]\x1b[2J\x9b31m\u202eevil\u2066 | `a` <b> @team\r\nnext\x00"
"""What a manifest, a file name or a destination may say to hurt a terminal, a table, a comment or an XML file."""


def sha(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def artifact(name: str = "detector-small", *, architecture: str = "arm64", line: int = 14) -> Artifact:
    shown = f"build/{name}-{architecture}.trt"
    return Artifact(
        destination="fleet",
        kind="fleet",
        identity=FleetIdentity(name, "dev", architecture, "2026-04-15"),
        source=FileSource(ROOT / "manifests" / shown, ROOT, shown),
        line=line,
    )


def stored(item: Artifact, *, size_bytes: int = 900_016) -> ObjectFacts:
    key = fleet_of(item).object_key
    return ObjectFacts(key, f"https://cdn.example.com/{key}", size_bytes, sha(key).hex)


def row(item: Artifact, state: State, detail: str, *, size_bytes: int, failure: Failure | None = None) -> PlanRow:
    action, reason = DECISIONS[state]
    certainty = Certainty.UNKNOWN if state is State.UNKNOWN else Certainty.VERIFIED
    facts = stored(item) if state in {State.PUBLISHED, State.CONFLICT, State.UNFINISHED} else None
    observation = Observation(state, certainty, detail, object=facts, failure=failure)
    return PlanRow(item, SourceFacts(size_bytes, sha(str(item.id))), action, reason, observation)


LOOKUP_FAILED = Failure(
    "no_answer", "cannot tell what is registered: no answer within 60 s", "run the same command again", True, 1
)
UNREAD = Failure("source_missing", "build/scorer-amd64.trt: no such file", "build it first", False, 3)


def plan() -> Plan:
    rows = (
        row(artifact(), State.MISSING, "", size_bytes=1_234_567),
        row(artifact("detector-large", line=14), State.MISSING, "", size_bytes=3_221_225_472),
        row(artifact("detector-large", architecture="amd64", line=14), State.UNFINISHED, "", size_bytes=2_147_483_648),
        row(artifact("loader", line=22), State.PUBLISHED, "", size_bytes=48),
        row(
            artifact("tokenizer", line=26),
            State.CONFLICT,
            "this version is already published with other content: its source had sha256 5c1e..., this one 09af...",
            size_bytes=1_048_576,
        ),
        row(artifact("ranker", line=31), State.UNKNOWN, "", size_bytes=10_240, failure=LOOKUP_FAILED),
        PlanRow(
            artifact("scorer", architecture="amd64", line=35),
            None,
            Action.BLOCKED,
            Reason.SOURCE_MISSING,
            Observation(State.UNKNOWN, Certainty.UNKNOWN, UNREAD.message, failure=UNREAD),
        ),
    )
    return Plan("manifests/release.yaml", sha("manifest").hex, "2026-04-15", rows)


def offline_plan() -> Plan:
    rows = (PlanRow(artifact(), SourceFacts(1_234_567, sha("a")), Action.CREATE, Reason.NOT_REGISTERED, OFFLINE),)
    return Plan("manifests/my release.yaml", sha("manifest").hex, None, rows)


def saved_plan() -> SavedPlan:
    return SavedPlan(
        plan=plan(),
        root=ROOT,
        destinations=(DestinationSpec("fleet", "fleet", "EU_", 5),),
        tool_version="0.1.0",
        git={"branch": "main", "message": "Größere Modelle"},
        ci={"system": "woodpecker"},
    )


def outcomes() -> dict[str, Outcome]:
    small, large, unfinished, loader, tokenizer, ranker, scorer = plan().rows
    return {
        str(small.id): Outcome(
            Status.PUBLISHED,
            "not_registered",
            verification="head",
            object=stored(small.artifact),
            attempts=2,
            uploaded_bytes=900_016,
            seconds={"prepare": 0.1, "upload": 0.6, "register": 0.05, "total": 0.8},
        ),
        str(large.id): Outcome(
            Status.FAILED,
            "no_answer",
            failure=Failure("no_answer", "the store did not answer within 60 s", "run it again", True, 1),
            attempts=5,
            seconds={"prepare": 12.0, "upload": 300.25, "total": 312.25},
        ),
        str(unfinished.id): Outcome(
            Status.ADOPTED,
            "unfinished_upload",
            verification="full",
            object=stored(unfinished.artifact),
            attempts=1,
            seconds={"total": 4.2},
            notes=("registered what an earlier run had uploaded",),
        ),
        str(loader.id): Outcome(Status.SKIPPED, "already_registered", object=stored(loader.artifact)),
        str(tokenizer.id): Outcome(
            Status.BLOCKED,
            "content_conflict",
            object=stored(tokenizer.artifact),
            failure=Failure(
                "content_conflict", tokenizer.observation.detail, "give the new content a new version", False, 5
            ),
        ),
        str(ranker.id): Outcome(Status.BLOCKED, "lookup_failed", failure=LOOKUP_FAILED),
        str(scorer.id): Outcome(
            Status.CANCELLED,
            "not_attempted",
            failure=Failure("not_attempted", "not attempted: a stop was requested", "run it again", True, 1),
        ),
    }


def run_info() -> RunInfo:
    return RunInfo(
        id="0123456789abcdef",
        tool_version="0.1.0",
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=320),
        git={"sha": "a" * 40, "branch": "main"},
        ci={},
    )


def report() -> Report:
    told = DestinationReport(
        name="fleet",
        kind="fleet",
        location="s3.example.com/artifacts and admin.example.com",
        notes=["aborted an upload that no run can finish"],
    )
    return build_report(plan(), outcomes(), run=run_info(), seconds=320.0, destinations=[told])


def clean_report() -> Report:
    small = plan().rows[0]
    only = Plan("manifests/release.yaml", sha("manifest").hex, None, (small,))
    return build_report(only, {str(small.id): outcomes()[str(small.id)]}, run=run_info(), seconds=0.9)


def events() -> Iterator[tuple[float, Event]]:
    """Yield the events of a run with the second at which each happens."""
    ids = [row.id for row in plan().rows]
    small, large = ids[0], ids[1]
    ended = outcomes()
    yield 0.0, RunStarted("0123456789abcdef", "apply", len(ids))
    for done, name in enumerate(ids):
        yield 0.1, ReadingSource(name, done, len(ids))
    yield 0.2, Observing("fleet", len(ids) - 1)
    for name in ids[3:]:
        yield 0.4, ArtifactFinished(name, ended[str(name)])
    yield 0.5, ArtifactStarted(small, 1_234_567)
    yield 0.5, StepStarted(small, Step.PREPARE, 1_234_567)
    yield 0.5, ArtifactStarted(large, 3_221_225_472)
    yield 0.6, StepStarted(large, Step.PREPARE, 3_221_225_472)
    yield 0.6, StepStarted(small, Step.UPLOAD, 900_016)
    yield 0.7, Progress(small, Step.UPLOAD, 450_008, 900_016)
    yield 0.8, Retrying(small, 2, 0.25, "connection reset")
    yield 1.1, StepStarted(small, Step.VERIFY)
    yield 1.2, StepStarted(small, Step.REGISTER)
    yield 1.3, ArtifactFinished(small, ended[str(small)])
    yield 1.4, Warned("the registry's address of this object differs from ours", ids[3])
    yield 12.6, StepStarted(large, Step.UPLOAD, 3_000_000_000)
    for second in range(13, 100):
        yield float(second), Progress(large, Step.UPLOAD, 30_000_000 * (second - 12), 3_000_000_000)
    yield 100.0, StopRequested("SIGTERM")
    yield 312.8, ArtifactFinished(large, ended[str(large)])
    yield 313.0, ArtifactFinished(ids[2], ended[str(ids[2])])
    yield 319.0, Concluded("fleet", "aborted an upload that no run can finish")
    yield 320.0, RunFinished(5, 320.0)


def hostile_id() -> ArtifactId:
    return ArtifactId("fleet", HOSTILE)


class Clock:
    """A monotonic clock that stands where it is put; seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
