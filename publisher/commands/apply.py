"""`publish apply`: plan, then publish what is missing; a report for every end of the run, a stop included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.commands.plan import LoadManifest, make_plan, selected, used_destinations
from publisher.destinations.port import Destination, RunFacts
from publisher.errors import Cancelled, PublisherError, StalePlanError
from publisher.events import RunFinished, RunStarted
from publisher.execute import execute, not_attempted, settled
from publisher.exit_codes import ExitCode
from publisher.model import Outcome, Status, UnreadySource, failure_from
from publisher.plan import Plan, build_plan
from publisher.reasons import Reason
from publisher.report import Report, RunInfo, build_report, failed_report
from publisher.selection import Selection
from publisher.sources.reading import read_sources
from publisher.version import __version__
from publisher.world import World

if TYPE_CHECKING:
    from publisher.manifest import Manifest
    from publisher.planfile import SavedPlan


def _ignore(_error: PublisherError) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """`root` is where git and CI facts are collected; `jobs` is how many artifacts are in flight at once."""

    manifest_path: str
    root: Path
    selection: Selection = field(default_factory=Selection)
    jobs: int = 4
    fail_fast: bool = False


def apply(
    load: LoadManifest, world: World, options: ApplyOptions, *, on_error: Callable[[PublisherError], None] = _ignore
) -> Report:
    """Publish what the manifest wants and the destinations do not have.

    What stops the run before any artifact is looked at is a report, too; `on_error` is shown it in full first.
    """
    run = _Run(world, options)
    try:
        return _apply(load, world, options, run)
    except PublisherError as error:
        on_error(error)
        return run.fail(error)


def apply_or_raise(load: LoadManifest, world: World, options: ApplyOptions) -> Report:
    """Do the same, but raise what stops the run before any artifact is looked at."""
    return _apply(load, world, options, _Run(world, options))


def apply_saved(
    load: Callable[[], SavedPlan],
    world: World,
    options: ApplyOptions,
    *,
    on_error: Callable[[PublisherError], None] = _ignore,
) -> Report:
    """Carry out a saved plan. An artifact whose source is not the planned one is refused; the others go on."""
    run = _Run(world, options)
    try:
        saved = load()
        plan, specs = saved.plan, saved.destinations
        run.start(len(plan.rows))
        with world.connect(specs) as destinations:
            stale = _stale_rows(plan, world)
            fresh = replace(plan, rows=tuple(row for row in plan.rows if str(row.id) not in stale))
            return run.finish(plan, {**stale, **_carry_out(fresh, destinations, world, options)})
    except PublisherError as error:
        on_error(error)
        return run.fail(error)


def _apply(load: LoadManifest, world: World, options: ApplyOptions, run: _Run) -> Report:
    manifest = selected(load(), options.selection, world)
    run.start(len(manifest.artifacts))
    with world.connect(used_destinations(manifest)) as destinations:
        try:
            plan = make_plan(manifest, world, destinations)
        except Cancelled as stopped:
            return run.finish(*_stopped(manifest, stopped))
        return run.finish(plan, _carry_out(plan, destinations, world, options))


def _carry_out(
    plan: Plan, destinations: Mapping[str, Destination], world: World, options: ApplyOptions
) -> dict[str, Outcome]:
    if any(row.reason is Reason.SOURCE_MISSING for row in plan.rows):
        why = not_attempted("a source of this manifest is missing", ExitCode.INPUT)
        return {str(row.id): why if row.needs_work else settled(row) for row in plan.rows}
    facts = RunFacts(plan.manifest_sha256, world.provenance(options.root))
    return execute(plan, destinations, world.host(facts), jobs=options.jobs, fail_fast=options.fail_fast)


def _stopped(manifest: Manifest, stopped: Cancelled) -> tuple[Plan, dict[str, Outcome]]:
    """Return the plan and outcomes of a run that was stopped before it knew anything."""
    failure = failure_from(stopped)
    plan = build_plan(
        manifest_path=str(manifest.path),
        manifest_sha256=manifest.sha256,
        release=manifest.release,
        artifacts=manifest.artifacts,
        ready=(),
        unready=[UnreadySource(artifact, failure) for artifact in manifest.artifacts],
        observations=None,
    )
    outcome = Outcome(Status.CANCELLED, stopped.code, failure=failure)
    return plan, {str(row.id): outcome for row in plan.rows}


def _stale_rows(plan: Plan, world: World) -> dict[str, Outcome]:
    working = [row for row in plan.rows if row.needs_work]
    ready, unready = read_sources([row.artifact for row in working], cancellation=world.cancellation, emit=world.emit)
    found = {item.artifact.id: item.source for item in ready}
    missing = {item.artifact.id: item.failure for item in unready}
    stale = {}
    for row in working:
        if row.id in missing:
            why = missing[row.id].message
        elif found[row.id] != row.source:
            why = f"{row.artifact.source.shown} is not the file that was planned"
        else:
            continue
        error = StalePlanError(f"the plan is stale: {why}", hint="make a new plan and review it")
        stale[str(row.id)] = Outcome(Status.BLOCKED, error.code, failure=failure_from(error))
    return stale


class _Run:
    """One run from its start to its report."""

    def __init__(self, world: World, options: ApplyOptions) -> None:
        self._world = world
        self._options = options
        self._id = world.new_run_id()
        self._started_at = world.now()
        self._started = world.monotonic()

    def start(self, total: int) -> None:
        self._world.emit(RunStarted(self._id, "apply", total))

    def finish(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Report:
        seconds = self._world.monotonic() - self._started
        report = build_report(plan, outcomes, run=self._info(), seconds=seconds, signal=self._world.cancellation.signal)
        self._world.emit(RunFinished(report.exit_code, seconds))
        return report

    def fail(self, error: PublisherError) -> Report:
        seconds = self._world.monotonic() - self._started
        report = failed_report(error, manifest_path=self._options.manifest_path, run=self._info(), seconds=seconds)
        self._world.emit(RunFinished(report.exit_code, seconds))
        return report

    def _info(self) -> RunInfo:
        facts = self._world.provenance(self._options.root)
        return RunInfo(
            id=self._id,
            tool_version=__version__,
            started_at=self._started_at,
            finished_at=self._world.now(),
            git=dict(facts.git),
            ci=dict(facts.ci),
        )
