"""What exists outside of all processes: one bucket, one registry, one escrow. The state behind the scheduled ports."""

from __future__ import annotations

from dataclasses import dataclass, field

from publisher.model import FleetIdentity
from publisher.registries.port import Row
from tests.simulation.engine.scenario import Scenario
from tests.support.memory_registry import MemoryEscrow, MemoryRegistry
from tests.support.memory_store import MemoryStore

KEYS, RECEIPTS = ".publish/keys/", ".publish/receipts/"


@dataclass(eq=False, slots=True)
class World:
    scenario: Scenario
    store: MemoryStore = field(default_factory=MemoryStore)
    registry: MemoryRegistry = field(init=False)
    escrow: MemoryEscrow = field(default_factory=MemoryEscrow)
    added_at: dict[FleetIdentity, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = self.scenario.registry
        self.registry = MemoryRegistry(has_lookup=kind.has_lookup, on_duplicate=kind.on_duplicate)

    @property
    def rows(self) -> list[Row]:
        return self.registry.rows

    def row_of(self, identity: FleetIdentity) -> Row | None:
        return next((row for row in self.registry.rows if row.identity == identity), None)

    def has_record(self, nonce: str) -> bool:
        if self.scenario.escrow == "object":
            return f"{KEYS}{nonce}.json" in self.store.objects
        return nonce in self.escrow.records

    def has_receipt(self, object_key: str) -> bool:
        return f"{RECEIPTS}{object_key}.json" in self.store.objects
