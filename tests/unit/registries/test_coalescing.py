"""Shared lookups: few requests, and never an answer from before the question."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from publisher.errors import TransportError
from publisher.model import FleetIdentity
from publisher.registries.coalescing import PAUSE_FACTOR, PAUSE_LIMIT_S, CoalescingRegistry
from publisher.registries.port import Lookup, NoRow, Row
from tests.support.memory_registry import Fault, MemoryRegistry, sample_identity, sample_row


class SlowRegistry(MemoryRegistry):
    """Holds lookups until `gate` opens; `asked` counts the identities of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.asked: list[int] = []

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        self.asked.append(len(identities))
        self.entered.set()
        self.gate.wait(10)
        return super().lookup(identities)


def test_those_who_wait_share_the_next_request() -> None:
    """Twenty lookups while one is under way become one request, and each gets its own answer."""
    slow = SlowRegistry()
    registry = CoalescingRegistry(slow)
    for number in range(0, 20, 2):
        slow.register(sample_row(number))

    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(registry.lookup, [sample_identity(99)])
        slow.entered.wait(10)
        waiting = [pool.submit(registry.lookup, [sample_identity(number)]) for number in range(20)]
        while len(registry._unsent.identities) < 20:
            threading.Event().wait(0.001)
        slow.gate.set()
        found = [future.result()[sample_identity(number)] for number, future in enumerate(waiting)]

    assert first.result() == {sample_identity(99): NoRow.ABSENT}
    assert [isinstance(row, Row) for row in found] == [number % 2 == 0 for number in range(20)]
    assert slow.asked == [1, 20]


def test_an_answer_is_never_older_than_its_question() -> None:
    """Who asks after a registration is not served by a request that was sent before it."""
    slow = SlowRegistry()
    registry = CoalescingRegistry(slow)

    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(registry.lookup, [sample_identity(1)])
        slow.entered.wait(10)
        registry.register(sample_row(1))
        late = pool.submit(registry.lookup, [sample_identity(1)])
        slow.gate.set()

        assert early.done() or early.result() is not None
        assert isinstance(late.result()[sample_identity(1)], Row)
    assert len(slow.asked) == 2


def test_an_error_is_everybodys_and_the_next_request_is_new() -> None:
    """A failed request is never "absent", and does not stick."""
    memory = MemoryRegistry()
    registry = CoalescingRegistry(memory)
    memory.fail_at(1, Fault.LOSE_ANSWER)

    with pytest.raises(TransportError):
        registry.lookup([sample_identity(1)])

    assert registry.lookup([sample_identity(1)]) == {sample_identity(1): NoRow.ABSENT}


class Clock:
    """A clock that moves when it is told to, or by a wait; what is waited for is noted, `meanwhile` happens in it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.pauses: list[float] = []
        self.meanwhile: Callable[[threading.Event], None] = lambda _: None

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.meanwhile(event)
        if not event.is_set():
            self.now_s += seconds


class TimedRegistry(MemoryRegistry):
    """Takes `request_s` on the clock for each lookup; `asked` holds what each request asked for."""

    def __init__(self, clock: Clock, request_s: float) -> None:
        super().__init__()
        self._clock = clock
        self.request_s = request_s
        self.asked: list[list[FleetIdentity]] = []

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        self.asked.append(list(identities))
        self._clock.now_s += self.request_s
        return super().lookup(identities)


def timed(request_s: float) -> tuple[Clock, TimedRegistry, CoalescingRegistry]:
    clock = Clock()
    slow = TimedRegistry(clock, request_s)
    return clock, slow, CoalescingRegistry(slow, monotonic=clock.monotonic, wait=clock.wait)


@pytest.mark.parametrize(("request_s", "pause_s"), [(0.01, 0.01 * PAUSE_FACTOR), (30.0, PAUSE_LIMIT_S)])
def test_the_next_request_waits_for_a_few_lengths_of_the_last_one(request_s: float, pause_s: float) -> None:
    """A registry is not asked without a pause, which is long after a long request and never longer than its limit."""
    clock, _, registry = timed(request_s)

    registry.lookup([sample_identity(1)])
    registry.lookup([sample_identity(2)])

    assert clock.pauses == [pytest.approx(pause_s)]


def test_whoever_asks_after_an_idle_time_does_not_wait() -> None:
    """The first question goes at once, and so does one that comes when the pause is over."""
    clock, slow, registry = timed(0.01)

    registry.lookup([sample_identity(1)])
    clock.now_s += 1.0
    registry.lookup([sample_identity(2)])

    assert clock.pauses == []
    assert len(slow.asked) == 2


def test_what_is_asked_in_the_pause_shares_the_request_after_it() -> None:
    """A question in the pause is answered by the next request, which is sent after it: what was registered shows."""
    clock, slow, registry = timed(0.01)
    late: list[Future[Mapping[FleetIdentity, Lookup]]] = []

    with ThreadPoolExecutor(1) as pool:

        def ask(_: threading.Event) -> None:
            slow.register(sample_row(3))
            late.append(pool.submit(registry.lookup, [sample_identity(3)]))
            while sample_identity(3) not in registry._unsent.identities:
                threading.Event().wait(0.001)

        registry.lookup([sample_identity(1)])
        clock.meanwhile = ask
        registry.lookup([sample_identity(2)])

        assert isinstance(late[0].result(10)[sample_identity(3)], Row)
    assert slow.asked == [[sample_identity(1)], [sample_identity(2), sample_identity(3)]]


def test_the_pause_ends_when_everybody_who_registers_is_waiting() -> None:
    """Of two threads that register rows one is not enough to end the pause; both are."""
    clock, _, registry = timed(0.01)
    seen: list[bool] = []

    def publish(number: int) -> None:
        registry.register(sample_row(number))
        registry.lookup([sample_identity(number)])

    with ThreadPoolExecutor(1) as pool:

        def join(event: threading.Event) -> None:
            seen.append(event.is_set())
            pool.submit(publish, 3)
            event.wait(10)
            seen.append(event.is_set())

        pool.submit(publish, 1).result(10)
        clock.meanwhile = join
        publish(2)

    assert seen == [False, True]


def test_a_lone_publisher_never_waits() -> None:
    """With nobody to share with there is nothing to pause for: the event is set before the wait."""
    clock, _, registry = timed(0.01)
    seen: list[bool] = []
    clock.meanwhile = lambda event: seen.append(event.is_set())

    for number in range(3):
        registry.register(sample_row(number))
        registry.lookup([sample_identity(number)])

    assert seen == [True, True]
