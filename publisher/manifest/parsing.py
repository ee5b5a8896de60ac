"""The way in: the bytes of a manifest to a `Manifest`, or one error with every problem.

`parse_manifest` is pure but for the `Files` port and the lazy facts; `load_manifest` reads the file and calls it.
Neither opens a source, asks a destination or needs a setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.errors import InputError
from publisher.manifest.context import Context
from publisher.manifest.decoding import MAX_BYTES, decode, lines_of
from publisher.manifest.disk import DiskFiles, FilesOrGone
from publisher.manifest.document import read_document
from publisher.manifest.escaping import visible
from publisher.manifest.expansion import expand_artifacts, read_destinations, read_release
from publisher.manifest.files import Files
from publisher.manifest.manifest import Manifest
from publisher.manifest.nodes import MapNode
from publisher.manifest.paths import SourcePaths
from publisher.manifest.problems import Problems
from publisher.manifest.validation import check_envelope
from publisher.manifest.variables import Variables
from publisher.regular_file import read_regular

if TYPE_CHECKING:
    from publisher.revision import ReadRevision


def parse_manifest(
    text: bytes,
    *,
    path: Path,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    facts: Callable[[str], str | None],
    files: Files,
    revision: ReadRevision | None = None,
) -> Manifest:
    """Return the manifest that these bytes, read from `path`, mean.

    `variables` are those of the command line and come before the `environment`. `facts` gives `git.sha`, `ci.…` or
    None, and is called only for the facts that the manifest names; `revision` reads the commit of an entry for
    Arkindex, by default from GitLab's variables or git. Raises `ManifestError` with every problem.
    """
    problems = Problems(path)
    root = _read(text, problems)
    if root is None or not check_envelope(root, problems):
        raise problems.as_error()
    folder = files.inspect(path.parent.absolute()).real
    declared = root.get("destinations")
    defaults = root.get("defaults")
    context = Context(
        path=path,
        source_lines=problems.source_lines,
        problems=problems,
        variables=Variables(variables, environment, facts),
        paths=SourcePaths(folder, files.project_root(folder), files),
        destinations=read_destinations(root, problems),
        declared=tuple(declared.entries) if isinstance(declared, MapNode) else (),
        defaults=defaults if isinstance(defaults, MapNode) else None,
        revision=revision,
    )
    release = read_release(root, context)
    artifacts = expand_artifacts(root, context)
    problems.raise_if_any()
    return Manifest(
        path=path,
        sha256=hashlib.sha256(text).hexdigest(),
        release=release,
        destinations=dict(context.destinations),
        artifacts=artifacts,
        warnings=problems.warnings(),
    )


def load_manifest(
    path: Path,
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    facts: Callable[[str], str | None],
    sources_may_be_gone: bool = False,
) -> Manifest:
    """Read and parse a manifest file. Raises `InputError` where it cannot be read, `ManifestError` as above.

    With `sources_may_be_gone` a `file` that is missing is no problem of the manifest.
    """
    files = FilesOrGone() if sources_may_be_gone else DiskFiles()
    return parse_manifest(
        _read_file(path), path=path, variables=variables, environment=environment, facts=facts, files=files
    )


def project_root(path: Path) -> Path:
    """Return the project root of the manifest at `path`: the nearest folder upwards with `.git`, else its own."""
    return DiskFiles().project_root(path.parent)


def _read(text: bytes, problems: Problems) -> MapNode | None:
    decoded = decode(text, problems)
    if decoded is None:
        return None
    problems.source_lines = lines_of(decoded)
    return read_document(decoded, problems)


def _read_file(path: Path) -> bytes:
    """Return the bytes of a regular file, one more than the limit at most; a FIFO or device is never read."""
    shown = visible(str(path))
    try:
        return read_regular(path, MAX_BYTES + 1, shown=shown)
    except FileNotFoundError:
        raise InputError(
            f"there is no manifest {shown}", hint="give the path of a manifest, for example manifests/release.yaml"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a valid path"
        raise InputError(f"the manifest {shown} cannot be read: {reason}", hint="check the path") from None
