"""From a `config` path or pattern to the workers it leads to, through `.arkindex.yml` where that names other files.

Problems of those files are told at the manifest's field, each with its own file, line and column. It refuses files
outside the project's root, and pointers that lead to nothing, which Arkindex's own client takes for no workers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from publisher.errors import SourceError
from publisher.manifest.context import Context
from publisher.manifest.decoding import MAX_BYTES
from publisher.manifest.diagnostics import ManifestError
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Fixed, Rendered
from publisher.manifest.matching import find_matches
from publisher.manifest.paths import PathError, SourcePaths
from publisher.manifest.pattern import PatternError, compile_pattern
from publisher.manifest.problems import Place, Problems
from publisher.manifest.workers.reading import Pointer, read_configured, read_listing
from publisher.manifest.workers.values import ConfiguredWorker, Worker
from publisher.model import FileSource, WorkerForm


@dataclass(frozen=True, slots=True)
class Described:
    """One worker and the file it stands in. `folder` is that of the file that the manifest names."""

    slug: str
    form: WorkerForm
    file: FileSource
    line: int
    description: FileSource | None
    folder: Path


@dataclass(frozen=True, slots=True)
class _Listing:
    """A file that the manifest names. `paths` are relative to it; `where` is where its problems are told."""

    file: FileSource
    paths: SourcePaths
    where: Place

    def source(self, path: str, problems: Problems) -> FileSource:
        """Return a file that the listing names, shown relative to the manifest. Raises `PathError`."""
        found = self.paths.source(Rendered(path, path), problems)
        return replace(found, shown=posixpath.join(posixpath.dirname(self.file.shown), found.shown))


@dataclass(slots=True)
class WorkerFiles:
    """Reads each file once, however many artifacts it serves."""

    context: Context
    _seen: dict[tuple[str, str], list[Described]] = field(default_factory=dict)

    def described(self, config: Rendered, where: Place) -> list[Described]:
        """Return the workers in the order of their files. Problems are added at `where`; then what is sound is left."""
        key = (config.text, config.shown)
        if key not in self._seen:
            self._seen[key] = [worker for file in self._files(config, where) for worker in self._read(file, where)]
        return self._seen[key]

    def _files(self, config: Rendered, where: Place) -> Iterator[FileSource]:
        paths, problems = self.context.paths, self.context.problems
        try:
            if not _is_pattern(config.text):
                yield paths.source(config, problems)
                return
            matches = _matches(config.text, paths)
            for match in matches:
                shown = match if config.text == config.shown else config.shown
                yield paths.source(Rendered(match, shown), problems)
        except (PathError, PatternError) as error:
            problems.error(where, error.message, hint=error.hint)
            return
        if not matches:
            hint = "name the file that describes the workers: `.arkindex.yml`, or definitions such as `arkindex/*.yml`"
            problems.error(where, f"`{visible(config.shown)}` matches no file", hint=hint)

    def _read(self, file: FileSource, where: Place) -> Iterator[Described]:
        listing = _Listing(
            file, SourcePaths(file.path.parent, self.context.paths.root, self.context.paths.files), where
        )
        try:
            found = read_listing(self._bytes(file), Path(file.shown))
        except (ManifestError, SourceError) as error:
            self._add(error, file, where)
            return
        for item in found.items:
            if isinstance(item, Pointer):
                yield from self._pointed(item, listing)
            elif (worker := self._worker(item, found.form, file, listing)) is not None:
                yield worker
        if not found.items:
            nothing = f"`{visible(file.shown)}` lists no workers: there is nothing to publish"
            self.context.problems.warning(where, nothing)

    def _pointed(self, pointer: Pointer, listing: _Listing) -> Iterator[Described]:
        """Yield the workers of the files that a listing names, relative to itself."""
        problems, where = self.context.problems, listing.where
        at = f"{visible(listing.file.shown)}:{pointer.line}:{pointer.column}"
        try:
            matches = _matches(pointer.pattern, listing.paths)
            files = [listing.source(match, problems) for match in matches]
        except (PathError, PatternError) as error:
            problems.error(where, f"{at}: {error.message}", hint=error.hint)
            return
        if not files:
            problems.error(where, f"{at}: the pattern matches no file", hint="it is relative to the file it stands in")
        for file in files:
            try:
                read = read_configured(self._bytes(file), Path(file.shown))
            except (ManifestError, SourceError) as error:
                self._add(error, file, where)
                continue
            worker = self._worker(read, WorkerForm.SINGLE, file, listing)
            if worker is not None:
                yield worker

    def _worker(self, worker: Worker, form: WorkerForm, file: FileSource, listing: _Listing) -> Described | None:
        description: FileSource | None = None
        if isinstance(worker, ConfiguredWorker) and worker.description_path is not None:
            try:
                description = listing.source(worker.description_path, self.context.problems)
            except PathError as error:
                at = f"{visible(file.shown)}:{worker.line}"
                self.context.problems.error(listing.where, f"{at}: description: {error.message}", hint=error.hint)
                return None
        return Described(worker.slug, form, file, worker.line, description, listing.paths.folder)

    def _bytes(self, file: FileSource) -> bytes:
        return self.context.paths.files.read(file, MAX_BYTES)

    def _add(self, error: ManifestError | SourceError, file: FileSource, where: Place) -> None:
        if isinstance(error, SourceError):
            self.context.problems.error(where, error.message, hint=error.hint)
            return
        for item in error.diagnostics:
            at = f"{visible(file.shown)}:{item.line}:{item.column}"
            self.context.problems.error(where, f"{at}: {item.message}", hint=item.hint)


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _matches(text: str, paths: SourcePaths) -> list[str]:
    """Return the files that a text names, in sorted order: itself, unless it is a pattern.

    Raises `PathError` and `PatternError`.
    """
    paths.check_text(Rendered(text, text))
    pattern = compile_pattern([Fixed(text, text, literal=not _is_pattern(text))])
    if pattern.captures:
        raise PatternError("captures such as `{name}` have no meaning here", hint="use `*` and `?`")
    return [match.shown for match in find_matches(pattern, paths)]
