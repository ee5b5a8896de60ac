"""Which artifact is next: in the plan's order, but never more of one destination at once than it can take."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from publisher.model import ReadyArtifact


class Queue:
    """Hands artifacts to several workers. A destination at its limit holds back its own artifacts only."""

    def __init__(self, items: Sequence[ReadyArtifact], limits: Mapping[str, int | None]) -> None:
        """`limits` are how many of each destination may be out at once, by its name; None is any number."""
        self._waiting: dict[str, deque[tuple[int, ReadyArtifact]]] = {}
        for position, item in enumerate(items):
            self._waiting.setdefault(item.artifact.destination, deque()).append((position, item))
        self._limits = limits
        self._out: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self) -> ReadyArtifact | None:
        """Return the first artifact whose destination has room, waiting for one; None when all are handed out."""
        with self._changed:
            while self._waiting:
                free = [name for name in self._waiting if self._has_room(name)]
                if free:
                    return self._hand_out(min(free, key=lambda name: self._waiting[name][0][0]))
                self._changed.wait()
            return None

    def give_back(self, item: ReadyArtifact) -> None:
        """Say that an artifact that was taken has ended."""
        with self._changed:
            self._out[item.artifact.destination] -= 1
            self._changed.notify_all()

    def _has_room(self, name: str) -> bool:
        limit = self._limits.get(name)
        return limit is None or self._out[name] < limit

    def _hand_out(self, name: str) -> ReadyArtifact:
        line = self._waiting[name]
        _, item = line.popleft()
        if not line:
            del self._waiting[name]
            self._changed.notify_all()
        self._out[name] += 1
        return item
