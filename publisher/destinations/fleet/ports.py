"""What one fleet destination is made of: the adapters, settings and limits its drivers share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore
from typing import Protocol
from urllib.parse import quote

from publisher.destinations.fleet.escrow import KeyCodec
from publisher.destinations.fleet.streaming import part_size
from publisher.destinations.fleet.values import Sealed
from publisher.destinations.port import RunFacts
from publisher.model import FleetIdentity
from publisher.registries.port import ClaimBook, KeyEscrow, Registry
from publisher.retry import RetryPolicy
from publisher.sealing.parts import PartBuffers
from publisher.stores.port import ObjectStore
from publisher.stores.terms import StoreTerms

SEALING_AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""How many artifacts are sealed at the same time: each keeps about one core busy with encryption alone."""

BUFFERED_BYTES = 80 << 20
"""How much of all uploads waits for the store at once: five parts of the usual size."""


class Statements(Protocol):
    """Signs what is registered. See `statements.ObjectStatements`."""

    def require_room(self, identity: FleetIdentity) -> None:
        """Raise `InputError` if a statement of this artifact could not be stored."""

    def keep(self, identity: FleetIdentity, sealed: Sealed, run: RunFacts) -> str | None:
        """Make sure that a signed statement is there; return what a person should know of it. May be repeated."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of the machine one fleet uses at once, however many artifacts are in flight.

    Sealing is bound by the processor and sending by the network, so each has its own limit. Objects up to `held_bytes`
    wait for their upload in memory, larger ones go in parts where the store allows it. `part_bytes` makes the size of
    parts from that of the source; `part_threads` are for each artifact; with 0 parts are sent by the thread that seals.
    """

    sealing: Semaphore = field(default_factory=lambda: Semaphore(SEALING_AT_ONCE))
    buffers: PartBuffers = field(default_factory=lambda: PartBuffers(SEALING_AT_ONCE + 4, BUFFERED_BYTES))
    part_bytes: Callable[[int], int] = part_size
    part_threads: int = 3
    held_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class FleetPorts:
    """`check_store` raises `CapabilityError` unless the store was proved to honour create-if-absent, and says what else
    a publish may rely on. `distrust_store` drops that proof after a broken promise. Without `statements` nothing is
    signed.
    """

    store: ObjectStore
    registry: Registry
    escrow: KeyEscrow
    codec: KeyCodec
    cdn_base_url: str
    check_store: Callable[[], StoreTerms]
    distrust_store: Callable[[], None]
    retry: RetryPolicy
    spool_folder: Path | None = None
    statements: Statements | None = None
    claims: ClaimBook | None = None
    """Where claims are kept: beside the objects, or in the registry's database where that is the fence."""
    effort: Effort = field(default_factory=Effort)

    def cdn_url(self, identity: FleetIdentity) -> str:
        """Return where devices download the object: the base without its trailing slash, and the quoted object key."""
        return f"{self.cdn_base_url.rstrip('/')}/{quote(identity.object_key)}"

    def receipt_key(self, identity: FleetIdentity) -> str:
        return f".publish/receipts/{identity.object_key}.json"
