"""The gate before a store: who is asked, whose opinion counts, and what is written where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.errors import CapabilityError
from publisher.stores.capabilities import Capabilities, Enforcement
from publisher.stores.gate import StoreGate
from publisher.stores.probe_cache import ProbeCache
from publisher.stores.probe_copy import KEY, ProbeCopy
from tests.support.memory_store import Fault, MemoryStore

DAY = 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock_offset_s=0.5, server="Store 1.0", region="eu-west-1")


@pytest.fixture
def machine(tmp_path: Path, clock: Clock, store: MemoryStore) -> Callable[[str], StoreGate]:
    """Return a function which makes the gate of a new process on the named machine."""
    return lambda name: StoreGate(store, ProbeCache(tmp_path / name, now=clock))


def copied(store: MemoryStore) -> Capabilities | None:
    record = ProbeCopy(store, now=lambda: 1_000_000.0).load().record
    return record.capabilities if record else None


def races(store: MemoryStore) -> int:
    """Return how many probes ran their races since the last look."""
    created = sum(operation == "create" for operation, _ in store.calls)
    store.calls.clear()
    return created // 100


def test_one_machine_probes_for_all(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """The second process and the second machine ask no more than a few requests, and learn the same."""
    first = machine("a").capabilities()
    assert races(store) == 1

    again, elsewhere = machine("a").capabilities(), machine("b").capabilities()

    assert (again, elsewhere) == (first, first)
    assert races(store) == 0
    assert set(store.objects) == {KEY}


def test_within_a_process_nobody_is_asked_twice(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """What a gate knows it does not ask again, unless it is told to."""
    gate = machine("a")
    gate.capabilities()
    store.calls.clear()

    gate.capabilities()
    assert store.calls == []

    gate.capabilities(fresh=True)
    assert races(store) == 1


def test_the_copy_holds_nothing_of_a_machine(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """The clock of the machine that probed and its leavings stay out of the bucket; the reader's own clock counts."""
    store.may_delete = False
    store.clock_offset_s = 900.0
    assert machine("wrong clock").capabilities().problems()
    store.may_delete = True
    store.clock_offset_s = 1.5

    found = machine("right clock").capabilities()

    there = copied(store)
    assert there is not None
    assert (there.clock_offset_s, there.notes) == (None, ())
    assert (found.clock_offset_s, found.problems()) == (1.5, ())


def test_the_stricter_opinion_wins_everywhere(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """A machine with a too good opinion learns from the bucket, and one that knows better corrects the bucket."""
    machine("a").capabilities()
    machine("b").capabilities(fresh=True)
    store.atomic = False
    assert machine("b").capabilities(fresh=True).conditional_put is Enforcement.RACY
    store.calls.clear()

    for name in ("a", "b", "c"):
        with pytest.raises(CapabilityError, match="not atomic"):
            machine(name).require_safe()

    assert races(store) == 0
    store.delete_control(KEY)
    store.atomic = True
    machine("c").capabilities()
    assert machine("a").capabilities().conditional_put is Enforcement.RACY
    there = copied(store)
    assert there is not None
    assert there.conditional_put is Enforcement.RACY


def test_a_forged_good_opinion_of_an_ignoring_store_is_noticed(
    store: MemoryStore, machine: Callable[[str], StoreGate]
) -> None:
    """Who has only the bucket's word asks himself whether a second create is refused."""
    machine("a").capabilities()
    store.honours_condition = False

    with pytest.raises(CapabilityError, match="does not honour"):
        machine("b").require_safe()


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"{",
        b"null",
        b"[" * 50_000,
        b"x" * 100_000,
        {"probe_version": 1},
        {"location": "another"},
        {"region": "another"},
        {"probed_at": 1_000_700.0},
        {"probed_at": 1_000_000.0 - 7 * DAY},
        {"unknown": 1},
    ],
    ids=lambda forged: repr(forged)[:30],
)
def test_a_copy_that_is_not_to_be_believed_is_replaced(
    store: MemoryStore, machine: Callable[[str], StoreGate], forged: bytes | dict[str, object]
) -> None:
    """Damaged, huge, another version's, another store's, too old or from the future: the store itself is asked."""
    machine("a").capabilities()
    good = store.objects[KEY]
    data = forged if isinstance(forged, bytes) else json.dumps(json.loads(good.data) | forged).encode()
    store.objects[KEY] = replace(good, data=data)
    store.calls.clear()

    machine("b").capabilities()

    assert races(store) == 1
    assert copied(store) is not None


def test_clocks_of_two_machines_may_differ_a_little(
    store: MemoryStore, clock: Clock, machine: Callable[[str], StoreGate]
) -> None:
    """A copy made by a machine whose clock is a few minutes ahead is believed."""
    clock.now += 300
    machine("ahead").capabilities()
    clock.now -= 300
    store.calls.clear()

    machine("b").capabilities()

    assert races(store) == 0


def test_another_server_is_probed_anew(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """Once the server calls itself otherwise, neither file nor copy counts."""
    machine("a").capabilities()
    store.server = "Store 1.1"
    store.calls.clear()

    assert machine("a").capabilities().server == "Store 1.1"

    assert races(store) == 1


def test_a_broken_promise_is_forgotten_everywhere(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """After a violation the process, the file and the copy know nothing, and the store is asked again."""
    gate = machine("a")
    gate.capabilities()

    gate.distrust()

    assert store.objects == {}
    store.calls.clear()
    gate.capabilities()
    assert races(store) == 1


def test_uploads_are_asked_about_when_needed(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """A plain probe asks nothing about uploads; who asks, asks once for every machine."""
    gate = machine("a")
    gate.capabilities()
    assert "start_upload" not in {operation for operation, _ in store.calls}

    found = gate.upload_capabilities()

    store.calls.clear()
    assert found.problems() == ()
    assert machine("a").upload_capabilities() == found
    assert machine("b").upload_capabilities() == found
    assert "start_upload" not in {operation for operation, _ in store.calls}
    assert store.uploads == {}


def test_bad_uploads_do_not_forbid_publishing(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """A store that ignores the condition of a completion is fit for single requests."""
    store.honours_complete_condition = False
    gate = machine("a")

    assert gate.upload_capabilities().conditional_complete is Enforcement.IGNORED
    assert gate.upload_capabilities(fresh=True).problems()
    gate.require_safe()


def test_a_store_that_may_not_be_cleaned_is_still_probed(
    store: MemoryStore, machine: Callable[[str], StoreGate]
) -> None:
    """Without the right to delete, the copy is replaced by If-Match."""
    machine("a").capabilities()
    store.may_delete = False

    machine("b").capabilities(fresh=True)

    assert machine("c").capabilities().problems() == ()


def test_a_copy_nobody_can_write_changes_nothing(store: MemoryStore, machine: Callable[[str], StoreGate]) -> None:
    """A lost answer while the copy is read or written is no error: the machine knows what it found."""
    machine("a").capabilities()
    store.calls.clear()
    store.faults = {0: Fault.LOSE_ANSWER}

    assert machine("a").capabilities().problems() == ()


def test_a_gate_without_a_folder_uses_the_copy(store: MemoryStore) -> None:
    """A machine without a state folder still reads and writes the bucket's copy."""
    StoreGate(store, None).capabilities()
    store.calls.clear()

    StoreGate(store, None).capabilities()

    assert races(store) == 0


def test_a_server_known_for_its_uploads_is_not_asked() -> None:
    """A server of the deny list is taken at its worst without hundreds of requests; nothing is streamed to it."""
    store = MemoryStore(server="SeaweedFS 8000GB 4.48")
    gate = StoreGate(store, None)

    terms = gate.terms()

    assert not terms.streams
    assert "start_upload" not in [operation for operation, _ in store.calls]


def test_a_store_with_atomic_completions_is_streamed_to() -> None:
    """Parts are sent while sealing only where conditional completions are atomic and parts are checked."""
    good, racy = MemoryStore(), MemoryStore(completes_atomically=False)

    assert StoreGate(good, None).terms().streams
    assert not StoreGate(racy, None).terms().streams
