"""Expands an entry for an artifact repository: a folder, and the name of each file in it.

It refuses paths that servers, file systems or people would read in different ways, and never changes one to fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from publisher.manifest.context import Entry
from publisher.manifest.drafting import Fields, Verdict
from publisher.manifest.drafts import Claim, Draft
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Rendered, Scope
from publisher.manifest.matrix import Matrix
from publisher.manifest.nodes import TextNode, place
from publisher.manifest.shapes.webdav import WebdavArtifact
from publisher.manifest.sourcing import Sourced, captures_of, find_groups, find_sources, rows_of, source_origin
from publisher.model import (
    Artifact,
    Compression,
    DavIdentity,
    DestinationSpec,
    FileSetSource,
    FileSource,
    NamedFile,
    Origin,
)
from publisher.model.repository_paths import path_problem


def expand_webdav(entry: Entry, shape: WebdavArtifact, only: DestinationSpec | None) -> Iterator[Draft]:
    """Yield the artifacts of one entry in order. Problems are added, and what has them is left out.

    `only` is the destination of an entry that names none.
    """
    matrix = rows_of(entry)
    # A set of files has no captures of its own: each of its files has others.
    captures: tuple[str, ...] = () if shape.together else captures_of(entry)
    fields = Fields.of(entry, ("path", "name"), {Scope.MATRIX: matrix.names, Scope.CAPTURE: captures}, only=only)
    fields.require(["path"])
    if shape.together and not _may_be_together(entry, fields):
        return
    origins = fields.origins() | source_origin(entry, matrix)
    drafting = _Drafting(fields, origins)
    found = _sets(entry, matrix, shape) if shape.together else find_sources(entry, matrix, shape.expect)
    for sourced in found:
        draft = drafting.draft(sourced)
        if draft is not None:
            yield draft


def _sets(entry: Entry, matrix: Matrix, shape: WebdavArtifact) -> Iterator[Sourced]:
    """Yield one set of files for each row of the matrix: everything that `files` matches there, below its folder."""
    pattern = entry.node.get("files")
    shown = pattern.text if isinstance(pattern, TextNode) else ""
    for group in find_groups(entry, matrix, shape.expect):
        named = [
            NamedFile(name, member.source)
            for name, member in zip(group.names, group.members, strict=True)
            if isinstance(member.source, FileSource)
        ]
        if group.names:
            is_whole = len(named) == len(group.names)
            yield Sourced(group.row, FileSetSource(tuple(named), shown) if is_whole else None)


def _may_be_together(entry: Entry, fields: Fields) -> bool:
    """Say whether `together` stands beside what it can go with; add the problem if not."""
    for name, why in (("file", "one file has nothing to be together with"), ("name", "each file keeps its own name")):
        if name in entry.node.entries:
            key = entry.node.entries["together"][0]
            message = f"`together` does not go with `{name}`: {why}"
            entry.context.problems.error(place(key, f"{entry.field_path}.together"), message)
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Turns sources into drafts."""

    fields: Fields
    origins: Mapping[str, Origin]

    def draft(self, sourced: Sourced) -> Draft | None:
        entry = self.fields.entry
        folder = self.fields.judge("path", sourced.row, _judged)
        name = self._name(sourced)
        destination = self.fields.destination(sourced.row)
        if folder is None or name is None or destination is None or sourced.source is None:
            return None
        inner = [file.name for file in sourced.source.files] if isinstance(sourced.source, FileSetSource) else []
        whole = Rendered(f"{folder.text}{name.text}", f"{folder.shown}{name.shown}")
        paths = [f"{whole.text}/{file}" for file in inner] or [whole.text]
        for path in paths:
            problem = path_problem(path)
            if problem is not None:
                self._add(path if whole.text == whole.shown else whole.shown, problem)
                return None
        artifact = Artifact(
            destination=destination.name,
            kind=destination.kind,
            identity=DavIdentity(whole.text),
            source=sourced.source,
            compression=Compression.NONE,
            line=entry.node.line,
            origins=self.origins,
        )
        shown = f"{destination.name}:{whole.shown}"
        return Draft(artifact, entry.place, destination, shown, _claims(whole.text, paths))

    def _name(self, sourced: Sourced) -> Rendered | None:
        """Return the name with a slash before it; empty for a set, whose files are below the folder itself."""
        if isinstance(sourced.source, FileSetSource):
            return Rendered("", "")
        if "name" in self.fields.written:
            given = self.fields.judge("name", sourced.row, _judged_name)
            return Rendered(f"/{given.text}", f"/{given.shown}") if given else None
        if not isinstance(sourced.source, FileSource):
            return None
        own = sourced.source.shown.rpartition("/")[2]
        return Rendered(f"/{own}", f"/{own}")

    def _add(self, shown: str, problem: tuple[str, str]) -> None:
        entry = self.fields.entry
        message = f"`{visible(shown, limit=200)}` cannot be a path at the repository: {problem[0]}"
        entry.context.problems.error(entry.place, message, hint=problem[1])


def _judged(folder: Rendered) -> Verdict:
    problem = path_problem(folder.text)
    if problem is None:
        return None
    return f"`{visible(folder.shown, limit=200)}` cannot be a folder at the repository: {problem[0]}", problem[1]


def _judged_name(name: Rendered) -> Verdict:
    problem = path_problem(name.text) if "/" not in name.text else ("it holds `/`", "put folders into `path`")
    if problem is None:
        return None
    return f"`{visible(name.shown, limit=200)}` cannot be a file's name at the repository: {problem[0]}", problem[1]


def _claims(whole: str, paths: list[str]) -> tuple[Claim, ...]:
    """Return what no other artifact may have: each file's path, also in other letters, and no file for a folder."""
    folders = {path[:end] for path in paths for end in range(len(path)) if path[end] == "/"}
    return (
        Claim("identity", whole),
        *(Claim("path", path.casefold()) for path in paths),
        *(Claim("path", folder.casefold(), is_shared=True) for folder in sorted(folders)),
    )
