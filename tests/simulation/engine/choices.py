"""The only source of chance in a schedule: drawn from a seed, written down, and played back from what was written.

Every choice is a small number and 0 is always the calmest one (go on, deliver, no fault), so a shorter or calmer list
of numbers is a simpler schedule. That is all that shrinking needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random


class Choices:
    """Draws choices from `seed`, or plays `recorded` back; after its end everything is calm."""

    def __init__(self, seed: int, recorded: Sequence[int] | None = None) -> None:
        self._draw = Random(f"{seed} choices").random
        self._recorded = recorded
        self.made: list[int] = []

    def pick(self, weights: Sequence[float]) -> int:
        """Return an index into `weights`, each as likely as it weighs."""
        value = self._drawn(weights) if self._recorded is None else self._played(weights)
        self.made.append(value)
        return value

    def _drawn(self, weights: Sequence[float]) -> int:
        point = self._draw() * sum(weights)
        for index, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return index
        return 0

    def _played(self, weights: Sequence[float]) -> int:
        recorded, position = self._recorded or (), len(self.made)
        value = recorded[position] if position < len(recorded) else 0
        return value if value < len(weights) and weights[value] > 0 else 0


def shrink(made: Sequence[int], fails: Callable[[list[int]], bool], *, attempts: int = 1500) -> list[int]:
    """Return a calmer list that still fails: calm large blocks of choices first, then single ones, until none gives."""
    best, again = list(made), True
    while again:
        again = False
        size = max(1, len(best) // 2)
        while size:
            for start in range(len(best) - size, -1, -size):
                calmer = [*best[:start], *([0] * size), *best[start + size :]]
                if calmer == best:
                    continue
                if attempts == 0:
                    return best
                attempts -= 1
                if fails(calmer):
                    best, again = calmer, True
            size //= 2
    while best and best[-1] == 0:
        best.pop()
    return best
