"""Lookups of many threads in few requests: whoever asks while a request is under way shares the next one.

Each question is answered by a request that was sent after it was asked, so nobody hears of the past. After a request
comes a pause of a few times its length, so that a registry whose lookup is a whole list is not busy with nothing else:
what is asked meanwhile shares the next request. The pause ends early when everybody who registers rows is waiting, and
whoever asks after it does not wait at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from publisher.model import FleetIdentity
from publisher.registries.port import Lookup, RegisterAnswer, Registry, Row

PAUSE_FACTOR = 3.0
"""How long the pause is, in lengths of the request before it."""

PAUSE_LIMIT_S = 0.25
"""The longest pause, and so the longest that anything, a stop request included, is delayed by it."""


@dataclass(slots=True)
class _Batch:
    identities: dict[FleetIdentity, None] = field(default_factory=dict)
    askers: int = 0
    is_whole: threading.Event = field(default_factory=threading.Event)
    """Set when nobody is left who could ask as well."""
    found: Mapping[FleetIdentity, Lookup] = field(default_factory=dict)
    error: Exception | None = None


class CoalescingRegistry:
    """Wraps a registry that looks up several identities at once; registrations pass through.

    `monotonic` is the clock, in seconds, and `wait` waits for an event, for at most so many of them.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._wait = wait
        self._turn = threading.Lock()
        """Held during a request and the pause before it."""
        self._next_at = monotonic()
        self._lock = threading.Lock()
        self._unsent = _Batch()
        self._registering: set[int] = set()
        """The threads that have registered rows, and so will ask for them."""

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
            batch.askers += 1
            if batch.askers >= len(self._registering) > 0:
                batch.is_whole.set()
        with self._turn:
            if batch is self._unsent:
                self._send(batch)
        if batch.error is not None:
            raise batch.error
        return {identity: batch.found[identity] for identity in identities}

    def register(self, row: Row) -> RegisterAnswer:
        self._registering.add(threading.get_ident())
        return self._registry.register(row)

    def _send(self, batch: _Batch) -> None:
        """Pause, close the batch, and ask for all that is in it by then."""
        pause_s = self._next_at - self._monotonic()
        if pause_s > 0:
            self._wait(batch.is_whole, pause_s)
        with self._lock:
            self._unsent = _Batch()
        started = self._monotonic()
        try:
            batch.found = self._registry.lookup(list(batch.identities))
        except Exception as error:
            batch.error = error
        ended = self._monotonic()
        self._next_at = ended + min(PAUSE_FACTOR * (ended - started), PAUSE_LIMIT_S)
