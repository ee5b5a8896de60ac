"""What a repair may ask of the world beyond a publish: other copies of the registered bytes, and to exchange an object.

Nothing outside of `repair` and `takeover` yields these, so no other command can overwrite an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from publisher.destinations.fleet.values import Marks
from publisher.destinations.stepping import Effect
from publisher.model import DataKey, Digest
from publisher.registries.port import Row
from publisher.stores.port import CreateAnswer, ReplaceAnswer, VersionInfo


@dataclass(frozen=True, slots=True)
class Target:
    """The bytes that a registration promises. Without a key they can be recognised, but not opened or made again."""

    sha256: Digest
    size_bytes: int
    key: DataKey | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Registered bytes that lie in a spool now. Both are empty where the bytes could not be opened."""

    source_sha256: str
    compression: str


@dataclass(frozen=True, slots=True)
class NamesakeRows:
    """Rows of other identities with our object key. There may be more unless `are_all_seen`."""

    rows: tuple[Row, ...]
    are_all_seen: bool


@dataclass(frozen=True, slots=True)
class RowsOfNamesakes(Effect[NamesakeRows]):
    """Ask the registry for other identities with our object key."""


@dataclass(frozen=True, slots=True)
class HashObject(Effect[Digest | None]):
    """Read the whole object; answer the SHA-256 of its bytes, or None if nothing is there."""


@dataclass(frozen=True, slots=True)
class HashCopy(Effect[Digest | None]):
    """Do the same with the copy in quarantine under this digest."""

    sha256: Digest


@dataclass(frozen=True, slots=True)
class KeepCopy(Effect[None]):
    """Copy what is under our object key into quarantine under this digest."""

    sha256: Digest


@dataclass(frozen=True, slots=True)
class DropCopy(Effect[None]):
    """Remove a copy in quarantine whose bytes are not those of its name."""

    sha256: Digest


@dataclass(frozen=True, slots=True)
class ListVersions(Effect[Sequence[VersionInfo]]):
    """Ask for older versions of the object; empty where the store keeps none."""


@dataclass(frozen=True, slots=True)
class TakeVersion(Effect[Found | None]):
    """Spool one version; None unless it is the target, byte for byte."""

    target: Target
    version_id: str


@dataclass(frozen=True, slots=True)
class TakeCopy(Effect[Found | None]):
    """Spool the copy in quarantine under the target's digest; None unless it is there and right."""

    target: Target


@dataclass(frozen=True, slots=True)
class Rebuild(Effect[Found | None]):
    """Seal the source again with the target's key; None unless the same bytes come out."""

    target: Target


@dataclass(frozen=True, slots=True)
class CheckReplace(Effect[bool]):
    """Try on a probe object whether the store honours If-Match."""


@dataclass(frozen=True, slots=True)
class DropReceipt(Effect[None]):
    """Remove the receipt of a registration that the registry says is gone; absent is fine."""


@dataclass(frozen=True, slots=True)
class PutBack(Effect[CreateAnswer]):
    """Create the object from the spool that `marks` describe, only if nothing is there."""

    marks: Marks


@dataclass(frozen=True, slots=True)
class Exchange(Effect[ReplaceAnswer]):
    """Overwrite the object from the spool that `marks` describe, only if it still has this ETag; `*` is any object."""

    marks: Marks
    if_match: str
