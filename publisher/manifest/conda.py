"""Expands an entry for a conda channel: a package for each file, under the name of its file.

What a package is called is decided by whoever built it. The manifest may only say what it expects; whether the package
says the same of itself is seen when the sources are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from publisher.errors import SourceError
from publisher.manifest.context import Entry
from publisher.manifest.drafting import Fields, Verdict
from publisher.manifest.drafts import Claim, Draft
from publisher.manifest.escaping import visible, visible_character
from publisher.manifest.interpolation import Rendered, Row, Scope
from publisher.manifest.nodes import TextNode, place
from publisher.manifest.problems import Place
from publisher.manifest.shapes.conda import CondaArtifact
from publisher.manifest.sourcing import captures_of, find_sources, rows_of, source_origin
from publisher.model import (
    CONDA_FILENAME_PATTERN,
    CONDA_SUBDIR_PATTERN,
    Artifact,
    Compression,
    CondaIdentity,
    DestinationSpec,
    FileSource,
    Origin,
    PackageSource,
)

SUBDIRS = (
    "noarch",
    "linux-64",
    "linux-aarch64",
    "linux-32",
    "linux-armv6l",
    "linux-armv7l",
    "linux-ppc64",
    "linux-ppc64le",
    "linux-riscv32",
    "linux-riscv64",
    "linux-s390x",
    "osx-64",
    "osx-arm64",
    "win-64",
    "win-32",
    "win-arm64",
    "freebsd-64",
    "zos-z",
    "emscripten-wasm32",
    "wasi-wasm32",
)
"""The platforms that conda knows: builders write packages into folders called so, and only these are taken for one."""

EXPECTED = ("name", "version", "build")

_FILENAME = re.compile(CONDA_FILENAME_PATTERN)
_SUBDIR = re.compile(CONDA_SUBDIR_PATTERN)
_PLAIN = re.compile(r"[A-Za-z0-9._+!-]*")
_MAX_FILENAME = 211
"""What CEP 26 allows."""


def expand_conda(entry: Entry, shape: CondaArtifact, only: DestinationSpec | None) -> Iterator[Draft]:
    """Yield the packages of one entry in order. Problems are added, and what has them is left out.

    `only` is the destination of an entry that names none.
    """
    matrix = rows_of(entry)
    scopes = {Scope.MATRIX: matrix.names, Scope.CAPTURE: captures_of(entry)}
    # `version` in `defaults` names what other kinds publish. A package has its own, so that only the entry's counts.
    own = [name for name in EXPECTED if (text := entry.text(name)) is not None and not text.is_default]
    fields = Fields.of(entry, ("subdir", *own), scopes, only=only)
    origins = fields.origins() | source_origin(entry, matrix)
    drafting = _Drafting(fields, own, origins)
    for sourced in find_sources(entry, matrix, shape.expect):
        draft = drafting.draft(sourced.row, sourced.source)
        if draft is not None:
            yield draft


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Turns files into drafts. `own` are the facts that the entry expects of its packages."""

    fields: Fields
    own: list[str]
    origins: Mapping[str, Origin]

    def draft(self, row: Row, file: object) -> Draft | None:
        expected = [(name, self.fields.judge(name, row, _part_problem)) for name in self.own]
        destination = self.fields.destination(row)
        given = self.fields.judge("subdir", row, self._subdir_problem)
        has_problem = "subdir" in self.fields.written and given is None
        if not isinstance(file, FileSource):
            return None
        filename = PurePosixPath(file.shown).name
        shown = filename if self._is_public(row) else PurePosixPath(self._file_text.text).name
        problem = _filename_problem(filename, shown)
        if problem is not None:
            self.fields.context.problems.error(self._file_place, problem[0], hint=problem[1])
            return None
        found = (given.text, None) if given else None if has_problem else self._subdir_of(file, filename)
        if found is None or destination is None or any(rendered is None for _, rendered in expected):
            return None
        subdir, origin = found
        texts = tuple((name, rendered.text) for name, rendered in expected if rendered is not None)
        identity = CondaIdentity(subdir, filename)
        artifact = Artifact(
            destination=destination.name,
            kind=destination.kind,
            identity=identity,
            source=PackageSource(file, filename, subdir, texts),
            compression=Compression.NONE,
            line=self.fields.entry.node.line,
            origins={**self.origins, **({"subdir": origin} if origin else {})},
        )
        # Servers on disks that do not tell upper from lower case keep two such names as one file.
        claims = (Claim("identity", identity.path), Claim("file in the channel", identity.path.casefold()))
        return Draft(artifact, self.fields.entry.place, destination, f"{destination.name}:{subdir}/{shown}", claims)

    def _subdir_of(self, file: FileSource, filename: str) -> tuple[str, Origin] | None:
        """Return the subdir of a file whose entry does not say it, and where it was found."""
        folder = PurePosixPath(file.shown).parent.name
        if folder in SUBDIRS:
            return folder, Origin("the folder of the file")
        try:
            subdir = self.fields.context.paths.files.package_subdir(file, filename)
            message = f"`{visible(file.shown)}` does not say which platform it is for"
            hint: str | None = "give it `subdir: noarch`, `subdir: linux-64` and so on"
        except SourceError as error:
            subdir, message, hint = None, error.message, f"{error.hint}; or give it `subdir`"
        if subdir is not None:
            return subdir, Origin("the package")
        self.fields.context.problems.error(self._file_place, message, hint=hint)
        return None

    def _is_public(self, row: Row) -> bool:
        """Say whether the path may be shown: whether no part of it came from the environment."""
        context, names = self.fields.context, {name.removeprefix("matrix.") for name in row}
        bound = context.bind(self._file_text, self._file_field, {Scope.MATRIX: names})
        rendered = bound.render(row) if bound else None
        return rendered is not None and rendered.text == rendered.shown

    @property
    def _file_field(self) -> str:
        entry = self.fields.entry
        return f"{entry.field_path}.{'files' if 'files' in entry.node.entries else 'file'}"

    @property
    def _file_text(self) -> TextNode:
        """The node that names the files. One is there, since a source was found."""
        entry = self.fields.entry
        node = entry.node.get("files") or entry.node.get("file")
        if isinstance(node, TextNode):
            return node
        raise RuntimeError("a source without a field that names it")

    @property
    def _file_place(self) -> Place:
        return place(self._file_text, self._file_field)

    def _subdir_problem(self, rendered: Rendered) -> Verdict:
        if _SUBDIR.fullmatch(rendered.text):
            return None
        near = self.fields.context.problems.suggest(rendered.shown, list(SUBDIRS))
        return (
            f"`{visible(rendered.shown, limit=60)}` is no subdir of a channel",
            near or "for example noarch, linux-64",
        )


def _filename_problem(name: str, shown: str) -> tuple[str, str] | None:
    """Return what keeps a file name from being one of a conda package, or None. Source: CEP 26.

    `shown` is what messages may show of it.
    """
    is_public, shown = name == shown, f"`{visible(shown, limit=80)}`"
    if not name.endswith((".conda", ".tar.bz2")):
        return f"{shown} is no conda package by its name", "packages end with .conda or .tar.bz2"
    if not _PLAIN.fullmatch(name):
        wrong = next(character for character in name if not _PLAIN.fullmatch(character))
        what = f"`{visible_character(wrong)}`" if is_public else "a character"
        return f"{shown} holds {what}, which no conda package's name may", "build it under another name"
    if not _FILENAME.fullmatch(name) or name.removesuffix(".conda").count("-") < 2:
        return f"{shown} is not called like a conda package", "the form is name-version-build.conda or .tar.bz2"
    if len(name) > _MAX_FILENAME:
        return f"{shown} is longer than {_MAX_FILENAME} characters", "build it under a shorter name"
    return None


def _part_problem(rendered: Rendered) -> Verdict:
    if rendered.text and _PLAIN.fullmatch(rendered.text):
        return None
    shown = visible(rendered.shown, limit=60)
    return f"`{shown}` cannot be a part of a package's name", "letters, digits and . _ + ! - can"
