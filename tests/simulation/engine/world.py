"""What exists outside of all processes: one bucket, one registry, one escrow. The state behind the scheduled ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from publisher.destinations.fleet.claims import read_claim
from publisher.model import FleetIdentity
from publisher.registries.port import ClaimRecord, Row
from tests.simulation.engine.scenario import Scenario
from tests.support.memory_registry import MemoryClaims, MemoryEscrow, MemoryRegistry
from tests.support.memory_store import MemoryStore

KEYS, RECEIPTS, CLAIMS = ".publish/keys/", ".publish/receipts/", ".publish/claims/"


@dataclass(eq=False, slots=True)
class World:
    scenario: Scenario
    store: MemoryStore = field(default_factory=MemoryStore)
    registry: MemoryRegistry = field(init=False)
    escrow: MemoryEscrow = field(default_factory=MemoryEscrow)
    claims: MemoryClaims = field(default_factory=MemoryClaims)
    sources: dict[str, str] = field(default_factory=dict)
    """The source fingerprint of everything that was ever sealed, by its nonce."""
    added_at: dict[FleetIdentity, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = self.scenario.registry
        self.store.honours_condition = self.scenario.way != "sql-claim"
        self.registry = MemoryRegistry(has_lookup=kind.has_lookup, on_duplicate=kind.on_duplicate)

    @property
    def rows(self) -> list[Row]:
        return self.registry.rows

    def bytes_of(self, upload_id: str) -> bytes:
        """Return what a completion of this upload would make."""
        upload = self.store.uploads.get(upload_id)
        return b"".join(upload.parts[number] for number in sorted(upload.parts)) if upload else b""

    def source_of(self, marks: Mapping[str, str]) -> str | None:
        """Return the source that an object with these marks was made from."""
        return self.sources.get(marks.get("publish-nonce", ""))

    def row_of(self, identity: FleetIdentity) -> Row | None:
        return next((row for row in self.registry.rows if row.identity == identity), None)

    def claim_of(self, object_key: str) -> ClaimRecord | None:
        """Return the claim of this object key, wherever claims are kept here."""
        if self.scenario.way == "sql-claim":
            return self.claims.claims.get(object_key)
        stored = self.store.objects.get(f"{CLAIMS}{object_key}.json")
        return read_claim(stored.data) if stored else None

    def has_record(self, nonce: str) -> bool:
        if self.scenario.escrow == "object":
            return f"{KEYS}{nonce}.json" in self.store.objects
        return nonce in self.escrow.records

    def has_receipt(self, object_key: str) -> bool:
        return f"{RECEIPTS}{object_key}.json" in self.store.objects
