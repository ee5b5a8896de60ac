"""What destinations hold and what became of an artifact: observations, failures, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from publisher.errors import PublisherError


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
    OUTDATED = "outdated"


class Certainty(StrEnum):
    """How sure an observation is: `verified` means the destination was asked and answered."""

    VERIFIED = "verified"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What is stored at the destination, as the report shows it. Never holds an encryption key.

    A fleet's object has `key` and `cdn_url`; a file of a channel or an artifact repository has the `url` under which
    it is downloaded; a worker version has its `version_id` and, where the server tells it, the `url` of its page.
    """

    key: str | None = None
    cdn_url: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    url: str | None = None
    version_id: str | None = None


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
    """The answer of one destination about one artifact. `detail` is a sentence for people.

    `notes` are sentences about what is no failure and yet worth a look.
    """

    state: State
    certainty: Certainty
    detail: str = ""
    object: ObjectFacts | None = None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


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
    """What happened to one artifact. `seconds` maps step names to monotonic durations.

    `source_sha256` is the source fingerprint in hex, if it was found out only now.
    """

    status: Status
    reason: str
    verification: str | None = None
    object: ObjectFacts | None = None
    failure: Failure | None = None
    attempts: int = 0
    uploaded_bytes: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source_sha256: str | None = None
