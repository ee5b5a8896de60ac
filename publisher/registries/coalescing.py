"""Lookups of many threads in few requests: whoever asks while a request is under way shares the next one.

Each question is answered by a request that was sent after it was asked, so nobody hears of the past. Without this a
registry whose lookup is a whole list would send that list once for each artifact that is being confirmed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from publisher.model import FleetIdentity
from publisher.registries.port import Lookup, RegisterAnswer, Registry, Row


@dataclass(slots=True)
class _Batch:
    identities: dict[FleetIdentity, None] = field(default_factory=dict)
    found: Mapping[FleetIdentity, Lookup] = field(default_factory=dict)
    error: Exception | None = None


class CoalescingRegistry:
    """Wraps a registry that looks up several identities at once; registrations pass through."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._turn = threading.Lock()
        """Held while a request is under way."""
        self._lock = threading.Lock()
        self._unsent = _Batch()

    @property
    def location(self) -> str:
        return self._registry.location

    @property
    def lookup_batch(self) -> int:
        return self._registry.lookup_batch

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        """Answer as the registry does; an error is everybody's who shared the request."""
        with self._lock:
            batch = self._unsent
            batch.identities.update(dict.fromkeys(identities))
        with self._turn:
            with self._lock:
                is_mine = batch is self._unsent
                if is_mine:
                    self._unsent = _Batch()
            if is_mine:
                try:
                    batch.found = self._registry.lookup(list(batch.identities))
                except Exception as error:
                    batch.error = error
        if batch.error is not None:
            raise batch.error
        return {identity: batch.found[identity] for identity in identities}

    def register(self, row: Row) -> RegisterAnswer:
        return self._registry.register(row)
