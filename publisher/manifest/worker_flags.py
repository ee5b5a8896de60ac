"""The one-command form for workers: an image and flags in place of a manifest, through the same expansion.

Without a file that is named, the current folder says which describes the workers: `.arkindex.yml`, or the definitions
in `arkindex/`. It refuses to choose where both are there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from publisher.manifest.arkindex import DEFAULT_CONFIG, expand_arkindex
from publisher.manifest.context import Context, Entry
from publisher.manifest.diagnostics import Diagnostic, ManifestError, Severity
from publisher.manifest.disk import DiskFiles
from publisher.manifest.escaping import visible
from publisher.manifest.files import FileKind
from publisher.manifest.interpolation import escape_template
from publisher.manifest.manifest import Manifest
from publisher.manifest.nodes import ListNode, MapNode, Node, TextNode
from publisher.manifest.paths import SourcePaths
from publisher.manifest.problems import Problems
from publisher.manifest.shapes.arkindex import ArkindexArtifact
from publisher.manifest.variables import Variables
from publisher.model import DestinationSpec
from publisher.revision import ReadRevision, Value, read_revision

DESTINATION = "arkindex"
DEFINITIONS = "arkindex/*.y*ml"


def workers_from_flags(
    *,
    image: str,
    config: Path | None,
    values: Mapping[Value, str],
    tags: Sequence[str] | None,
    environment: Mapping[str, str],
    revision: ReadRevision = read_revision,
) -> Manifest:
    """Return a manifest of the workers that a file describes, for the destination `arkindex`.

    `values` and `tags` are what was given of the revision. `sha256` is that of the canonical JSON of the flags. Raises
    `ManifestError`, whose diagnostics name the flag.
    """
    files = DiskFiles()
    name, folder = _found(files) if config is None else config.as_posix(), Path()
    if config is not None and (config.is_absolute() or ".." in config.parts):
        # A person at a command line may name a file anywhere; its repository is then the one it lies in.
        name, folder = config.name, config.parent
    folder = files.inspect(folder.absolute()).real
    flags: dict[str, str | Sequence[str]] = {"image": image, "config": name}
    flags |= {value.value: text for value, text in values.items()}
    if tags is not None:
        flags[Value.TAGS.value] = list(tags)
    problems = Problems(Path(str(config or name)))
    spec = DestinationSpec(DESTINATION, "arkindex", "", 0)
    context = Context(
        path=problems.path,
        source_lines=(),
        problems=problems,
        variables=Variables({}, environment, lambda _name: None),
        paths=SourcePaths(folder, files.project_root(folder), files),
        destinations={DESTINATION: spec},
        declared=(DESTINATION,),
        defaults=None,
        revision=revision,
    )
    entry = Entry(MapNode(0, 0, {key: (_text(key), _node(value)) for key, value in flags.items()}), "", context)
    drafts = list(expand_arkindex(entry, ArkindexArtifact(image=image), spec))
    if problems.has_errors:
        found = [replace(item, field_path=_flag(item.field_path)) for item in problems.as_error().diagnostics]
        raise ManifestError(Path(), found)
    canonical = json.dumps(flags, sort_keys=True, separators=(",", ":"))
    return Manifest(
        path=problems.path,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        release=None,
        destinations={DESTINATION: spec},
        artifacts=tuple(draft.artifact for draft in drafts),
        warnings=problems.warnings(),
    )


def _found(files: DiskFiles) -> str:
    """Return the path or pattern of what describes the workers of the current folder. Raises `ManifestError`."""
    has_listing = files.inspect(Path(DEFAULT_CONFIG).absolute()).kind is not FileKind.MISSING
    listed = [item.name for item in files.list(Path("arkindex").absolute())]
    has_definitions = any(name.endswith((".yml", ".yaml")) for name in listed)
    if has_listing and has_definitions:
        message = f"there are {DEFAULT_CONFIG} and definitions in arkindex/, for servers of two generations"
        hint = f"choose with `--config {DEFAULT_CONFIG}`, or a manifest with `config: arkindex/*.yml`"
        raise ManifestError(Path(), [Diagnostic(Severity.ERROR, 0, 0, "--config", message, hint)])
    return DEFINITIONS if has_definitions else DEFAULT_CONFIG


def _flag(field_path: str) -> str:
    """Return the flag of a field; the image has none, it is the argument."""
    name = field_path.lstrip(".").partition("[")[0]
    return "IMAGE" if name == "image" else f"--{visible(name).replace('_', '-')}" if name else ""


def _node(value: str | Sequence[str]) -> Node:
    return _text(value) if isinstance(value, str) else ListNode(0, 0, tuple(_text(item) for item in value))


def _text(text: str) -> TextNode:
    return TextNode(0, 0, escape_template(text))
