"""Identities and sources in a saved plan: each type as strict data, and back unchanged.

Every source lies below the project root and is stored relative to it, so that a plan of one checkout can be applied
in another. A new type of identity or source is one model here and one line in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, assert_never

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from publisher.model import (
    CONDA_FILENAME_PATTERN,
    CONDA_SUBDIR_PATTERN,
    NAME_PATTERN,
    VERSION_PATTERN,
    CondaIdentity,
    DavIdentity,
    FileSetSource,
    FileSource,
    FleetIdentity,
    Identity,
    ImageSource,
    NamedFile,
    PackageSource,
    Source,
    SourceFacts,
    WorkerForm,
    WorkerIdentity,
    WorkerSource,
)
from publisher.model import Digest as SourceDigest
from publisher.model.repository_paths import path_problem


def _below(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path or str(pure) != path or path == ".":
        raise ValueError("must be a path below the project root, without `..`")
    return path


def _sound(path: str) -> str:
    if path_problem(path) is not None:
        raise ValueError("must be a path that a manifest may name")
    return path


Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Version = Annotated[str, Field(pattern=f"^{VERSION_PATTERN}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
RootPath = Annotated[str, AfterValidator(_below), Field(description="POSIX path relative to the project root.")]
CondaSubdir = Annotated[str, Field(max_length=64, pattern=f"^{CONDA_SUBDIR_PATTERN}$")]
CondaFilename = Annotated[str, Field(max_length=255, pattern=f"^{CONDA_FILENAME_PATTERN}$")]
_Part = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\x00-\x1f\x7f]+$")]
_PlacePath = Annotated[
    str, AfterValidator(_below), Field(max_length=1024, description="Path below the artifact's place, with `/`.")
]
_RepositoryPath = Annotated[
    str, AfterValidator(_sound), Field(description="Path below the repository's address, with `/`, not encoded.")
]


class Document(BaseModel):
    """Strict, frozen, closed; its messages hold no input."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class FleetNames(Document):
    """The names of a fleet artifact, by the manifest's character rule."""

    resource_name: Name
    dev_stage: Name
    architecture: Name
    version: Version

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.identity().is_key_too_long:
            raise ValueError("the names are too long together")
        return self

    def identity(self) -> FleetIdentity:
        return FleetIdentity(**self.model_dump())


class CondaNames(Document):
    """A package of a conda channel."""

    subdir: CondaSubdir
    filename: CondaFilename

    def identity(self) -> Identity:
        return CondaIdentity(**self.model_dump())


class DavNames(Document):
    """A file or folder of an artifact repository."""

    path: _RepositoryPath

    def identity(self) -> Identity:
        return DavIdentity(**self.model_dump())


class WorkerNames(Document):
    """A worker of a repository at one revision."""

    repository_url: Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s@?#]+$")]
    slug: _Part
    revision: _Part

    def identity(self) -> Identity:
        return WorkerIdentity(**self.model_dump())


Names = FleetNames | CondaNames | DavNames | WorkerNames

NAMES: Mapping[str, type[Names]] = {
    "fleet": FleetNames,
    "conda": CondaNames,
    "webdav": DavNames,
    "arkindex": WorkerNames,
}
"""Which names the artifacts of each kind of destination have."""


class _Facts(Document):
    """Size and fingerprint of a source; null where the source could not be read."""

    shown: Annotated[str, Field(description="The source as a person wrote it.")]
    size_bytes: Size | None
    sha256: Sha256 | None

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Self:
        if (self.size_bytes is None) != (self.sha256 is None):
            raise ValueError("size and sha256 of a source are given together")
        return self

    def facts(self) -> SourceFacts | None:
        if self.size_bytes is None or self.sha256 is None:
            return None
        return SourceFacts(self.size_bytes, SourceDigest(self.sha256))


class FileEntry(_Facts):
    """A regular file."""

    type: Literal["file"]
    path: RootPath

    def source(self, root: Path) -> Source:
        return FileSource(root / self.path, root, self.shown)


class NamedFileEntry(Document):
    """A file of a set, under its name below the artifact's place."""

    name: _PlacePath
    path: RootPath
    shown: str


class FilesEntry(_Facts):
    """Several files that are one artifact."""

    type: Literal["files"]
    files: list[NamedFileEntry]

    def source(self, root: Path) -> Source:
        named = (NamedFile(item.name, FileSource(root / item.path, root, item.shown)) for item in self.files)
        return FileSetSource(tuple(named), self.shown)


class ImageEntry(_Facts):
    """A Docker image; `sha256` is its config digest."""

    type: Literal["image"]
    reference: str
    path: RootPath | None = None
    architecture: str = ""

    def source(self, root: Path) -> Source:
        local = None if self.path is None else FileSource(root / self.path, root, self.shown)
        return ImageSource(self.reference, self.shown, local, self.architecture)


class PackageEntry(_Facts):
    """A conda package, and what it has to say of itself."""

    type: Literal["package"]
    path: RootPath
    filename: CondaFilename
    subdir: CondaSubdir
    expected: dict[Literal["name", "version", "build"], str]

    def source(self, root: Path) -> Source:
        file = FileSource(root / self.path, root, self.shown)
        return PackageSource(file, self.filename, self.subdir, tuple(self.expected.items()))


RevisionValue = Literal["revision_message", "revision_author", "revision_branch", "revision_tags", "revision_url"]


class DescriptionEntry(Document):
    """The file with a worker's description."""

    path: RootPath
    shown: str


class WorkerEntry(_Facts):
    """A worker's image, and the file that describes it; `sha256` is of all that a version is made of."""

    type: Literal["worker"]
    image: str
    form: Literal["listed", "single", "defined"]
    path: RootPath
    config_shown: str
    description: DescriptionEntry | None
    values: dict[RevisionValue, str]

    def source(self, root: Path) -> Source:
        config = FileSource(root / self.path, root, self.config_shown)
        text = self.description
        description = FileSource(root / text.path, root, text.shown) if text else None
        return WorkerSource(
            self.image, config, WorkerForm(self.form), description, tuple(self.values.items()), self.shown
        )


AnyEntry = FileEntry | FilesEntry | ImageEntry | PackageEntry | WorkerEntry
Entry = Annotated[AnyEntry, Field(discriminator="type")]


def entry_of(source: Source, facts: SourceFacts | None, *, root: Path) -> AnyEntry:
    """Return a source as data. Raises `ValueError` if a file of it is not below `root`."""
    size_bytes = facts.size_bytes if facts else None
    sha256 = facts.sha256.hex if facts else None

    def relative(file: FileSource) -> str:
        return file.path.relative_to(root).as_posix()

    match source:
        case FileSource():
            return FileEntry(
                type="file", path=relative(source), shown=source.shown, size_bytes=size_bytes, sha256=sha256
            )
        case FileSetSource():
            files = [
                NamedFileEntry(name=item.name, path=relative(item.file), shown=item.file.shown) for item in source.files
            ]
            return FilesEntry(type="files", files=files, shown=source.shown, size_bytes=size_bytes, sha256=sha256)
        case ImageSource():
            return ImageEntry(
                type="image",
                reference=source.reference,
                path=relative(source.local) if source.local else None,
                architecture=source.architecture,
                shown=source.shown,
                size_bytes=size_bytes,
                sha256=sha256,
            )
        case PackageSource():
            return PackageEntry.model_validate(
                {
                    "type": "package",
                    "path": relative(source.file),
                    "filename": source.filename,
                    "subdir": source.subdir,
                    "expected": dict(source.expected),
                    "shown": source.shown,
                    "size_bytes": size_bytes,
                    "sha256": sha256,
                }
            )
        case WorkerSource():
            text = source.description
            return WorkerEntry.model_validate(
                {
                    "type": "worker",
                    "image": source.image,
                    "form": source.form.value,
                    "path": relative(source.config),
                    "config_shown": source.config.shown,
                    "description": {"path": relative(text), "shown": text.shown} if text else None,
                    "values": dict(source.values),
                    "shown": source.shown,
                    "size_bytes": size_bytes,
                    "sha256": sha256,
                }
            )
        case _:
            assert_never(source)
