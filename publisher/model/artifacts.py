"""The manifest's side: artifacts, their destinations, and what was read of their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from publisher.model.digests import Digest
from publisher.model.identities import Identity
from publisher.model.outcomes import Failure
from publisher.model.sources import Source


class Compression(StrEnum):
    """How a source is compressed before encryption; `wire` is what a device has to undo."""

    FAST = "fast"
    BEST = "best"
    NONE = "none"

    @property
    def wire(self) -> str:
        return "none" if self is Compression.NONE else "gzip"


@dataclass(frozen=True, slots=True)
class ArtifactId:
    """`destination:identity`, the same string in the plan, the events, the report, `--only` and messages."""

    destination: str
    path: str

    def __str__(self) -> str:
        return f"{self.destination}:{self.path}"


@dataclass(frozen=True, slots=True)
class DestinationSpec:
    """A destination as the manifest names it; its settings come from the environment, under `env_prefix`."""

    name: str
    kind: str
    env_prefix: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value of an artifact came from, for `publish explain`. Never holds an environment variable's value."""

    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of the expanded manifest: one source, one destination, one identity.

    `compression` is `none` for kinds that publish files as they are. `options` are what else the entry says, names
    and texts in the order of the kind's fields; they are kept in a saved plan, like everything that apply needs.
    """

    destination: str
    kind: str
    identity: Identity
    source: Source
    compression: Compression = Compression.FAST
    line: int = 0
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    options: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> ArtifactId:
        return ArtifactId(self.destination, self.identity.path)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What was read of a source while planning; `apply` refuses another one.

    `fingerprint` is the *source fingerprint*, which says whether two sources are the same: of a file the SHA-256 of its
    bytes; of a set of files that of the canonical listing of their names, sizes and digests; of an image its config
    digest, because two exports of one image differ in bytes; of a worker that of its canonical request. `size_bytes`
    is what there is to read; of an image an estimate.
    """

    size_bytes: int
    fingerprint: Digest | None
    """None for a large file of which only the size is known: its destination learns the rest while it seals it."""

    @property
    def sha256(self) -> Digest:
        """The fingerprint, where it must be known. RuntimeError if it is not."""
        if self.fingerprint is None:
            raise RuntimeError("the source was not read yet")
        return self.fingerprint


@dataclass(frozen=True, slots=True)
class ReadyArtifact:
    """An artifact whose source was read, or only found: what destinations are asked about and handed to publish."""

    artifact: Artifact
    source: SourceFacts


@dataclass(frozen=True, slots=True)
class UnreadySource:
    """An artifact whose source could not be read while planning."""

    artifact: Artifact
    failure: Failure
