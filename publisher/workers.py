"""Work on threads that a run can leave behind: once a stop was requested, it waits for no server any more.

A thread that waits for a server cannot be interrupted. So whoever waits for the thread decides: work that does not end
by itself within `GRACE_S` of a stop request is given up, and its thread, a daemon, may not begin anything afterwards.
What passed its point of no return is waited for, for at most `SHIELD_S`; with `Cancellation.hurry`, for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeAlias, TypeVar

from publisher.cancellation import Cancellation
from publisher.queueing import Queue

GRACE_S = 1.5
SHIELD_S = 60.0
_LOOK_EVERY_S = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ticket:
    """What one piece of work and whoever waits for it agree on: may it still be given up, and was it?"""

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation
        self._lock = threading.Lock()
        self._is_over = False
        self._is_committed = False
        self._is_given_up = False

    @property
    def is_committed(self) -> bool:
        return self._is_committed

    @property
    def is_given_up(self) -> bool:
        return self._is_given_up

    def commit(self) -> None:
        """Pass the point of no return: from here on the work is waited for. Raises `Cancelled` if it was given up."""
        with self._lock:
            if self._is_given_up:
                raise self._cancellation.cancelled()
            self._is_committed = True

    def settle(self) -> bool:
        """Say that the work has ended; False if it was given up before, so that nobody wants its result."""
        with self._lock:
            self._is_over = True
            return not self._is_given_up

    def give_up(self, *, committed: bool) -> bool:
        """Wait for this work no more, with `committed` not even past its point of no return. False if it goes on."""
        with self._lock:
            if not self._is_over and (committed or not self._is_committed):
                self._is_given_up = True
            return self._is_given_up


@dataclass(frozen=True, slots=True)
class Left:
    """Stands for the result of work that was given up: whether it had begun, and passed its point of no return."""

    has_begun: bool
    is_committed: bool = False


Answer: TypeAlias = Left | Result


def _ignore(_item: object, _answer: object) -> None:
    pass


def _one_line(_item: object) -> str:
    return ""


def each(
    items: Sequence[Item],
    work: Callable[[Item, Ticket], Result],
    *,
    threads: int,
    cancellation: Cancellation,
    name: str,
    ended: Callable[[Item, Answer[Result]], None] = _ignore,
    line: Callable[[Item], str] = _one_line,
    limits: Mapping[str, int | None] | None = None,
    grace_s: float | None = None,
) -> list[Answer[Result]]:
    """Work on every item, in their order, on up to `threads` threads called `name`; return results in that order.

    Of each `line` at most as many items as its limit are worked on at once. `ended` is called with each result as it
    comes, in the caller's thread. Work that was given up, by default `GRACE_S` after a stop request, is `Left`.
    Raises the first item's exception, in their order, after all have ended. An exception that comes into the waiting
    itself (KeyboardInterrupt) leaves everything behind that is not past its point of no return.
    """
    queue = Queue([line(item) for item in items], limits or {})
    crew = _Crew(items, work, queue, cancellation, GRACE_S if grace_s is None else grace_s)
    for number in range(min(threads, len(items))):
        _Worker(crew.run, name=f"{name}_{number}").start()
    try:
        return crew.wait(ended)
    except BaseException:
        crew.abandon()
        raise


def each_or_cancelled(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    *,
    threads: int,
    cancellation: Cancellation,
    name: str,
    ended: Callable[[Item, Answer[Result]], None] = _ignore,
) -> list[Result]:
    """Do the same for work without a point of no return. Raises `Cancelled` if any of it was given up."""
    answers = each(
        items, lambda item, _: work(item), threads=threads, cancellation=cancellation, name=name, ended=ended
    )
    results = [answer for answer in answers if not isinstance(answer, Left)]
    if len(results) < len(items):
        raise cancellation.cancelled()
    return results


def interruptible(work: Callable[[], Result], *, cancellation: Cancellation, name: str) -> Result:
    """Return what `work` returns. Raises `Cancelled` soon after a stop request, whatever `work` waits for."""
    [result] = each_or_cancelled([None], lambda _: work(), threads=1, cancellation=cancellation, name=name)
    return result


def left_behind() -> bool:
    """Say whether a thread still does what was given up, so that the process cannot end in the usual way."""
    return any(
        isinstance(thread, _Worker) and thread.ticket is not None and thread.ticket.is_given_up
        for thread in threading.enumerate()
    )


class _Worker(threading.Thread):
    """A thread that does not keep the process from ending."""

    def __init__(self, run: Callable[[_Worker], None], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.ticket: Ticket | None = None
        self._run_with = run

    def run(self) -> None:
        self._run_with(self)


@dataclass(frozen=True, slots=True)
class _Ended(Generic[Result]):
    index: int
    result: Result | None = None
    error: BaseException | None = None


class _Crew(Generic[Item, Result]):
    """Everything the threads of one `each` share."""

    def __init__(
        self,
        items: Sequence[Item],
        work: Callable[[Item, Ticket], Result],
        queue: Queue,
        cancellation: Cancellation,
        grace_s: float,
    ) -> None:
        self._items = items
        self._work = work
        self._queue = queue
        self._cancellation = cancellation
        self._grace_s = grace_s
        self._tickets: dict[int, Ticket] = {}
        self._ended: SimpleQueue[_Ended[Result]] = SimpleQueue()

    def run(self, worker: _Worker) -> None:
        while (index := self._queue.take()) is not None:
            worker.ticket = self._tickets[index] = Ticket(self._cancellation)
            try:
                ended = _Ended(index, self._work(self._items[index], worker.ticket))
            except BaseException as error:
                ended = _Ended(index, error=error)
            if not worker.ticket.settle():
                return
            worker.ticket = None
            self._queue.give_back(index)
            self._ended.put(ended)

    def wait(self, ended: Callable[[Item, Answer[Result]], None]) -> list[Answer[Result]]:
        answers: dict[int, Answer[Result]] = {}
        errors: dict[int, BaseException] = {}

        def note(index: int, answer: Answer[Result]) -> None:
            answers[index] = answer
            ended(self._items[index], answer)

        stopped_at: float | None = None
        while len(answers) + len(errors) < len(self._items):
            try:
                end = self._ended.get(timeout=_LOOK_EVERY_S)
            except Empty:
                pass
            else:
                if end.error is not None:
                    errors[end.index] = end.error
                else:
                    note(end.index, end.result)  # type: ignore[arg-type]  # a result, as there is no error
            if self._cancellation.requested:
                stopped_at = time.monotonic() if stopped_at is None else stopped_at
                waited_s = time.monotonic() - stopped_at
                for index, left in self._given_up(waited_s, known={*answers, *errors}):
                    note(index, left)
        if errors:
            raise errors[min(errors)]
        return [answers[index] for index in range(len(self._items))]

    def abandon(self) -> None:
        self._queue.close()
        for ticket in list(self._tickets.values()):
            ticket.give_up(committed=False)

    def _given_up(self, waited_s: float, *, known: set[int]) -> list[tuple[int, Left]]:
        """Give up what may be given up by now, and return it."""
        hurried = self._cancellation.hurried
        if waited_s < self._grace_s and not hurried:
            return []
        committed_too = hurried or waited_s >= SHIELD_S + self._grace_s
        left = [(index, Left(has_begun=False)) for index in self._queue.close()]
        for index, ticket in list(self._tickets.items()):
            if index not in known and ticket.give_up(committed=committed_too):
                left.append((index, Left(has_begun=True, is_committed=ticket.is_committed)))
        return left
