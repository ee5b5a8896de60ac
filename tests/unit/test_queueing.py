"""The queue of work: the given order, and no line over its limit."""

from __future__ import annotations

import threading

from publisher.queueing import Queue


def test_items_come_in_their_order() -> None:
    """Without limits positions are handed out one after the other, then nothing."""
    queue = Queue(["a", "b", "a"], {})

    assert [queue.take() for _ in range(4)] == [0, 1, 2, None]


def test_a_line_at_its_limit_holds_back_its_own_only() -> None:
    """While a line is at its limit the next item of another line is handed out, and its own after a give-back."""
    queue = Queue(["a", "a", "b"], {"a": 1})

    assert queue.take() == 0
    assert queue.take() == 2
    queue.give_back(0)
    assert queue.take() == 1


def test_a_taker_waits_for_room() -> None:
    """A worker that finds every line at its limit gets the item that a give-back makes room for."""
    queue = Queue(["a", "a"], {"a": 1})
    taken = [queue.take()]
    waiter = threading.Thread(target=lambda: taken.append(queue.take()))
    waiter.start()

    queue.give_back(0)
    waiter.join(10)

    assert taken == [0, 1]


def test_a_closed_queue_hands_out_nothing_and_wakes_its_takers() -> None:
    """Closing returns what was not handed out; who waits for room and who comes later gets nothing."""
    queue = Queue(["a", "a", "a"], {"a": 1})
    taken = [queue.take()]
    waiter = threading.Thread(target=lambda: taken.append(queue.take()))
    waiter.start()

    assert queue.close() == [1, 2]
    waiter.join(10)

    assert taken == [0, None]
    assert queue.take() is None
