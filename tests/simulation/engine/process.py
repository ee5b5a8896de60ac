"""One simulated publisher process and the thread it runs on. Exactly one thread runs at a time: who holds the baton.

A killed process never continues: its thread is unwound by an exception that production code does not catch, and every
port answers it with the same exception, so nothing it does on the way out reaches the world.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from publisher.cancellation import Cancellation
from publisher.events import Event
from publisher.model import Outcome, ReadyArtifact
from tests.simulation.engine.network import Message


class Killed(BaseException):
    """This process is gone. No production code may catch it."""


@dataclass(slots=True, eq=False)
class Process:
    """`message` is what it waits for; `answer` is what it will hear when it runs next."""

    name: str
    item: ReadyArtifact
    cancellation: Cancellation
    baton: threading.Lock
    message: Message | None = None
    answer: object = None
    wakes_at: float = 0.0
    stopped_at: float | None = None
    is_killed: bool = False
    wait_s: float = 0.0
    outcome: Outcome | None = None
    events: list[Event] = field(default_factory=list)


class Worker:
    """A thread that lends itself to one process after the other."""

    def __init__(self) -> None:
        self.baton = threading.Lock()
        self.baton.acquire()
        self.work: Callable[[], threading.Lock] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.work = None
        self.baton.release()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.baton.acquire()
            if self.work is None:
                return
            # The work returns whose turn it is after it.
            self.work().release()
