"""Lets nobody write to a store before it was probed: once a process, or from the cache of an earlier run."""

from __future__ import annotations

import threading
from uuid import uuid4

from publisher.errors import CapabilityError, LocalResourceError
from publisher.stores.port import ObjectStore
from publisher.stores.probe import Capabilities, probe
from publisher.stores.probe_cache import ProbeCache


class StoreGate:
    """Knows what one store can do, and refuses it if that is not enough. Safe to share between threads."""

    def __init__(self, store: ObjectStore, cache: ProbeCache | None) -> None:
        self._store = store
        self._cache = cache
        self._lock = threading.Lock()
        self._known: Capabilities | None = None

    def capabilities(self, *, fresh: bool = False) -> Capabilities:
        """Return what the store can do; `fresh` asks the store whatever is remembered. Raises what the probe raises."""
        with self._lock:
            if self._known is None or fresh:
                self._known = (None if fresh else self._remembered()) or self._probed()
            return self._known

    def require_safe(self) -> Capabilities:
        """Return the capabilities, or raise `CapabilityError` naming every reason why publishing is not safe."""
        found = self.capabilities()
        problems = found.problems()
        if problems:
            raise CapabilityError(
                f"{self._store.location}: " + "; ".join(problems),
                hint="nothing was written; use a store with atomic conditional writes, or update this one",
            )
        return found

    def distrust(self) -> None:
        """Forget a too good opinion: the store broke a promise."""
        with self._lock:
            self._known = None
            if self._cache is not None:
                self._cache.forget(self._store.location)

    def _remembered(self) -> Capabilities | None:
        return self._cache.load(self._store.location) if self._cache is not None else None

    def _probed(self) -> Capabilities:
        found = probe(self._store, new_id=lambda: uuid4().hex)
        if self._cache is None:
            return found
        try:
            return self._cache.save(self._store.location, found)
        except (LocalResourceError, OSError):
            return found  # a machine without a writable state folder probes every time
