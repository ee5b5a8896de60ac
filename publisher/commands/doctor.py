"""`publish doctor`: what works here and what does not. Writes probe objects, and tables if told to."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from publisher.commands.plan import LoadManifest, used_destinations
from publisher.destinations.port import Destination, Finding
from publisher.errors import SettingsError
from publisher.model import DestinationSpec
from publisher.version import __version__
from publisher.workers import interruptible
from publisher.world import World

TOOLS = {
    "git": "facts about the commit",
    "openssl": "opening an object by hand",
    "docker": "images of the local engine",
    "skopeo": "images in registries, OCI layouts and OCI archives",
}


def doctor(load: LoadManifest | None, world: World, *, create_tables: bool) -> Mapping[str, Sequence[Finding]]:
    """Return findings for this machine and each destination: the manifest's, or the fleet of the plain settings."""
    specs = used_destinations(load()) if load is not None else [DestinationSpec("fleet", "fleet")]
    found: dict[str, Sequence[Finding]] = {"this machine": _machine()}
    try:
        with world.connect(specs) as destinations:
            for name, destination in destinations.items():
                found[f"destination {name}"] = _diagnosed(destination, world, create_tables=create_tables)
    except SettingsError as error:
        found["settings"] = [Finding("settings", error.message, "failure", error.hint, error.exit_code)]
    return found


def _diagnosed(destination: Destination, world: World, *, create_tables: bool) -> Sequence[Finding]:
    return interruptible(
        lambda: destination.diagnose(create_tables=create_tables), cancellation=world.cancellation, name="doctor"
    )


def doctor_json(found: Mapping[str, Sequence[Finding]]) -> str:
    document = {name: [asdict(finding) for finding in findings] for name, findings in found.items()}
    return json.dumps(document, indent=2) + "\n"


def _machine() -> Sequence[Finding]:
    python = f"publish {__version__}, Python {platform.python_version()} on {platform.machine()}"
    tools = [
        Finding(name, "found" if shutil.which(name) else f"not found; only needed for {use}", "ok")
        for name, use in TOOLS.items()
    ]
    return [Finding("version", python, "ok"), *tools]
