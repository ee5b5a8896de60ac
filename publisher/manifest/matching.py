"""A `files:` pattern to the files it matches, in sorted order, with what each gives to the captures.

Directories are not matches; a name that starts with a dot matches only a pattern that does; `**` does not follow links.
It refuses to leave the project's root, and to look at more than `MAX_SCANNED` names for one pattern.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.manifest.escaping import visible
from publisher.manifest.files import FileKind, Listed
from publisher.manifest.paths import PathError, SourcePaths
from publisher.manifest.pattern import AnyFolders, Captures, Name, Pattern, Wild, match

MAX_SCANNED = 200_000


@dataclass(frozen=True, slots=True)
class Match:
    """`shown` is the path relative to the manifest's folder. `other` is a second way to split it, or None."""

    shown: str
    captures: Captures
    other: Captures | None


@dataclass(frozen=True, slots=True)
class _Step:
    folder: Path
    shown: str
    index: int
    captures: Captures
    other: Captures | None


def find_matches(pattern: Pattern, paths: SourcePaths) -> list[Match]:
    """Return the matching names, sorted by code point; whether each is a good source is not decided here.

    Raises `PathError` for a folder that may not be read or is outside, and for a search that is too wide.
    """
    found = _Walk(pattern, paths).run()
    return sorted(found, key=lambda candidate: candidate.shown)


class _Walk:
    def __init__(self, pattern: Pattern, paths: SourcePaths) -> None:
        self._segments = pattern.segments
        self._paths = paths
        self._scanned = 0
        self._pending: list[_Step] = []

    def run(self) -> Iterator[Match]:
        self._pending = [_Step(self._paths.folder, "", 0, {}, None)]
        while self._pending:
            step = self._pending.pop()
            segment = self._segments[step.index]
            match segment:
                case Name():
                    yield from self._take_name(step, segment)
                case Wild():
                    yield from self._take_wild(step, segment)
                case AnyFolders():
                    self._take_folders(step)

    def _is_last(self, step: _Step) -> bool:
        return step.index == len(self._segments) - 1

    def _take_name(self, step: _Step, segment: Name) -> Iterator[Match]:
        folder = step.folder / segment.text
        shown = step.shown + segment.text
        if segment.text == "..":
            folder = Path(os.path.normpath(folder))
            self._require_inside(folder, shown)
            self._descend(step, folder, shown)
            return
        kind = self._paths.files.inspect(folder).kind
        if self._is_last(step):
            if kind not in (FileKind.MISSING, FileKind.DIRECTORY):
                yield Match(shown, step.captures, step.other)
        elif kind is FileKind.UNREADABLE:
            raise PathError(f"the folder `{visible(shown)}` may not be read")
        elif kind is FileKind.DIRECTORY:
            self._descend(step, folder, shown)

    def _take_wild(self, step: _Step, segment: Wild) -> Iterator[Match]:
        for entry in self._list(step):
            if entry.is_directory == self._is_last(step):
                continue
            split = match(segment, entry.name)
            if split is None:
                continue
            captures = {**step.captures, **split[0]}
            other = {**(step.other or step.captures), **(split[1] or split[0])} if split[1] or step.other else None
            shown = step.shown + entry.name
            if self._is_last(step):
                yield Match(shown, captures, other)
            else:
                found = _Step(step.folder, step.shown, step.index, captures, other)
                self._descend(found, step.folder / entry.name, shown)

    def _take_folders(self, step: _Step) -> None:
        self._pending.append(_Step(step.folder, step.shown, step.index + 1, step.captures, step.other))
        for entry in self._list(step):
            if entry.is_directory and not entry.is_link and not entry.name.startswith("."):
                shown = f"{step.shown}{entry.name}/"
                self._pending.append(_Step(step.folder / entry.name, shown, step.index, step.captures, step.other))

    def _descend(self, step: _Step, folder: Path, shown: str) -> None:
        """Go on below a folder; it is resolved first, so that a link cannot lead the search out of the root."""
        real = self._paths.files.inspect(folder).real
        self._require_inside(real, shown)
        self._pending.append(_Step(real, f"{shown}/", step.index + 1, step.captures, step.other))

    def _require_inside(self, folder: Path, shown: str) -> None:
        if not self._paths.is_inside(folder):
            raise PathError(f"the folder `{visible(shown)}` is outside the project's root")

    def _list(self, step: _Step) -> Sequence[Listed]:
        try:
            entries = self._paths.files.list(step.folder)
        except PermissionError:
            raise PathError(f"the folder `{visible(step.shown) or '.'}` may not be read") from None
        self._scanned += len(entries)
        if self._scanned > MAX_SCANNED:
            raise PathError(
                f"the pattern looks at more than {MAX_SCANNED:,} names", hint="start it in a smaller folder"
            )
        return entries
