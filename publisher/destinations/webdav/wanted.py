"""The files of one artifact: where each goes, what its bytes are, and where they are read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from publisher.destinations.webdav.effects import RemoteFile
from publisher.errors import InputError, InternalError, SourceChangedError
from publisher.model import Artifact, FileSetSource, FileSource, ReadyArtifact, SourceFacts
from publisher.model.repository_paths import path_problem
from publisher.sources.facts import facts_of_listing, listing_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """`files` in the order in which they are placed; `sources` by path."""

    files: tuple[RemoteFile, ...]
    sources: Mapping[str, FileSource]


def places_of(artifact: Artifact) -> dict[str, FileSource]:
    """Return the path of every file of an artifact at the repository, and its source.

    Raises `InputError` for a path that is not safe: a saved plan may hold what no manifest may.
    """
    path = artifact.identity.path
    match artifact.source:
        case FileSource() as file:
            places = {path: file}
        case FileSetSource(files):
            places = {f"{path}/{named.name}": named.file for named in files}
        case _:
            raise InternalError(f"{artifact.source.shown} is no file", hint="this is a fault of the publisher")
    for place in places:
        problem = path_problem(place)
        if problem is not None:
            raise InputError(f"{artifact.id}: the path cannot be used: {problem[0]}", hint=problem[1])
    return places


def wanted_of(item: ReadyArtifact, check: Callable[[], None]) -> Wanted:
    """Return the files of an artifact whose source was read. Those of a set are read again, for the digest of each.

    Raises `SourceError` or `SourceChangedError`, and what `check` raises.
    """
    artifact = item.artifact
    places = places_of(artifact)
    if isinstance(artifact.source, FileSetSource):
        listing = listing_of(artifact.source, check)
        if facts_of_listing(listing) != item.source:
            raise SourceChangedError(
                f"{artifact.source.shown}: a file changed since it was planned", hint="run the same command again"
            )
        facts = {f"{artifact.identity.path}/{name}": known for name, known in listing.items()}
    else:
        facts = dict.fromkeys(places, item.source)
    return Wanted(tuple(_remote(path, facts[path]) for path in places), places)


def _remote(path: str, facts: SourceFacts) -> RemoteFile:
    return RemoteFile(path, facts.size_bytes, facts.sha256.hex)
