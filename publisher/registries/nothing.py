"""The registry and the escrow of a place that does not exist yet: all is absent, nothing can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.model import FleetIdentity
from publisher.registries.port import EscrowRecord, Lookup, NoRow, RegisterAnswer, Row


class NothingRegistered:
    """For planning a rehearsal before its first run, without making its folder."""

    lookup_batch = 10_000

    def __init__(self, location: str) -> None:
        self.location = location

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        return dict.fromkeys(identities, NoRow.ABSENT)

    def register(self, row: Row) -> RegisterAnswer:
        raise RuntimeError("a reading command must not register")


class NothingEscrowed:
    """The escrow beside it."""

    def __init__(self, location: str) -> None:
        self.location = location

    def put(self, record: EscrowRecord) -> None:
        raise RuntimeError("a reading command must not put a key into escrow")

    def get(self, nonce: str) -> EscrowRecord | None:
        return None

    def drop(self, nonce: str) -> None:
        raise RuntimeError("a reading command must not drop a key")
