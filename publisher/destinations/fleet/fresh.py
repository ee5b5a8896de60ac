"""What was just seen to be missing, so that `apply` need not ask twice within a minute.

Only an absence is remembered, it serves once, and being wrong costs work, never safety: the create that follows is
conditional, and a run that read long ago is one that was delayed, which the model allows at any point.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from publisher.destinations.fleet.helping import Looked
from publisher.model import FleetIdentity, State

FRESH_S = 60.0


class FreshLooks:
    """Looks of the planning that the publishing of the same process may rely on. Safe to share between threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looks: dict[FleetIdentity, tuple[float, Looked]] = {}

    def remember(self, identity: FleetIdentity, looked: Looked) -> None:
        if looked.classified.state is State.MISSING:
            with self._lock:
                self._looks[identity] = (self._monotonic(), looked)

    def take(self, identity: FleetIdentity) -> Looked | None:
        """Return what was seen of this identity in the last minute, once."""
        with self._lock:
            seen_at, looked = self._looks.pop(identity, (0.0, None))
        return looked if looked is not None and self._monotonic() - seen_at < FRESH_S else None
