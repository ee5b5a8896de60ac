"""The kinds of destination this program can reach: for each, how its settings are read and how it is built.

A new kind is one module in `settings/`, one here like `fleet.py`, and a loader in `KINDS`. A test compares the table
with the kinds that a manifest may name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from publisher.destinations.port import Destination
from publisher.model import DestinationSpec
from publisher.settings.environment import Environment
from publisher.wiring.surroundings import Surroundings

Build = Callable[[], Destination]
"""Build a destination; connects to nothing yet. Raises `SettingsError` for settings that turn out unusable."""

Prepare = Callable[[DestinationSpec, Environment, Surroundings], Build | None]
"""Read the settings; None if any is missing or malformed, which the environment's two lists then tell."""

Local = Callable[[Path, Surroundings], Destination]
"""Build the stand-in that lives in a folder: the same protocol, with no server and no secret."""

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Kind:
    prepare: Prepare
    local: Local


def from_settings(
    read: Callable[[Environment], S | None], build: Callable[[DestinationSpec, S, Surroundings], Destination]
) -> Prepare:
    """Return a `Prepare` that reads settings with `read` and hands them to `build`."""

    def prepare(spec: DestinationSpec, environment: Environment, around: Surroundings) -> Build | None:
        settings = read(environment)
        return None if settings is None else lambda: build(spec, settings, around)

    return prepare


# Each is imported with the first destination of its kind: most runs have one kind.
def _fleet() -> Kind:
    from publisher.settings.fleet import fleet_settings
    from publisher.wiring.fleet import local_fleet, settings_fleet

    return Kind(from_settings(fleet_settings, settings_fleet), local_fleet)


def _conda() -> Kind:
    from publisher.settings.conda import conda_settings
    from publisher.wiring.conda import local_conda, settings_conda

    return Kind(from_settings(conda_settings, settings_conda), local_conda)


def _webdav() -> Kind:
    from publisher.settings.webdav import webdav_settings
    from publisher.wiring.webdav import local_webdav, settings_webdav

    return Kind(from_settings(webdav_settings, settings_webdav), local_webdav)


def _arkindex() -> Kind:
    from publisher.settings.arkindex import arkindex_settings
    from publisher.wiring.arkindex import local_arkindex, settings_arkindex

    return Kind(from_settings(arkindex_settings, settings_arkindex), local_arkindex)


KINDS: Mapping[str, Callable[[], Kind]] = {"fleet": _fleet, "conda": _conda, "webdav": _webdav, "arkindex": _arkindex}
