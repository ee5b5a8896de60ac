"""Shared lookups: few requests, and never an answer from before the question."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.errors import TransportError
from publisher.model import FleetIdentity
from publisher.registries.coalescing import CoalescingRegistry
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
