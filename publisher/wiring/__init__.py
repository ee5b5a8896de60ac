"""The composition root: settings to stores, registries and destinations. No rules live here.

Vendor libraries are imported by the adapters, and the adapters are imported here when they are needed, so that
`publish --help` and `publish validate` load none of them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from publisher.cancellation import Cancellation
from publisher.destinations.port import Destination, VerifyMode
from publisher.errors import InputError, SettingsError
from publisher.events import Listener
from publisher.model import DestinationSpec
from publisher.provenance import collect
from publisher.settings.environment import Environment
from publisher.settings.problems import joined, settings_error
from publisher.sources.memory import FORGETFUL, FileMemory
from publisher.wiring.kinds import KINDS, Build, Kind
from publisher.wiring.surroundings import Surroundings
from publisher.world import Connect, World


def compose(
    environment: Mapping[str, str],
    *,
    local: Path | None,
    writes: bool,
    verify: VerifyMode,
    emit: Listener,
    cancellation: Cancellation,
    allow_unfenced: bool = False,
    reread: bool = False,
) -> World:
    """Return the world of one run: the real destinations, or embedded ones below `local`.

    With `reread` nothing is taken from the memory of files that were read before.
    """
    state_folder = _state_folder(environment)
    around = Surroundings(state_folder, verify, writes, cancellation, allow_unfenced)
    return World(
        connect=connect_from_settings(environment, around) if local is None else connect_locally(local, around),
        environment=environment,
        provenance=cache(lambda root: collect(root, environment)),
        emit=emit,
        cancellation=cancellation,
        memory=FORGETFUL
        if state_folder is None or reread
        else FileMemory(state_folder / "sources.json", now=time.time, writes=writes),
    )


def connect_from_settings(environment: Mapping[str, str], around: Surroundings) -> Connect:
    """Return a `Connect` that reads settings from the environment: all destinations' problems in one error."""

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        environments = {spec.name: Environment(environment, spec.env_prefix) for spec in specs}
        prepared = {spec.name: _kind(spec).prepare(spec, environments[spec.name], around) for spec in specs}
        problem = settings_error(environments)
        if problem is not None:
            raise problem
        with _all_built({name: _present(build) for name, build in prepared.items()}) as built:
            yield built

    return connect


def connect_locally(folder: Path, around: Surroundings) -> Connect:
    """Return a `Connect` to embedded destinations below `folder`: the same protocol, no server and no secret.

    Folders and tables are made only if the command writes; a reading one finds nothing where nothing is.
    """

    def built(spec: DestinationSpec) -> Build:
        return lambda: _kind(spec).local(local_home(folder, spec), around)

    @contextlib.contextmanager
    def connect(specs: Sequence[DestinationSpec]) -> Iterator[Mapping[str, Destination]]:
        with _all_built({spec.name: built(spec) for spec in specs}) as destinations:
            yield destinations

    return connect


def local_home(folder: Path, spec: DestinationSpec) -> Path:
    """Return the folder of a destination's stand-in: `folder` itself for the fleet, else `conda`, `fleet-eu` and so on.

    One folder for each kind and prefix: a rehearsal mixes two places no more and no less than the real settings do.
    """
    place = spec.env_prefix.strip("_").lower()
    if spec.kind == "fleet" and not place:
        return folder
    return folder / (f"{spec.kind}-{place}" if place else spec.kind)


@contextlib.contextmanager
def _all_built(builds: Mapping[str, Build]) -> Iterator[Mapping[str, Destination]]:
    problems: list[SettingsError] = []
    with contextlib.ExitStack() as closing:
        built = {}
        for name, build in builds.items():
            try:
                built[name] = build()
            except SettingsError as error:
                problems.append(error)
            else:
                closing.callback(built[name].close)
        if problems:
            raise joined(problems)
        yield built


def _kind(spec: DestinationSpec) -> Kind:
    if spec.kind not in KINDS:
        raise InputError(f"destination {spec.name}: kind {spec.kind} is not supported by this version")
    return KINDS[spec.kind]()


def _present(build: Build | None) -> Build:
    if build is None:
        raise RuntimeError("incomplete settings were accepted")
    return build


def _state_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where probe results and files are remembered (XDG base directories: state that should persist).

    None on a machine without a home, such as a container with an arbitrary user: it probes every time.
    """
    state, home = environment.get("XDG_STATE_HOME"), environment.get("HOME")
    if state:
        return Path(state) / "publisher"
    return Path(home) / ".local" / "state" / "publisher" if home else None
