"""One path of a manifest to a regular file below the project's root, without ever opening it.

It refuses absolute paths, paths and links that lead out of the root, and everything that is not a regular file.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from pathlib import Path

from publisher.manifest.escaping import is_safe, visible
from publisher.manifest.files import FileKind, Files
from publisher.manifest.interpolation import Rendered
from publisher.manifest.problems import Problems
from publisher.model import FileSource


class PathError(ValueError):
    """A path that cannot be a source."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_OUTSIDE = "sources stay below the project's root: the nearest folder with `.git`, or the manifest's own folder"
_HINTS = {
    FileKind.DIRECTORY: "name a file in it, or use `files:` with a pattern",
    FileKind.UNREADABLE: "check the permissions of the file and of its folders",
}


@dataclass(frozen=True, slots=True)
class SourcePaths:
    """Paths relative to `folder`, the manifest's. `folder` and `root` are real paths, links resolved."""

    folder: Path
    root: Path
    files: Files

    def check_text(self, path: Rendered) -> None:
        """Refuse what cannot be a path below the root by its text alone, before the file system is touched.

        Raises `PathError`.
        """
        shown = f"`{visible(path.shown)}`"
        if not path.text:
            raise PathError("the path is empty")
        if not is_safe(path.text):
            raise PathError(f"the path {shown} holds a control or invisible character, or is not UTF-8")
        if "://" in path.text:
            raise PathError(f"{shown} is a URL, not a path", hint="download it first: sources are local files")
        if path.text.startswith("/"):
            raise PathError(f"the path {shown} is absolute", hint="write it relative to the manifest's folder")
        if not _is_below(os.path.normpath(f"{self.folder}/{path.text}"), str(self.root)):
            raise PathError(f"the path {shown} leads out of the project's root", hint=_OUTSIDE)

    def is_inside(self, path: Path) -> bool:
        return _is_below(str(path), str(self.root))

    def source(self, path: Rendered, problems: Problems) -> FileSource:
        """Return the regular file that a path leads to. Raises `PathError`; nothing outside the root is looked at."""
        self.check_text(path)
        absolute = self.folder / path.text
        found = self.files.inspect(absolute)
        shown = f"`{visible(path.shown)}`"
        if found.kind is FileKind.REGULAR:
            if self.is_inside(found.real):
                return FileSource(path=found.real, root=self.root, shown=path.text)
            raise PathError(f"{shown} is reached through a link that leads out of the project's root", hint=_OUTSIDE)
        if found.kind is FileKind.MISSING:
            raise PathError(f"there is no file {shown}", hint=self._near(absolute, path, problems))
        if found.kind in (FileKind.LINK_LOOP, FileKind.DANGLING_LINK, FileKind.TOO_LONG, FileKind.UNREADABLE):
            raise PathError(f"{shown} is {found.kind}", hint=_HINTS.get(found.kind))
        raise PathError(f"{shown} is {found.kind}, and a source is a regular file", hint=_HINTS.get(found.kind))

    def _near(self, absolute: Path, path: Rendered, problems: Problems) -> str:
        """Suggest a neighbour, unless part of the path came from the environment or the folder is elsewhere."""
        advice = "build it first; paths are relative to the manifest's folder"
        parent = self.files.inspect(absolute.parent)
        if (
            problems.is_full
            or path.text != path.shown
            or parent.kind is not FileKind.DIRECTORY
            or not self.is_inside(parent.real)
        ):
            return advice
        try:
            names = [visible(entry.name) for entry in self.files.list(absolute.parent) if not entry.is_directory]
        except PermissionError:
            return advice
        near = problems.suggest(absolute.name, names)
        return f"{near} Otherwise {advice}" if near else advice


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root.endswith("/") else root + "/")
