"""The one thing expansion asks of the world: what stands below the project's root. A port, and its answer types.

Looking at what a path is never opens it, so a FIFO or a device cannot make a plan hang. A file is read only where it
says which artifacts there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from publisher.model import FileSource


class FileKind(StrEnum):
    """What a path leads to, links followed; the values are the words of the messages."""

    REGULAR = "a regular file"
    DIRECTORY = "a directory"
    FIFO = "a FIFO"
    SOCKET = "a socket"
    DEVICE = "a device"
    MISSING = "missing"
    DANGLING_LINK = "a link to nothing"
    LINK_LOOP = "a loop of links"
    TOO_LONG = "a path that is too long"
    UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True)
class Inspection:
    """`real` is the absolute path with every link resolved; where the end is missing, as far as it exists."""

    kind: FileKind
    real: Path


@dataclass(frozen=True, slots=True)
class Listed:
    """One name in a directory. `is_directory` follows links."""

    name: str
    is_directory: bool
    is_link: bool


class Files(Protocol):
    """The file system, read side, nothing opened. `publisher.manifest.disk.DiskFiles` is the real one."""

    def project_root(self, folder: Path) -> Path:
        """Return the real path of the nearest folder upwards that holds `.git`, else of `folder` itself."""

    def inspect(self, path: Path) -> Inspection:
        """Say what an absolute path leads to. Never raises for what stands there, and never opens it."""

    def list(self, folder: Path) -> Sequence[Listed]:
        """Return the names in a directory in any order, without `.` and `..`; empty where there is none.

        Raises `PermissionError` for a directory that may not be listed.
        """

    def package_subdir(self, file: FileSource, filename: str) -> str | None:
        """Return the subdir that a conda package says it is for, or None where it says none. Raises `SourceError`."""

    def read(self, file: FileSource, limit_bytes: int) -> bytes:
        """Return all bytes of a regular file below its root. Raises `SourceError`, also for a larger one."""
