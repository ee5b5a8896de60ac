"""The port to a registry of published artifacts (the Resources table), and to an escrow of unfinished ones.

A lookup has three answers (registered, absent, unseen) and can fail; only a proven absence permits a publish.
Failures are `CredentialsError`, `TransportError`, `ProtocolError`, `RejectedError`; never "absent".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from publisher.errors import PublisherError
from publisher.model import DataKey, Digest, FleetIdentity


@dataclass(frozen=True, slots=True)
class Row:
    """One registered artifact. `encryption_key` is None where the registry does not give it back."""

    identity: FleetIdentity
    cdn_url: str
    sha256: Digest
    size_bytes: int
    encryption_key: DataKey | None


class NoRow(Enum):
    """Why a lookup returned no row."""

    ABSENT = "absent"
    """The registry was asked, answered, and has no such row."""
    UNSEEN = "unseen"
    """This registry cannot say (no lookup endpoint, or one that shows only the newest versions); receipts stand in."""


Lookup = Row | NoRow


@dataclass(frozen=True, slots=True)
class Accepted:
    """The registry accepted the row."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The registry says that it has a row of this identity already; `sha256` if the answer shows the stored one."""

    sha256: Digest | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The registry refused the row. `business` marks a bare 409, which alone proves nothing: a lookup decides."""

    error: PublisherError
    business: bool = False


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The row may or may not be there: time-out, reset, 5xx, or a 2xx of another shape."""

    error: PublisherError


RegisterAnswer = Accepted | Duplicate | Refused | NoAnswer


class Registry(Protocol):
    """A registry of published artifacts."""

    @property
    def location(self) -> str:
        """Where this is, for messages and receipts: a URL without credentials."""

    @property
    def lookup_batch(self) -> int:
        """How many identities one lookup request can answer (at least 1); 0 if there is no lookup at all."""

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        """Answer for every identity given. Raises instead of guessing."""

    def register(self, row: Row) -> RegisterAnswer:
        """Add a row, whose key must be known, with one request or transaction. The same row gives the same bytes."""


@dataclass(frozen=True, slots=True)
class EscrowRecord:
    """What another run needs to finish an object it did not write (DESIGN.md, "Escrow")."""

    nonce: str
    identity_sha256: str
    object_key: str
    sha256: Digest
    size_bytes: int
    source_sha256: str
    compression: str
    kid: str | None
    """Which recovery key wrapped the data key (8 hex digits), or None for a raw key."""
    data_key: str
    """Base64 of the raw or wrapped 32 bytes. Secret when `kid` is None."""
    created: datetime | None = field(default=None, compare=False)
    """When it was made, in UTC, by the clock of whoever keeps it, or of whoever made it; None if that is not known."""

    def __repr__(self) -> str:
        return f"EscrowRecord(nonce={self.nonce!r}, object_key={self.object_key!r}, data_key=**********)"


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """What the first run decided about one object key, for good (DESIGN.md, "Claims"). Holds no key material.

    With a nonce it pins the bytes: `sha256` (hex) and `size_bytes` of the sealed object, whose key is in escrow under
    that nonce. Without one it says that the object is made by one conditional PUT, whoever's.
    """

    object_key: str
    identity_sha256: str
    nonce: str = ""
    sha256: str = ""
    size_bytes: int = 0
    source_sha256: str = ""
    compression: str = ""

    @property
    def is_pinned(self) -> bool:
        return bool(self.nonce)


class ClaimBook(Protocol):
    """Write-once storage of claims, by object key. Nothing in it is ever changed or deleted."""

    @property
    def location(self) -> str: ...

    def put(self, claim: ClaimRecord) -> ClaimRecord:
        """Store `claim` durably if its object key is unclaimed, and return the claim that is there.

        `TransportError` if it is not certain that any is there.
        """


class KeyEscrow(Protocol):
    """Write-once storage of escrow records, by nonce."""

    @property
    def location(self) -> str: ...

    def put(self, record: EscrowRecord) -> None:
        """Store durably before returning. The same record again is fine; another of that nonce is a RuntimeError."""

    def get(self, nonce: str) -> EscrowRecord | None: ...

    def drop(self, nonce: str) -> None:
        """Delete; absent is fine."""
