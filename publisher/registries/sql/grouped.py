"""Writes of several threads in one transaction: a commit waits for the disk, however much is in it.

Whoever comes first carries out what the others brought meanwhile. Each piece of work is undone on its own if it fails;
a failed COMMIT is everybody's who took part. For a database that has one writer at a time anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")


@dataclass(eq=False, slots=True)
class Task(Generic[Work]):
    """One thread's piece of work, and how it ended."""

    work: Work
    result: Any = None
    error: BaseException | None = None
    is_done: bool = False

    def outcome(self) -> Any:
        """Return the result, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        return self.result


class GroupedWrites(Generic[Work]):
    """Hands the work of all waiting threads to `carry_out`, in one of them and one group at a time.

    `carry_out` sets the result or the error of each task; what it raises is the error of the whole group.
    """

    def __init__(self, carry_out: Callable[[Sequence[Task[Work]]], None]) -> None:
        self._carry_out = carry_out
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[Task[Work]] = []

    def run(self, work: Work) -> Any:
        """Return what `work` returned, after it was committed. Raises what went wrong."""
        mine = Task(work)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                self._next_group()
        return mine.outcome()

    def _next_group(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            self._carry_out(group)
        except BaseException as error:
            for task in group:
                task.error = error
            raise
        finally:
            for task in group:
                task.is_done = True
