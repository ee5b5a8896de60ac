"""The registry of a place that does not exist yet: everything is absent, nothing can be registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.model import FleetIdentity
from publisher.registries.port import Lookup, NoRow, RegisterAnswer, Row


class NothingRegistered:
    """For planning a rehearsal before its first run, without making its folder."""

    lookup_batch = 10_000

    def __init__(self, location: str) -> None:
        self.location = location

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        return dict.fromkeys(identities, NoRow.ABSENT)

    def register(self, row: Row) -> RegisterAnswer:
        raise RuntimeError("a reading command must not register")
