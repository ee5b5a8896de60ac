"""The real file system behind the `Files` port. Names and kinds are read; a file is opened only on request."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from publisher.manifest.files import FileKind, Inspection, Listed
from publisher.model import FileSource

_AS_EFFECTIVE_USER = os.access in os.supports_effective_ids

_KINDS = (
    (stat.S_ISREG, FileKind.REGULAR),
    (stat.S_ISDIR, FileKind.DIRECTORY),
    (stat.S_ISFIFO, FileKind.FIFO),
    (stat.S_ISSOCK, FileKind.SOCKET),
)


class DiskFiles:
    """Remembers folders for its lifetime: use one for one manifest."""

    def __init__(self) -> None:
        self._real_folders: dict[str, str] = {}
        self._listings: dict[Path, list[Listed]] = {}

    def project_root(self, folder: Path) -> Path:
        start = Path(os.path.realpath(folder))
        return next((place for place in (start, *start.parents) if os.path.lexists(place / ".git")), start)

    def inspect(self, path: Path) -> Inspection:
        try:
            return self._inspect(str(path))
        except OSError as error:
            kinds = {errno.ELOOP: FileKind.LINK_LOOP, errno.ENAMETOOLONG: FileKind.TOO_LONG}
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            kind = FileKind.MISSING if missing else kinds.get(error.errno or 0, FileKind.UNREADABLE)
            return Inspection(kind, path)

    def list(self, folder: Path) -> list[Listed]:
        if folder not in self._listings:
            self._listings[folder] = _list(folder)
        return self._listings[folder]

    def package_subdir(self, file: FileSource, filename: str) -> str | None:
        from publisher.sources.packages import subdir_of

        return subdir_of(file, filename, _go_on)

    def read(self, file: FileSource, limit_bytes: int) -> bytes:
        from publisher.sources.files import read_whole

        return read_whole(file, limit_bytes=limit_bytes)

    def _inspect(self, path: str) -> Inspection:
        folder, name = os.path.split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        real = f"{self._real_folders[folder].rstrip('/')}/{name}"
        facts = os.lstat(path)
        if name in ("", ".", "..") or stat.S_ISLNK(facts.st_mode):
            real = os.path.realpath(path)
            try:
                facts = os.stat(path)  # noqa: PTH116 - strings on purpose: 10,000 paths are looked at
            except FileNotFoundError:
                return Inspection(FileKind.DANGLING_LINK, Path(real))
        kind = next((kind for is_kind, kind in _KINDS if is_kind(facts.st_mode)), FileKind.DEVICE)
        if kind is FileKind.REGULAR and not os.access(
            path, os.R_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            kind = FileKind.UNREADABLE
        return Inspection(kind, Path(real))


class FilesOrGone(DiskFiles):
    """Takes a missing file for one that is there, for commands which look at what was published long ago.

    Reading it fails later, and that is for the command to tell. What a `files` pattern matched cannot be known.
    """

    def inspect(self, path: Path) -> Inspection:
        found = super().inspect(path)
        if found.kind in (FileKind.MISSING, FileKind.DANGLING_LINK):
            return Inspection(FileKind.REGULAR, Path(os.path.realpath(path)))
        return found


def _go_on() -> None:
    pass


def _list(folder: Path) -> list[Listed]:
    try:
        with os.scandir(folder) as entries:
            return [Listed(entry.name, _is_directory(entry), entry.is_symlink()) for entry in entries]
    except PermissionError:
        raise
    except OSError:
        return []


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
