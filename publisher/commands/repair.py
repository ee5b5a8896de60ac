"""`publish repair`: finish, restore or give up what crashes and strangers left, one artifact after the other.

An explicit act of a person, never a part of `apply`. Each artifact is looked at afresh and on its own, so that what
was found out about one is not old by the time it is changed; a report for every end of the run, as for `apply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.commands.plan import LoadManifest, make_plan, selected, used_destinations
from publisher.commands.running import OnError, Run, ignore_error
from publisher.destinations.port import Consent, Destination, Host, RunFacts
from publisher.errors import InputError
from publisher.execute import carry_out
from publisher.model import Outcome, ReadyArtifact, UnreadySource
from publisher.plan import Plan, PlanRow
from publisher.report import Report
from publisher.selection import Selection
from publisher.world import World

if TYPE_CHECKING:
    from publisher.manifest import Manifest


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


def repair(load: LoadManifest, world: World, options: RepairOptions, *, on_error: OnError = ignore_error) -> Report:
    """Repair each artifact of the manifest that needs it. The report's action is what `apply` would have done."""
    run = Run(world, "repair", manifest_path=options.manifest_path, root=options.root)

    def story() -> Report:
        manifest = _selected(load, world, options)
        run.start(len(manifest.artifacts))
        specs = used_destinations(manifest)
        with world.connect(specs) as destinations, run.concluding(specs, destinations) as ending:
            plan = ending.plan = make_plan(manifest, world, destinations)
            ending.outcomes = _repaired(plan, destinations, world, options)
        return run.finish(plan, ending.outcomes)

    return run.reported(story, on_error)


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
) -> Mapping[str, Outcome]:
    """Return an outcome for every row, one after the other."""

    def repair_one(row: PlanRow, host: Host) -> Outcome:
        return destinations[row.artifact.destination].repair(_item(row), options.consent(str(row.id)), host)

    host = world.host(RunFacts(plan.manifest_sha256, world.provenance(options.root)))
    return carry_out(plan.rows, repair_one, host, jobs=1)


def _item(row: PlanRow) -> ReadyArtifact | UnreadySource:
    if row.source is not None:
        return ReadyArtifact(row.artifact, row.source)
    if row.observation.failure is None:
        raise RuntimeError("a source that was not read has a reason")
    return UnreadySource(row.artifact, row.observation.failure)
