"""`publish plan`: what would be done. Reads local files and the destinations, writes nothing anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from publisher.destinations.port import Cautious, LateReader, Observer
from publisher.events import RunStarted, Warned
from publisher.execute import blocked_failure
from publisher.exit_codes import ExitCode, combine
from publisher.model import DestinationSpec, Observation, ReadyArtifact, State
from publisher.observe import observe
from publisher.plan import Plan, build_plan
from publisher.selection import Selection
from publisher.sources.reading import read_sources
from publisher.world import World

if TYPE_CHECKING:
    from publisher.manifest import Manifest

LoadManifest = Callable[[], "Manifest"]
"""Parse a manifest, or make one of flags. Raises `InputError`."""

JOBS = 4
"""How many artifacts are in flight at once, unless told otherwise: each is read, hashed, sealed or sent."""


def plan(
    load: LoadManifest, world: World, *, selection: Selection, offline: bool, jobs: int = JOBS
) -> tuple[Plan, Manifest]:
    """Return the plan and the manifest it was made from. Offline asks no destination and needs no setting."""
    manifest = selected(load(), selection, world)
    world.emit(RunStarted(world.new_run_id(), "plan", len(manifest.artifacts)))
    if offline:
        return make_plan(manifest, world, None, jobs=jobs), manifest
    with world.connect(used_destinations(manifest)) as destinations:
        return make_plan(manifest, world, destinations, jobs=jobs), manifest


def selected(manifest: Manifest, selection: Selection, world: World) -> Manifest:
    """Return the manifest with the selected artifacts only, and tell its warnings."""
    for warning in manifest.warnings:
        world.emit(Warned(f"{manifest.path}:{warning.line}: {warning.message}"))
    return replace(manifest, artifacts=selection.select(manifest.artifacts))


def used_destinations(manifest: Manifest) -> list[DestinationSpec]:
    """Return the destinations that artifacts name, in the manifest's order: an unused one needs no settings."""
    used = {artifact.destination for artifact in manifest.artifacts}
    return [spec for name, spec in manifest.destinations.items() if name in used]


def make_plan(
    manifest: Manifest,
    world: World,
    observers: Mapping[str, Observer] | None,
    *,
    jobs: int = JOBS,
    is_for_now: bool = False,
) -> Plan:
    """Read the sources, `jobs` at a time, ask the destinations (unless there are none to ask), decide.

    A plan `is_for_now` if it is carried out at once, and shown to nobody before: then a large file whose destination
    has nothing of it is not read to be compared, but once, while it is published.
    """

    read = partial(read_sources, jobs=jobs, cancellation=world.cancellation, emit=world.emit, memory=world.memory)
    ask = partial(observe, cancellation=world.cancellation, emit=world.emit)
    ready, unready = read(manifest.artifacts, late=_late_readers(observers or {}) if is_for_now else ())
    for name, observer in (observers or {}).items():
        for caveat in observer.caveats() if isinstance(observer, Cautious) else ():
            world.emit(Warned(f"{name}: {caveat}"))
    observations = None
    if observers is not None:
        observations = dict(ask(ready, observers))
        to_compare = [item.artifact for item in ready if _must_be_read(item, observations[item.artifact.id])]
        if to_compare:
            read_now, unreadable = read(to_compare)
            observations |= ask(read_now, observers)
            compared = {artifact.id for artifact in to_compare}
            ready = [item for item in ready if item.artifact.id not in compared] + read_now
            unready += unreadable
    world.cancellation.check()
    return build_plan(
        manifest_path=str(manifest.path),
        manifest_sha256=manifest.sha256,
        release=manifest.release,
        artifacts=manifest.artifacts,
        ready=ready,
        unready=unready,
        observations=observations,
    )


def _late_readers(observers: Mapping[str, Observer]) -> list[str]:
    return [name for name, observer in observers.items() if isinstance(observer, LateReader) and observer.reads_late]


def _must_be_read(item: ReadyArtifact, seen: Observation) -> bool:
    """Say whether something is there that a file which was not read yet has to be compared with."""
    return item.source.fingerprint is None and seen.state not in (State.MISSING, State.UNKNOWN)


def plan_exit_code(plan: Plan, *, detailed: bool) -> int:
    """Return 0 for a plan that can be applied; with `detailed`, 2 if it has anything to do."""
    code = combine(failure.exit_code for row in plan.rows if (failure := blocked_failure(row)))
    return int(ExitCode.CHANGES) if detailed and code == 0 and plan.has_work else code
