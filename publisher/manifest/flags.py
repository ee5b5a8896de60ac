"""The one-artifact form: five flags in place of a manifest, under the same rules, to the same value."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from publisher.manifest.diagnostics import Diagnostic, ManifestError, Severity
from publisher.manifest.disk import DiskFiles
from publisher.manifest.files import FileKind
from publisher.manifest.identity import key_problem, name_problem
from publisher.manifest.interpolation import Rendered
from publisher.manifest.manifest import Manifest
from publisher.manifest.paths import PathError, SourcePaths
from publisher.manifest.problems import Problems
from publisher.model import Artifact, Compression, DestinationSpec, FileSource, FleetIdentity, Origin

DESTINATION = "fleet"


def artifact_from_flags(
    *,
    file: Path,
    resource_name: str,
    dev_stage: str,
    architecture: str,
    version: str,
    compression: str = Compression.FAST,
) -> Manifest:
    """Return a manifest of one artifact for the destination `fleet`; the root is the file's own folder.

    `sha256` is that of the canonical JSON of the flags. Raises `ManifestError`, whose diagnostics name the flag.
    """
    names = {
        "resource_name": resource_name,
        "dev_stage": dev_stage,
        "architecture": architecture,
        "version": version,
    }
    found = [
        _problem(_flag(name), *problem)
        for name, text in names.items()
        if (problem := name_problem(name, text, shown=text)) is not None
    ]
    if not found and (too_long := key_problem(FleetIdentity(**names))) is not None:
        found.append(_problem(_flag("resource_name"), *too_long))
    if compression not in list(Compression):
        found.append(_problem("--compression", "there is no such compression", "there are fast, best and none"))
    source: FileSource | None = None
    try:
        source = _source(file)
    except PathError as error:
        found.append(_problem("--file", error.message, error.hint))
    if found or source is None:
        raise ManifestError(Path(), sorted(found, key=lambda diagnostic: diagnostic.field_path))
    flags = {**names, "compression": str(compression), "file": str(file)}
    canonical = json.dumps(flags, sort_keys=True, separators=(",", ":"))
    artifact = Artifact(
        destination=DESTINATION,
        kind="fleet",
        identity=FleetIdentity(**names),
        source=source,
        compression=Compression(compression),
        origins={name: Origin(_flag(name)) for name in flags} | {"destination": Origin("built in")},
    )
    return Manifest(
        path=file,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        release=None,
        destinations={DESTINATION: DestinationSpec(DESTINATION, "fleet", "", 0)},
        artifacts=(artifact,),
    )


def _source(file: Path) -> FileSource:
    """Return the regular file. A person at a command line may name any file, through links too."""
    files = DiskFiles()
    found = files.inspect(file.absolute())
    # What a link leads to is the file, but a link that leads nowhere is itself the problem.
    real = found.real if found.kind is FileKind.REGULAR else file.absolute()
    paths = SourcePaths(real.parent, real.parent, files)
    source = paths.source(Rendered(real.name, str(file)), Problems(file))
    return FileSource(path=source.path, root=real.parent, shown=str(file))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _problem(flag: str, message: str, hint: str | None) -> Diagnostic:
    return Diagnostic(Severity.ERROR, 0, 0, flag, message, hint)
