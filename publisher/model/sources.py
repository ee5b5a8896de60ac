"""Where the bytes of an artifact come from, as the manifest says it: frozen, hashable, nothing opened.

A source is known before it is read; `publisher.sources` reads it. `shown` is how messages, the plan and the report
call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileSource:
    """A regular file below `root`. `shown` is its path as a person wrote it, relative to the manifest."""

    path: Path
    root: Path
    shown: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file of a set; `name` is its path below the artifact's place, with `/`, without `.` and `..`."""

    name: str
    file: FileSource


@dataclass(frozen=True, slots=True)
class FileSetSource:
    """Several files that are one artifact, sorted by name; no two have one name. `shown` is the pattern as written."""

    files: tuple[NamedFile, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A Docker image. `reference` is what the manifest says (see `model.images`), `shown` what messages may show of it.

    `local` is the archive, or the index of an OCI layout, if the reference names one. `architecture` is that of the
    artifact: it chooses among the images of several platforms, and is compared with the image.
    """

    reference: str
    shown: str
    local: FileSource | None = None
    architecture: str = ""


class WorkerForm(StrEnum):
    """How a file describes workers."""

    LISTED = "listed"
    """`.arkindex.yml`, format 2: a list of workers."""
    SINGLE = "single"
    """A file that `.arkindex.yml` names by a pattern: one worker of its list."""
    DEFINED = "defined"
    """A definition, `arkindex/NAME.yml`: one worker, for servers that import its text."""


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A conda package. It has to say of itself what it is called: `filename`, and that it is for `subdir`.

    `expected` are further facts as the manifest asserts them (`name`, `version`, `build`, in this order).
    """

    file: FileSource
    filename: str
    subdir: str
    expected: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        return self.file.shown


@dataclass(frozen=True, slots=True)
class WorkerSource:
    """What a worker version is made of: a Docker image, by name only, and the file that describes its worker.

    `description` is the file with the worker's description, where the configuration names one. `values` are what else
    is known of the revision (`revision_url`, `revision_branch` ...), names and texts in the order of the kind's fields;
    tags are separated by spaces.
    """

    image: str
    config: FileSource
    form: WorkerForm
    description: FileSource | None
    values: tuple[tuple[str, str], ...]
    shown: str


Source = FileSource | FileSetSource | ImageSource | PackageSource | WorkerSource
"""Every kind of source. A new one is a type here, a case in `publisher.sources.reading` and one in the saved plan."""
