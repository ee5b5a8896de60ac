"""The composition root: settings to stores, registries and destinations. No rules live here.

Vendor libraries are imported by the adapters, and the adapters are imported here when they are needed, so that
`publish --help` and `publish validate` load none of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.cancellation import Cancellation
from publisher.destinations.port import Destination, VerifyMode
from publisher.errors import InputError
from publisher.events import Listener
from publisher.model import DestinationSpec
from publisher.provenance import collect
from publisher.wiring.fleet import local_fleet, settings_fleet
from publisher.world import Connect, World

if TYPE_CHECKING:
    from publisher.settings import FleetSettings

Build = Callable[[DestinationSpec], Destination]


def compose(
    environment: Mapping[str, str],
    *,
    local: Path | None,
    writes: bool,
    verify: VerifyMode,
    emit: Listener,
    cancellation: Cancellation,
) -> World:
    """Return the world of one run: the real destinations, or embedded ones below `local`."""
    if local is None:
        connect = connect_from_settings(environment, verify=verify, cancellation=cancellation)
    else:
        connect = connect_locally(local, writes=writes, verify=verify, cancellation=cancellation)
    return World(
        connect=connect,
        environment=environment,
        provenance=cache(lambda root: collect(root, environment)),
        emit=emit,
        cancellation=cancellation,
    )


def connect_from_settings(environment: Mapping[str, str], *, verify: VerifyMode, cancellation: Cancellation) -> Connect:
    """Return a `Connect` that reads settings from the environment: all destinations' problems in one error."""

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        from publisher.settings import Environment, fleet_settings, settings_error

        environments = {spec.name: Environment(environment, spec.env_prefix) for spec in specs}
        settings = {spec.name: fleet_settings(environments[spec.name]) for spec in specs}
        problem = settings_error(environments)
        if problem is not None:
            raise problem
        state_folder = _state_folder(environment)

        def build(spec: DestinationSpec) -> Destination:
            return settings_fleet(
                spec,
                _present(settings[spec.name]),
                state_folder=state_folder,
                verify=verify,
                cancellation=cancellation,
            )

        with _all_built(specs, build) as built:
            yield built

    return connect


def connect_locally(folder: Path, *, writes: bool, verify: VerifyMode, cancellation: Cancellation) -> Connect:
    """Return a `Connect` to embedded destinations below `folder`: the same protocol, no server and no secret.

    Folders and tables are made only if `writes`; a reading command finds nothing where nothing is.

    A destination with an `env_prefix` gets a folder of its own, so that a rehearsal mixes two fleets no more than
    the real settings do.
    """

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        def build(spec: DestinationSpec) -> Destination:
            place = spec.env_prefix.strip("_").lower()
            home = folder / f"fleet-{place}" if place else folder
            return local_fleet(home, writes=writes, verify=verify, cancellation=cancellation)

        with _all_built(specs, build) as built:
            yield built

    return connect


@contextlib.contextmanager
def _all_built(specs: Sequence[DestinationSpec], build: Build) -> Iterator[Mapping[str, Destination]]:
    with contextlib.ExitStack() as closing:
        built = {}
        for spec in specs:
            if spec.kind != "fleet":
                raise InputError(f"destination {spec.name}: kind {spec.kind} is not supported by this version")
            built[spec.name] = build(spec)
            closing.callback(built[spec.name].close)
        yield built


def _present(settings: FleetSettings | None) -> FleetSettings:
    if settings is None:
        raise RuntimeError("incomplete settings were accepted")
    return settings


def _state_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where probe results are remembered (XDG base directories: state that should persist).

    None on a machine without a home, such as a container with an arbitrary user: it probes every time.
    """
    state, home = environment.get("XDG_STATE_HOME"), environment.get("HOME")
    if state:
        return Path(state) / "publisher"
    return Path(home) / ".local" / "state" / "publisher" if home else None
