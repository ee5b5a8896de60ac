"""What goes wrong in one chaos round: a function of the seed, the publisher and the number of its request.

So it does not depend on the order in which racing publishers reach the servers, and a seed can be played again. The
timing of the processes is theirs; a seed repeats the weather, not the race to the microsecond.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.chaos.cuts import Cut
from tests.support.chaos.forks import Child
from tests.support.chaos.messages import LOST, PASSES, UNANSWERED, Fate, Message

LAST_REQUEST, LAST_WRITE = 26, 12
"""A publisher of three artifacts that is left in peace sends a few more requests, and a few more writes, than that."""

_PAUSE_S = (0.05, 1.2)
_LATE_S = (0.05, 1.5)
_WRITES = frozenset({"PUT", "POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class Doom:
    """What happens to a publisher at its n-th request: it is killed, or stopped for a while."""

    at: int
    counts_writes: bool
    """Whether `at` counts requests that change something only: most moments that matter are there."""
    is_before: bool
    """Before the request reaches the server, or after it did and before the answer is read."""
    pause_s: float | None


class Weather:
    """Decides the fate of messages of publishers 0, 1, 2...; `victims` are filled in as they start."""

    def __init__(self, seed: int, publishers: int) -> None:
        self.events: Counter[str] = Counter()
        self.victims: dict[int, Child] = {}
        self._seed = seed
        self._dooms = [self._doom(index) for index in range(publishers)]
        self._numbers: Counter[int] = Counter()
        self._writes: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._is_calm = False

    def calm(self) -> None:
        """Let everything pass from now on."""
        self._is_calm = True

    def chance(self, *parts: object) -> random.Random:
        return random.Random("/".join(map(str, (self._seed, *parts))))

    def fate(self, message: Message) -> Fate:
        """Decide; to be given to the proxies."""
        if self._is_calm:
            return PASSES
        index = publisher_of(message.source)
        with self._lock:
            self._numbers[index] += 1
            self._writes[index] += message.method in _WRITES
            number, writes = self._numbers[index], self._writes[index]
        doom = self._dooms[index]
        is_now = writes == doom.at and message.method in _WRITES if doom.counts_writes else number == doom.at
        strike = self._strike(index, doom) if is_now else None
        fate = self._fault(self.chance(index, number), message)
        if strike is None:
            return fate
        arrives = doom.is_before or fate.arrives
        return Fate(arrives=arrives, before=strike) if doom.is_before else Fate(arrives=arrives, after=strike)

    def cut(self, connection: int) -> Cut | None:
        """Decide what becomes of a connection to the database."""
        chance = self.chance("database", connection)
        if self._is_calm or chance.random() > 0.3:
            return None
        self.events["cut"] += 1
        # The first pieces only log in.
        return Cut(chance.randint(4, 30), is_passed_on=chance.random() < 0.6)

    def _doom(self, index: int) -> Doom:
        chance = self.chance("doom", index)
        counts_writes = chance.random() < 0.6
        return Doom(
            chance.randint(1, LAST_WRITE if counts_writes else LAST_REQUEST),
            counts_writes=counts_writes,
            is_before=chance.random() < 0.4,
            pause_s=chance.uniform(*_PAUSE_S) if chance.random() < 0.25 else None,
        )

    def _strike(self, index: int, doom: Doom) -> Callable[[], None]:
        def strike() -> None:
            child = self.victims[index]
            if doom.pause_s is None:
                self.events["killed at a request"] += 1
                child.kill()
                child.ended.wait(5)
                return
            self.events["stopped and woken"] += 1
            child.send(signal.SIGSTOP)
            time.sleep(doom.pause_s)
            child.send(signal.SIGCONT)

        return strike

    def _fault(self, chance: random.Random, message: Message) -> Fate:
        point, is_write = chance.random(), message.method in _WRITES
        if point < 0.04:
            return self._counted("request lost", LOST)
        if point < 0.10:
            return self._counted("answer lost", UNANSWERED)
        if point < 0.18 and is_write:
            return self._counted("late", Fate(late_s=chance.uniform(*_LATE_S)))
        if point < 0.24 and is_write:
            return self._counted("twice", Fate(times=2))
        if point < 0.28:
            return self._counted("slow", Fate(holds_s=chance.uniform(0.02, 0.4)))
        return PASSES

    def _counted(self, name: str, fate: Fate) -> Fate:
        self.events[name] += 1
        return fate


def address_of(publisher: int) -> str:
    """Return the loopback address from which this publisher talks."""
    return f"127.0.0.{publisher + 10}"


def publisher_of(address: str) -> int:
    return int(address.rpartition(".")[2]) - 10
