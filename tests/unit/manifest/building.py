"""Small worlds for the manifest's tests: a file system in memory, and one call from text to manifest or problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from publisher.manifest import (
    Diagnostic,
    FileKind,
    Files,
    Inspection,
    Listed,
    Manifest,
    ManifestError,
    Severity,
    parse_manifest,
)
from publisher.model import FileSource
from publisher.revision import EVERY_VALUE, Given, ReadRevision, Revision, Value

ROOT = Path("/project")
PATH = ROOT / "release.yaml"

HEAD = """\
version: 1
destinations: {fleet: {kind: fleet}}
defaults: {dev_stage: dev, architecture: arm64, version: '1'}
artifacts:
"""
"""The first four lines of a manifest whose artifacts need only a name and a source; the first artifact is at line 5."""


class MemoryFiles(Files):
    """Regular files by their path below `ROOT`; folders are those that hold one. Only `contents` can be read."""

    def __init__(self, names: Iterable[str] = (), contents: Mapping[str, str] | None = None) -> None:
        self._contents = {ROOT / name: text.encode() for name, text in (contents or {}).items()}
        self._files = {ROOT / name for name in names} | set(self._contents)
        self._folders = {ROOT, *(parent for path in self._files for parent in path.parents)}
        self.asked: list[Path] = []
        self.opened: list[str] = []
        self.subdirs: dict[str, str] = {}

    def project_root(self, folder: Path) -> Path:
        return ROOT

    def inspect(self, path: Path) -> Inspection:
        self.asked.append(path)
        if path in self._files:
            return Inspection(FileKind.REGULAR, path)
        return Inspection(FileKind.DIRECTORY if path in self._folders else FileKind.MISSING, path)

    def package_subdir(self, file: FileSource, filename: str) -> str | None:
        self.opened.append(file.shown)
        return self.subdirs.get(filename)

    def read(self, file: FileSource, limit_bytes: int) -> bytes:
        self.opened.append(file.shown)
        return self._contents[file.path]

    def list(self, folder: Path) -> list[Listed]:
        there = {path for path in self._files | self._folders if path.parent == folder and path != folder}
        return [Listed(path.name, path in self._folders, is_link=False) for path in there]


COMMIT = "c80c50c2ca9cc287a3545a9fd0127a4e1383df9b"
REPOSITORY = "https://gitlab.example.com/group/worker"


def a_commit(
    folder: Path, given: Given, environment: Mapping[str, str], *, needs: frozenset[Value] = EVERY_VALUE
) -> Revision:
    """Know one commit of one repository, on `main`; what is given comes first."""
    repository, commit = given.repository_url or REPOSITORY, given.hash or COMMIT
    return Revision(
        repository_url=repository,
        hash=commit,
        message="Add the worker" if given.message is None else given.message,
        author="Fox Mulder" if given.author is None else given.author,
        branch="main" if given.branch is None else given.branch or None,
        tags=given.tags or (),
        url=given.url or f"{repository}/commit/{commit}",
        origins=dict.fromkeys(needs, "git"),
    )


def no_facts(name: str) -> str | None:
    """Know nothing about Git and the pipeline."""
    return None


def parse(
    text: str | bytes,
    *,
    names: Iterable[str] = ("m.bin",),
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    facts: Callable[[str], str | None] = no_facts,
    files: Files | None = None,
    revision: ReadRevision = a_commit,
) -> Manifest:
    """Parse a manifest that stands in the root of a project which holds the files `names`."""
    return parse_manifest(
        text.encode() if isinstance(text, str) else text,
        path=PATH,
        variables=variables or {},
        environment=environment or {},
        facts=facts,
        files=files or MemoryFiles(names),
        revision=revision,
    )


def refused(
    text: str | bytes,
    *,
    names: Iterable[str] = ("m.bin",),
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    files: Files | None = None,
    revision: ReadRevision = a_commit,
) -> ManifestError:
    """Return the error of a manifest that must not be accepted."""
    try:
        parse(text, names=names, variables=variables, environment=environment, files=files, revision=revision)
    except ManifestError as error:
        return error
    raise AssertionError("the manifest was accepted")


def the_problem(text: str | bytes, *, names: Iterable[str] = ("m.bin",), **environment: str) -> Diagnostic:
    """Return the only error of a manifest."""
    listed = refused(text, names=names, environment=environment).diagnostics
    found = [item for item in listed if item.severity is Severity.ERROR]
    assert len(found) == 1, [item.message for item in found]
    return found[0]


def entry(body: str) -> str:
    """Return a manifest of one entry; `body` is the inside of a flow mapping."""
    return f"{HEAD}  - {{{body}}}\n"


def place(diagnostic: Diagnostic) -> tuple[int, int]:
    return diagnostic.line, diagnostic.column
