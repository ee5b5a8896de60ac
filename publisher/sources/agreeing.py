"""What a source says of itself against what the manifest says of it: a contradiction is found before anything is sent.

Wheels only: an image and a conda package are compared where they are read.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from publisher.model import Artifact, DavIdentity, FileSetSource, FileSource, FleetIdentity
from publisher.sources.wheels import SUFFIX, check_file_name, check_names, read_wheel


def check_agreement(artifact: Artifact) -> None:
    """Raise `SourceError` where a wheel is not what the manifest calls it, naming both."""
    match artifact.identity, artifact.source:
        case FleetIdentity() as identity, FileSource() as source if _is_wheel(source):
            check_names(
                read_wheel(source),
                name=identity.resource_name,
                version=identity.version,
                architecture=identity.architecture,
                shown=source.shown,
            )
        case DavIdentity() as place, FileSource() as source:
            _check_published_as(place.path, source)
        case DavIdentity(), FileSetSource() as several:
            for named in several.files:
                _check_published_as(named.name, named.file)


def _check_published_as(path: str, source: FileSource) -> None:
    """What is downloaded under the name of a wheel has to be that wheel."""
    name = PurePosixPath(path).name
    if name.endswith(SUFFIX):
        check_file_name(read_wheel(source), name, shown=source.shown)


def _is_wheel(source: FileSource) -> bool:
    return source.shown.endswith(SUFFIX) or source.path.name.endswith(SUFFIX)
