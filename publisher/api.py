"""The Python interface: the engine of the command `publish`, without printing and without ending the process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.cancellation import Cancellation
from publisher.events import Listener, Serialized, ignore

if TYPE_CHECKING:
    from publisher.destinations.port import VerifyMode
    from publisher.manifest import Manifest
    from publisher.report import ArtifactReport, Report
    from publisher.world import World


def apply(
    manifest: str | os.PathLike[str],
    *,
    variables: Mapping[str, str] | None = None,
    local: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    only: tuple[str, ...] = (),
    jobs: int = 4,
    verify: VerifyMode = "head",
    listener: Listener = ignore,
    cancellation: Cancellation | None = None,
) -> Report:
    """Publish what `manifest` lists and the destinations do not have, and return the report.

    `variables` are what `--var` sets. `local` is a folder to rehearse in instead of the real destinations.
    `environment` replaces the process's environment for settings and interpolation. `listener` is called with the
    events of `publisher.events`, from several threads but one at a time. `cancellation` stops the run.

    Never raises for what the world does, an invalid manifest included: look at `report.exit_code` and `report.error`.
    """
    from publisher.commands.apply import ApplyOptions
    from publisher.commands.apply import apply as run
    from publisher.manifest import load_manifest, project_root
    from publisher.selection import Selection

    path = Path(manifest)
    root = project_root(path)
    values = dict(os.environ if environment is None else environment)
    world = _world(values, local=local, verify=verify, listener=listener, cancellation=cancellation)

    def load() -> Manifest:
        facts = world.provenance(root).fact
        return load_manifest(path, variables=variables or {}, environment=values, facts=facts)

    options = ApplyOptions(manifest_path=str(path), root=root, selection=Selection(only=only), jobs=jobs)
    return run(load, world, options)


def publish_artifact(
    *,
    file: str | os.PathLike[str],
    resource_name: str,
    dev_stage: str,
    architecture: str,
    version: str,
    compression: str = "fast",
    local: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    verify: VerifyMode = "head",
    listener: Listener = ignore,
    cancellation: Cancellation | None = None,
) -> ArtifactReport:
    """Publish one file to the fleet and return its entry of the report.

    The entry's `status` is `published`, `adopted` or `skipped` when the artifact is registered. Raises the
    `publisher.errors.PublisherError` that stopped the run before the artifact was looked at (bad names, a missing
    file, missing settings).
    """
    from publisher.commands.apply import ApplyOptions, apply_or_raise
    from publisher.manifest import artifact_from_flags

    path = Path(file)
    values = dict(os.environ if environment is None else environment)
    world = _world(values, local=local, verify=verify, listener=listener, cancellation=cancellation)

    def load() -> Manifest:
        return artifact_from_flags(
            file=path,
            resource_name=resource_name,
            dev_stage=dev_stage,
            architecture=architecture,
            version=version,
            compression=compression,
        )

    report = apply_or_raise(load, world, ApplyOptions(manifest_path="", root=path.parent, jobs=1))
    return report.artifacts[0]


def _world(
    environment: Mapping[str, str],
    *,
    local: str | os.PathLike[str] | None,
    verify: VerifyMode,
    listener: Listener,
    cancellation: Cancellation | None,
) -> World:
    from publisher.wiring import compose

    return compose(
        environment,
        local=None if local is None else Path(local),
        writes=True,
        verify=verify,
        emit=Serialized(listener),
        cancellation=cancellation or Cancellation(),
    )
