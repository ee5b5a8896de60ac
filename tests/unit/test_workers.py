"""Work that may hang: waited for, given up after a stop request, and finished where that was promised."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from publisher import workers
from publisher.cancellation import Cancellation
from publisher.errors import Cancelled
from publisher.workers import Left, Ticket, each, each_or_cancelled, interruptible, left_behind


@contextmanager
def silent_server() -> Iterator[threading.Event]:
    """Yield an event to wait for, as for an answer that does not come; the threads that wait end with the block."""
    answer = threading.Event()
    try:
        yield answer
    finally:
        answer.set()
        deadline = time.monotonic() + 10
        while left_behind():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE_S", 0.2)


def test_results_come_in_the_order_of_the_items() -> None:
    """Whatever ends first, results are in the items' order, and each is told of once, in the caller's thread."""
    second = threading.Event()
    told: list[tuple[int, object, str]] = []

    def work(item: int) -> int:
        if item == 0:
            assert second.wait(10)
        if item == 1:
            second.set()
        return item * 10

    results = each_or_cancelled(
        [0, 1, 2],
        work,
        threads=2,
        cancellation=Cancellation(),
        name="t",
        ended=lambda item, answer: told.append((item, answer, threading.current_thread().name)),
    )

    assert results == [0, 10, 20]
    assert sorted(told) == [(item, item * 10, "MainThread") for item in range(3)]


def test_the_first_items_exception_is_raised_after_all_ended() -> None:
    """An exception does not keep the others from being worked on; the one of the first item is raised."""
    done: list[int] = []

    def work(item: int) -> None:
        done.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        each_or_cancelled([0, 1, 2], work, threads=3, cancellation=Cancellation(), name="t")
    assert sorted(done) == [0, 1, 2]


def test_work_that_hangs_is_given_up_after_a_stop() -> None:
    """After a stop request nobody waits for what does not end, and what waited for its turn is not begun."""
    cancellation, begun = Cancellation(), threading.Event()
    with silent_server() as answer:

        def work(_item: str, _ticket: Ticket) -> str:
            begun.set()
            answer.wait()
            return "too late"

        def stop() -> None:
            begun.wait()
            cancellation.request()

        threading.Thread(target=stop).start()
        started = time.monotonic()
        answers = each(["hangs", "waits"], work, threads=1, cancellation=cancellation, name="t")

        assert answers == [Left(has_begun=True), Left(has_begun=False)]
        assert time.monotonic() - started < 5
        assert left_behind()


def test_work_that_ends_by_itself_keeps_its_result() -> None:
    """Work that notices the stop within the grace is not given up."""
    cancellation = Cancellation()

    def work(item: int, _ticket: Ticket) -> int:
        cancellation.request()
        cancellation.wait(10)
        return item

    assert each([1, 2], work, threads=2, cancellation=cancellation, name="t") == [1, 2]


def test_committed_work_is_waited_for() -> None:
    """What passed its point of no return is finished after a stop, longer than the grace."""
    cancellation = Cancellation()
    with silent_server() as answer:

        def work(_item: None, ticket: Ticket) -> str:
            ticket.commit()
            cancellation.request()
            threading.Timer(1.0, answer.set).start()
            answer.wait()
            return "finished"

        assert each([None], work, threads=1, cancellation=cancellation, name="t") == ["finished"]


@pytest.mark.parametrize("how", ["hurry", "shield"])
def test_committed_work_is_left_in_the_end(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In haste, or after the time for finishing is over, committed work is left as well, and says that it was."""
    if how == "shield":
        monkeypatch.setattr(workers, "SHIELD_S", 0.2)
    cancellation = Cancellation()
    with silent_server() as answer:

        def work(_item: None, ticket: Ticket) -> None:
            ticket.commit()
            if how == "hurry":
                cancellation.hurry()
            else:
                cancellation.request()
            answer.wait()

        started = time.monotonic()
        answers = each([None], work, threads=1, cancellation=cancellation, name="t")

        assert answers == [Left(has_begun=True, is_committed=True)]
        assert time.monotonic() - started < 5


def test_what_was_given_up_may_not_commit() -> None:
    """A thread that wakes up after it was given up is stopped at its point of no return."""
    cancellation = Cancellation()
    raised: list[BaseException] = []
    with silent_server() as answer:

        def work(_item: None, ticket: Ticket) -> None:
            cancellation.request()
            answer.wait()
            try:
                ticket.commit()
            except Cancelled as error:
                raised.append(error)

        each([None], work, threads=1, cancellation=cancellation, name="t")
    assert len(raised) == 1


def test_a_question_that_hangs_is_cancelled() -> None:
    """`interruptible` raises Cancelled with the signal's number while its work still waits."""
    cancellation = Cancellation()
    with silent_server() as answer:

        def work() -> None:
            cancellation.request(15)
            answer.wait()

        with pytest.raises(Cancelled) as caught:
            interruptible(work, cancellation=cancellation, name="t")
    assert caught.value.signal == 15


def test_an_interrupted_wait_leaves_what_may_be_left() -> None:
    """An exception that comes into the waiting gives up what is not committed, and begins nothing more."""
    begun: list[int] = []
    with silent_server() as answer:

        def work(item: int, _ticket: Ticket) -> None:
            begun.append(item)
            if item:
                answer.wait()

        def interrupted(_item: int, _answer: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            each([0, 1, 2], work, threads=1, cancellation=Cancellation(), name="t", ended=interrupted)
    assert 2 not in begun
