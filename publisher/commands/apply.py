"""`publish apply`: plan, then publish what is missing; a report for every end of the run, a stop included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.commands.plan import JOBS, LoadManifest, make_plan, selected, used_destinations
from publisher.commands.running import OnError, Run, ignore_error
from publisher.destinations.port import Destination, RunFacts
from publisher.errors import Cancelled, StalePlanError
from publisher.execute import execute, not_attempted, settled
from publisher.exit_codes import ExitCode
from publisher.model import Outcome, Status, UnreadySource, failure_from
from publisher.observe import observe
from publisher.plan import Plan, PlanRow, build_plan
from publisher.reasons import Reason
from publisher.report import Report
from publisher.selection import Selection
from publisher.sources.reading import read_sources
from publisher.world import World

if TYPE_CHECKING:
    from publisher.manifest import Manifest
    from publisher.planfile import SavedPlan


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """`root` is where git and CI facts are collected; `jobs` is how many artifacts are in flight at once."""

    manifest_path: str
    root: Path
    selection: Selection = field(default_factory=Selection)
    jobs: int = JOBS
    fail_fast: bool = False


def apply(load: LoadManifest, world: World, options: ApplyOptions, *, on_error: OnError = ignore_error) -> Report:
    """Publish what the manifest wants and the destinations do not have.

    What stops the run before any artifact is looked at is a report, too; `on_error` is shown it in full first.
    """
    run = _run(world, options)
    return run.reported(lambda: _apply(load, world, options, run), on_error)


def apply_or_raise(load: LoadManifest, world: World, options: ApplyOptions) -> Report:
    """Do the same, but raise what stops the run before any artifact is looked at."""
    return _apply(load, world, options, _run(world, options))


def apply_saved(
    load: Callable[[], SavedPlan],
    world: World,
    options: ApplyOptions,
    *,
    on_error: OnError = ignore_error,
) -> Report:
    """Carry out a saved plan. An artifact whose source is not the planned one is refused; the others go on."""
    run = _run(world, options)
    return run.reported(lambda: _apply_saved(load(), world, options, run), on_error)


def _run(world: World, options: ApplyOptions) -> Run:
    return Run(world, "apply", manifest_path=options.manifest_path, root=options.root)


def _apply_saved(saved: SavedPlan, world: World, options: ApplyOptions, run: Run) -> Report:
    """Look again at every source and destination: a plan is premises, and those that moved make its rows stale."""
    chosen = {artifact.id for artifact in options.selection.select([row.artifact for row in saved.plan.rows])}
    plan = replace(saved.plan, rows=tuple(row for row in saved.plan.rows if row.id in chosen))
    used = {row.artifact.destination for row in plan.rows}
    run.start(len(plan.rows))
    specs = [spec for spec in saved.destinations if spec.name in used]
    with world.connect(specs) as destinations, run.concluding(specs, destinations) as ending:
        ending.plan = plan
        ending.outcomes = _carry_out_saved(plan, destinations, world, options)
    return run.finish(plan, ending.outcomes)


def _carry_out_saved(
    plan: Plan, destinations: Mapping[str, Destination], world: World, options: ApplyOptions
) -> dict[str, Outcome]:
    try:
        ready, unready = read_sources(
            [row.artifact for row in plan.rows],
            jobs=options.jobs,
            cancellation=world.cancellation,
            emit=world.emit,
            memory=world.memory,
        )
        observations = observe(ready, destinations, cancellation=world.cancellation, emit=world.emit)
        world.cancellation.check()
    except Cancelled as stopped:
        outcome = Outcome(Status.CANCELLED, stopped.code, failure=failure_from(stopped))
        return {str(row.id): outcome for row in plan.rows}
    now = build_plan(
        manifest_path=plan.manifest_path,
        manifest_sha256=plan.manifest_sha256,
        release=plan.release,
        artifacts=[row.artifact for row in plan.rows],
        ready=ready,
        unready=unready,
        observations=observations,
    )
    stale = {
        str(row.id): _stale(why)
        for row, fresh in zip(plan.rows, now.rows, strict=True)
        if (why := _moved(row, fresh)) is not None
    }
    fresh_plan = replace(now, rows=tuple(row for row in now.rows if str(row.id) not in stale))
    return {**stale, **_carry_out(fresh_plan, destinations, world, options)}


def _moved(planned: PlanRow, now: PlanRow) -> str | None:
    """Say why a planned row must not be carried out any more, or None.

    What another run published meanwhile is fine: it is skipped, or its other content is a conflict of now.
    """
    if planned.source is not None and now.source is None:
        return now.observation.detail
    if planned.source != now.source:
        return f"{planned.artifact.source.shown} is not the file that was planned"
    if now.needs_work and not planned.needs_work:
        return f"it was planned as {planned.reason}, and is {now.reason} now"
    return None


def _stale(why: str) -> Outcome:
    error = StalePlanError(f"the plan is stale: {why}", hint="make a new plan and review it")
    return Outcome(Status.BLOCKED, error.code, failure=failure_from(error))


def _apply(load: LoadManifest, world: World, options: ApplyOptions, run: Run) -> Report:
    manifest = selected(load(), options.selection, world)
    run.start(len(manifest.artifacts))
    specs = used_destinations(manifest)
    with world.connect(specs) as destinations, run.concluding(specs, destinations) as ending:
        try:
            plan = ending.plan = make_plan(manifest, world, destinations, jobs=options.jobs, is_for_now=True)
        except Cancelled as stopped:
            plan, ending.outcomes = _stopped(manifest, stopped)
        else:
            ending.outcomes = _carry_out(plan, destinations, world, options)
    return run.finish(plan, ending.outcomes)


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
