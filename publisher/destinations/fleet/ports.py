"""What one fleet destination is made of: the adapters and settings its drivers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from publisher.destinations.fleet.escrow import KeyCodec
from publisher.destinations.fleet.values import Sealed
from publisher.destinations.port import RunFacts
from publisher.model import FleetIdentity
from publisher.registries.port import KeyEscrow, Registry
from publisher.retry import RetryPolicy
from publisher.stores.port import ObjectStore


class Statements(Protocol):
    """Signs what is registered. See `statements.ObjectStatements`."""

    def require_room(self, identity: FleetIdentity) -> None:
        """Raise `InputError` if a statement of this artifact could not be stored."""

    def keep(self, identity: FleetIdentity, sealed: Sealed, run: RunFacts) -> str | None:
        """Make sure that a signed statement is there; return what a person should know of it. May be repeated."""


@dataclass(frozen=True, slots=True)
class FleetPorts:
    """`check_store` raises `CapabilityError` unless the store was proved to honour create-if-absent, and says whether
    it refuses damaged uploads by itself. `distrust_store` drops that proof after a broken promise. Without
    `statements` nothing is signed.
    """

    store: ObjectStore
    registry: Registry
    escrow: KeyEscrow
    codec: KeyCodec
    cdn_base_url: str
    check_store: Callable[[], bool]
    distrust_store: Callable[[], None]
    retry: RetryPolicy
    spool_folder: Path | None = None
    statements: Statements | None = None

    def cdn_url(self, identity: FleetIdentity) -> str:
        """Return where devices download the object: the base without its trailing slash, and the quoted object key."""
        return f"{self.cdn_base_url.rstrip('/')}/{quote(identity.object_key)}"

    def receipt_key(self, identity: FleetIdentity) -> str:
        return f".publish/receipts/{identity.object_key}.json"
