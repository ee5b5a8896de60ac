"""Which item is next: in the given order, but never more of one line at once than its limit."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence


class Queue:
    """Hands out positions to several workers. A line at its limit holds back its own items only."""

    def __init__(self, lines: Sequence[str], limits: Mapping[str, int | None]) -> None:
        """`lines` names the line of the item at each position; `limits` are how many of a line may be out at once."""
        self._waiting: dict[str, deque[int]] = {}
        for position, line in enumerate(lines):
            self._waiting.setdefault(line, deque()).append(position)
        self._lines = lines
        self._limits = limits
        self._out: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """Return the first position whose line has room, waiting for one; None when all are handed out."""
        with self._changed:
            while self._waiting:
                free = [line for line in self._waiting if self._has_room(line)]
                if free:
                    return self._hand_out(min(free, key=lambda line: self._waiting[line][0]))
                self._changed.wait()
            return None

    def give_back(self, position: int) -> None:
        """Say that an item that was taken has ended."""
        with self._changed:
            self._out[self._lines[position]] -= 1
            self._changed.notify_all()

    def close(self) -> list[int]:
        """Hand out nothing more; return the positions that were not handed out."""
        with self._changed:
            left = sorted(position for waiting in self._waiting.values() for position in waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _has_room(self, line: str) -> bool:
        limit = self._limits.get(line)
        return limit is None or self._out[line] < limit

    def _hand_out(self, line: str) -> int:
        position = self._waiting[line].popleft()
        if not self._waiting[line]:
            del self._waiting[line]
            self._changed.notify_all()
        self._out[line] += 1
        return position
