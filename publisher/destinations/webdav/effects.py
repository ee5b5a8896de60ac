"""What the recipe may ask of the world. It yields these; a driver performs them and sends the answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from publisher.destinations.stepping import Effect
from publisher.destinations.webdav.ports import MoveAnswer


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as it is wanted: its path at the repository, and what its bytes are."""

    path: str
    size_bytes: int
    sha256: str


class Comparison(StrEnum):
    """What is at a path, compared with what is wanted there."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Compare(Effect[Comparison]):
    """Compare length and SHA-256 of what is at `path` (of the file, or its part) with `wanted`."""

    path: str
    wanted: RemoteFile


@dataclass(frozen=True, slots=True)
class Measure(Effect[Comparison]):
    """Compare the length alone; what does not tell its length counts as the same."""

    path: str
    wanted: RemoteFile


@dataclass(frozen=True, slots=True)
class NamePart(Effect[str]):
    """Draw a name that nobody else uses, beside the file."""

    wanted: RemoteFile


@dataclass(frozen=True, slots=True)
class MakeFolder(Effect[None]):
    """Get what lets us write to the folder that a path lies in, and make it."""

    path: str


@dataclass(frozen=True, slots=True)
class Upload(Effect[None]):
    """Send the whole file to its part. Raises `SourceChangedError` before the last byte of another source is sent."""

    part: str
    wanted: RemoteFile


@dataclass(frozen=True, slots=True)
class Move(Effect[MoveAnswer]):
    """Rename a part to the file unless something is there. After a `TransportError` it may have happened."""

    part: str
    target: str


@dataclass(frozen=True, slots=True)
class Discard(Effect[None]):
    """Delete a part of one's own; being gone is fine."""

    part: str


@dataclass(frozen=True, slots=True)
class Pause(Effect[bool]):
    """Wait before trying again. False when attempts are used up or a stop was requested: do not try again."""

    attempt: int
    why: str
    retry_after_s: float | None = None
