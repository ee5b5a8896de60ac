"""The pipeline: order where it is promised, threads that are all used and all gone afterwards."""

from __future__ import annotations

import hashlib
import threading

import pytest

from publisher.errors import Cancelled
from publisher.sealing.compress import BLOCK_BYTES
from publisher.sealing.pipeline import Pipeline, Slot, Stage

BLOCKS = 60


def full() -> Slot:
    slot = Slot()
    slot.size = BLOCK_BYTES
    return slot


def run(pipeline: Pipeline, *, blocks: int = BLOCKS, idle: list[str] | None = None) -> Slot:
    """Send that many full blocks."""

    def read(slot: Slot) -> bool:
        slot.size = BLOCK_BYTES
        return slot.number < blocks - 1

    def on_idle() -> None:
        if idle is not None:
            idle.append("asked")

    return pipeline.run(full(), read, on_idle)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_blocks_pass_each_ordered_stage_in_their_order(threads: int) -> None:
    """Blocks overtake one another in a stage without order only; a stage in order never has two at a time."""
    seen: dict[str, list[int]] = {"any": [], "ordered": [], "last": []}
    inside, crowd = [0], [0]

    def any_order(slot: Slot) -> None:
        # Every third block takes longer, so that others overtake it where they can. Hashing lets other threads run.
        for _ in range(6 if slot.number % 3 == 0 else 1):
            hashlib.sha256(slot.block)
        seen["any"].append(slot.number)

    def ordered(slot: Slot) -> None:
        inside[0] += 1
        crowd[0] = max(crowd[0], inside[0])
        hashlib.sha256(slot.block)
        seen["ordered"].append(slot.number)
        inside[0] -= 1

    def last(slot: Slot) -> None:
        seen["last"].append(slot.number)

    end = run(Pipeline([Stage(any_order, in_order=False), Stage(ordered), Stage(last)], threads=threads))

    assert seen["ordered"] == seen["last"] == list(range(BLOCKS))
    assert sorted(seen["any"]) == list(range(BLOCKS))
    assert crowd == [1]
    assert end.number == BLOCKS - 1


def test_all_threads_work_at_the_same_time() -> None:
    """Blocks in a stage without order are worked on by as many threads as were asked for, the caller among them."""
    meeting = threading.Barrier(3, timeout=10)
    workers: set[int] = set()

    def meet(_: Slot) -> None:
        workers.add(threading.get_ident())
        meeting.wait()

    run(Pipeline([Stage(meet, in_order=False), Stage(lambda _: None)], threads=3), blocks=3)

    assert len(workers) == 3
    assert threading.get_ident() in workers


@pytest.mark.parametrize(("threads", "is_caller"), [(1, True), (2, False), (3, False)])
def test_the_caller_leaves_the_last_stage_to_others(threads: int, is_caller: bool) -> None:
    """What may wait for the world outside does not keep the caller from reading, unless nobody else is there."""
    workers: set[int] = set()

    run(Pipeline([Stage(lambda _: None), Stage(lambda _: workers.add(threading.get_ident()))], threads=threads))

    assert (threading.get_ident() in workers) is is_caller


def test_the_caller_is_asked_while_it_waits() -> None:
    """While the last stage hangs, the caller can still be stopped: its exception ends the run."""
    stopped = threading.Event()

    def hang(_: Slot) -> None:
        assert stopped.wait(10)

    def stop() -> None:
        stopped.set()
        raise Cancelled("stopped on request")

    def fill(slot: Slot) -> bool:
        slot.size = BLOCK_BYTES
        return True

    with pytest.raises(Cancelled, match="on request"):
        Pipeline([Stage(hang)], threads=2).run(full(), fill, stop)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_slots_are_few_and_reused(threads: int) -> None:
    """However many blocks pass, they do so in a few slots more than there are threads."""
    slots: set[int] = set()

    run(Pipeline([Stage(lambda slot: slots.add(id(slot)))], threads=threads), blocks=200)

    assert len(slots) <= threads + 3


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_nothing_runs_after_a_failure(threads: int) -> None:
    """After an exception no stage begins another block, no thread is left, and the exception is the same object."""
    before = set(threading.enumerate())
    error = OSError("broken")
    seen: list[int] = []

    def fail_at_seven(slot: Slot) -> None:
        seen.append(slot.number)
        if slot.number == 7:
            raise error

    with pytest.raises(OSError, match="broken") as caught:
        run(Pipeline([Stage(lambda _: None), Stage(fail_at_seven)], threads=threads))

    assert caught.value is error
    assert seen == list(range(8))
    assert set(threading.enumerate()) == before
