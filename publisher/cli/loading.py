"""From the command line's manifest and variables to a function that parses them, and to saved plans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.errors import InputError, StalePlanError
from publisher.regular_file import read_regular
from publisher.selection import Selection

if TYPE_CHECKING:
    from publisher.commands.plan import LoadManifest
    from publisher.manifest import Manifest
    from publisher.planfile import SavedPlan
    from publisher.world import World


def manifest_loader(
    path: Path, world: World, assignments: Sequence[str] | None, *, sources_may_be_gone: bool = False
) -> LoadManifest:
    """Return a function that parses `path` with the variables of `--var`, the environment, and git and CI facts."""
    from publisher.manifest import load_manifest, project_root

    def load() -> Manifest:
        return load_manifest(
            path,
            variables=variables_from(assignments),
            environment=world.environment,
            facts=lambda name: world.provenance(project_root(path)).fact(name),
            sources_may_be_gone=sources_may_be_gone,
        )

    return load


def load_saved_plan(path: Path) -> SavedPlan:
    """Read a saved plan and make sure that its manifest is still the one it was made from.

    Raises `InputError` if it is no plan, `StalePlanError` if the manifest changed or is gone.
    """
    from hashlib import sha256

    from publisher.manifest import project_root
    from publisher.manifest.decoding import MAX_BYTES
    from publisher.planfile import read_plan

    saved = read_plan(path, root_of=lambda manifest: project_root(Path(manifest)))
    manifest, wanted = Path(saved.plan.manifest_path), saved.plan.manifest_sha256
    if wanted is not None:
        try:
            found = sha256(read_regular(manifest, MAX_BYTES + 1)).hexdigest()
        except (OSError, ValueError, InputError):
            found = ""
        if found != wanted:
            raise StalePlanError(
                f"the plan is stale: {manifest} is not the manifest it was made from",
                hint="make a new plan and review it; saved plans are applied from the folder they were made in",
            )
    return saved


def selection_from(
    only: Sequence[str] | None, exclude: Sequence[str] | None, destinations: Sequence[str] | None
) -> Selection:
    return Selection(tuple(only or ()), tuple(exclude or ()), tuple(destinations or ()))


def variables_from(assignments: Sequence[str] | None) -> dict[str, str]:
    """Return the variables of `--var NAME=VALUE`. Raises `InputError` naming the place, never the value."""
    variables: dict[str, str] = {}
    for position, assignment in enumerate(assignments or (), start=1):
        name, equals, value = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--var number {position} is not NAME=VALUE", hint="for example --var RELEASE=2026-04-15")
        variables[name] = value
    return variables
