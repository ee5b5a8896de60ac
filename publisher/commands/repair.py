"""`publish repair`: finish, restore or give up what crashes and strangers left, one artifact after the other.

An explicit act of a person, never a part of `apply`. Each artifact is looked at afresh and on its own, so that what
was found out about one is not old by the time it is changed; a report for every end of the run, as for `apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.commands.concluding import Ending, concluding
from publisher.commands.plan import LoadManifest, make_plan, selected, used_destinations
from publisher.destinations.port import Consent, Destination, RunFacts
from publisher.errors import CredentialsError, InputError, PublisherError
from publisher.events import ArtifactFinished, ArtifactStarted, RunFinished, RunStarted
from publisher.execute import not_attempted
from publisher.exit_codes import ExitCode
from publisher.model import Failure, Outcome, ReadyArtifact, Status, UnreadySource
from publisher.plan import Plan, PlanRow
from publisher.report import Report, RunInfo, build_report, failed_report
from publisher.selection import Selection
from publisher.version import __version__
from publisher.world import World

if TYPE_CHECKING:
    from publisher.manifest import Manifest


def _ignore(_error: PublisherError) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """`take_over` is the id of the one orphan that may be given up; `exclusive` says that nobody else publishes."""

    manifest_path: str
    root: Path
    selection: Selection = field(default_factory=Selection)
    take_over: str | None = None
    exclusive: bool = False

    def consent(self, artifact_id: str) -> Consent:
        return Consent(take_over=artifact_id == self.take_over, exclusive=self.exclusive)


def repair(
    load: LoadManifest, world: World, options: RepairOptions, *, on_error: Callable[[PublisherError], None] = _ignore
) -> Report:
    """Repair each artifact of the manifest that needs it. The report's action is what `apply` would have done."""
    started_at, started = world.now(), world.monotonic()
    run_id = world.new_run_id()
    ending = Ending()

    def info() -> RunInfo:
        facts = world.provenance(options.root)
        return RunInfo(
            id=run_id,
            tool_version=__version__,
            started_at=started_at,
            finished_at=world.now(),
            git=dict(facts.git),
            ci=dict(facts.ci),
        )

    try:
        manifest = _selected(load, world, options)
        world.emit(RunStarted(run_id, "repair", len(manifest.artifacts)))
        specs = used_destinations(manifest)
        with world.connect(specs) as destinations, concluding(specs, destinations, ending, world.host()):
            plan = ending.plan = make_plan(manifest, world, destinations)
            ending.outcomes = outcomes = dict(_repaired(plan, destinations, world, options))
        seconds = world.monotonic() - started
        report = build_report(
            plan,
            outcomes,
            run=info(),
            seconds=seconds,
            signal=world.cancellation.signal,
            destinations=ending.destinations,
        )
    except PublisherError as error:
        on_error(error)
        seconds = world.monotonic() - started
        report = failed_report(
            error, manifest_path=options.manifest_path, run=info(), seconds=seconds, destinations=ending.destinations
        )
    world.emit(RunFinished(report.exit_code, seconds))
    return report


def _selected(load: LoadManifest, world: World, options: RepairOptions) -> Manifest:
    manifest = selected(load(), options.selection, world)
    ids = [str(artifact.id) for artifact in manifest.artifacts]
    if options.take_over is not None and options.take_over not in ids:
        raise InputError(
            f"--take-over {options.take_over} is no artifact that was selected",
            hint="name one artifact by its whole id, as `publish verify` shows it; patterns are not taken",
        )
    return manifest


def _repaired(
    plan: Plan, destinations: Mapping[str, Destination], world: World, options: RepairOptions
) -> Iterator[tuple[str, Outcome]]:
    """Yield an outcome for every row. After a refusal of the credentials that destination is left alone."""
    host = world.host(RunFacts(plan.manifest_sha256, world.provenance(options.root)))
    refused: set[str] = set()
    for row in plan.rows:
        name = row.artifact.destination
        if world.cancellation.requested:
            outcome = not_attempted("a stop was requested", ExitCode.FAILED)
        elif name in refused:
            outcome = not_attempted(f"{name} refused the credentials", ExitCode.CREDENTIALS)
        else:
            world.emit(ArtifactStarted(row.id, row.source.size_bytes if row.source else 0))
            try:
                outcome = destinations[name].repair(_item(row), options.consent(str(row.id)), host)
            except Exception as error:  # the report must be written, whatever one artifact does
                outcome = Outcome(Status.FAILED, "internal_error", failure=_internal(error))
        if outcome.failure is not None and outcome.failure.code == CredentialsError.code:
            refused.add(name)
        world.emit(ArtifactFinished(row.id, outcome))
        yield str(row.id), outcome


def _item(row: PlanRow) -> ReadyArtifact | UnreadySource:
    if row.source is not None:
        return ReadyArtifact(row.artifact, row.source)
    if row.observation.failure is None:
        raise RuntimeError("a source that was not read has a reason")
    return UnreadySource(row.artifact, row.observation.failure)


def _internal(error: Exception) -> Failure:
    """Name the kind of error, but not its text: that may hold anything."""
    message = f"internal error: {type(error).__name__}"
    return Failure("internal_error", message, "this is a fault of the publisher", True, int(ExitCode.FAILED))
