"""Value types that every room shares: what an artifact is, what was seen, what happened.

Standard library only, no IO. Everything here is frozen and safe to hand to another thread.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, Protocol

from publisher.errors import PublisherError

NAME_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?"
"""What a name of a fleet identity may be: it becomes part of an object key, a URL and a row. No dot at the end."""

VERSION_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,126}[A-Za-z0-9_+-])?"
"""The same for a version, which may also hold `+` (`2.1.0+cu118`)."""

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Digest:
    """A SHA-256 digest as 64 lowercase hexadecimal digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX_SHA256.fullmatch(self.hex):
            raise ValueError("a digest is 64 lowercase hexadecimal digits")

    def __str__(self) -> str:
        return self.hex


class DataKey:
    """The 32 bytes that encrypt one artifact, once. Never printed, pickled or compared by accident."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != 32:
            raise ValueError("a data key has 32 bytes")
        self._raw = raw

    def reveal(self) -> bytes:
        """Return the raw 32 bytes, for the cipher only."""
        return self._raw

    def reveal_hex(self) -> str:
        """Return 64 lowercase hexadecimal digits, for the registry's body or column only."""
        return self._raw.hex()

    def __repr__(self) -> str:
        return "DataKey(**********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key is not to be pickled")


class Compression(StrEnum):
    """How a source is compressed before encryption; `wire` is what a device has to undo."""

    FAST = "fast"
    BEST = "best"
    NONE = "none"

    @property
    def wire(self) -> str:
        return "none" if self is Compression.NONE else "gzip"


class Identity(Protocol):
    """What an artifact is called at its destination. Each kind of destination has its own."""

    @property
    def path(self) -> str:
        """One printable line, unique within a destination; the second half of the artifact's id."""

    def fields(self) -> dict[str, str]:
        """Names and values in the order they are shown and written to the report."""


@dataclass(frozen=True, slots=True)
class FleetIdentity:
    """The four names of a Resources row; the row's unique key."""

    resource_name: str
    dev_stage: str
    architecture: str
    version: str

    @property
    def path(self) -> str:
        return f"{self.dev_stage}/{self.resource_name}/{self.architecture}/{self.version}"

    @property
    def object_key(self) -> str:
        """Return the key of the sealed object, relative to the bucket, without a leading slash.

        Distinct identities can share a key, because the separator is not escaped: (`m`, `x86-64`, `1`) and
        (`m-x86`, `64`, `1`). The manifest compares keys before anything is uploaded, and the object's metadata
        carries `sha256` below. Source: publish_artifact_integration.md, "Object key".
        """
        return f"{self.dev_stage}/{self.resource_name}-{self.architecture}-{self.version}.enc"

    @property
    def sha256(self) -> str:
        """Return the identity hash: hex SHA-256 of the canonical JSON of the four names."""
        canonical = json.dumps(self.fields(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def fields(self) -> dict[str, str]:
        return {
            "resource_name": self.resource_name,
            "dev_stage": self.dev_stage,
            "architecture": self.architecture,
            "version": self.version,
        }


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
class FileSource:
    """A regular file below `root`. `shown` is its path as a person wrote it, relative to the manifest."""

    path: Path
    root: Path
    shown: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value of an artifact came from, for `publish explain`. Never holds an environment variable's value."""

    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of the expanded manifest: one source, one destination, one identity."""

    destination: str
    kind: str
    identity: FleetIdentity
    source: FileSource
    compression: Compression = Compression.FAST
    line: int = 0
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)

    @property
    def id(self) -> ArtifactId:
        return ArtifactId(self.destination, self.identity.path)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What was read of a source while planning; `apply` refuses other bytes."""

    size_bytes: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class ReadyArtifact:
    """An artifact whose source was read: what destinations are asked about and handed to publish."""

    artifact: Artifact
    source: SourceFacts


class State(StrEnum):
    """What a destination holds for one artifact, in the order in which the states are decided."""

    UNKNOWN = "unknown"
    COLLISION = "collision"
    DAMAGED = "damaged"
    CONFLICT = "conflict"
    PUBLISHED = "published"
    MISSING = "missing"
    UNFINISHED = "unfinished"
    ORPHAN = "orphan"


class Certainty(StrEnum):
    """How sure an observation is: `verified` means the destination was asked and answered."""

    VERIFIED = "verified"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """The stored object as the report shows it. Never holds a key."""

    key: str
    cdn_url: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as data, for the report. `exit_code` is what this failure alone would end the process with."""

    code: str
    message: str
    hint: str | None
    retryable: bool
    exit_code: int


def failure_from(error: PublisherError) -> Failure:
    """Return an error as data."""
    return Failure(error.code, error.message, error.hint, error.retryable, error.exit_code)


@dataclass(frozen=True, slots=True)
class Observation:
    """The answer of one destination about one artifact. `detail` is a sentence for people."""

    state: State
    certainty: Certainty
    detail: str = ""
    object: ObjectFacts | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class UnreadySource:
    """An artifact whose source could not be read while planning."""

    artifact: Artifact
    failure: Failure


class Status(StrEnum):
    """How one artifact ended; the report's closed list."""

    PUBLISHED = "published"
    ADOPTED = "adopted"
    SKIPPED = "skipped"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one artifact. `seconds` maps step names to monotonic durations."""

    status: Status
    reason: str
    verification: str | None = None
    object: ObjectFacts | None = None
    failure: Failure | None = None
    attempts: int = 0
    uploaded_bytes: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
