"""Writes that share a commit: as few as can be, and nobody pays for another's failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.registries.sql.grouped import GroupedWrites, Task

Work = Callable[[], int]


class Disk:
    """Carries out groups; the first one waits until `go_on` is set."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.is_busy, self.go_on = threading.Event(), threading.Event()
        self.writes: GroupedWrites[Work] = GroupedWrites(self.carry_out)
        self.breaks = False

    def carry_out(self, tasks: Sequence[Task[Work]]) -> None:
        """Do the work of each, keeping its error to it."""
        self.groups.append(len(tasks))
        self.is_busy.set()
        self.go_on.wait(10)
        if self.breaks and len(self.groups) > 1:
            raise OSError("the disk is gone")
        for task in tasks:
            try:
                task.result = task.work()
            except ValueError as error:
                task.error = error


def failing() -> int:
    raise ValueError("mine")


@pytest.fixture
def disk() -> Disk:
    return Disk()


def crowd(disk: Disk, pool: ThreadPoolExecutor, works: Sequence[Work]) -> list[object]:
    """Let the first thread keep the disk busy until all others wait; return the results or errors, in their order."""
    first = pool.submit(disk.writes.run, lambda: 0)
    disk.is_busy.wait(10)
    others = [pool.submit(disk.writes.run, work) for work in works]
    while len(disk.writes._waiting) < len(works):  # until they have all brought their work
        threading.Event().wait(0.001)
    disk.go_on.set()
    return [future.exception() or future.result() for future in (first, *others)]


def test_what_waits_together_is_committed_together(disk: Disk) -> None:
    """Seven writes that came while the first was on its way are one group; each thread hears of its own."""
    with ThreadPoolExecutor(8) as pool:
        ended = crowd(disk, pool, [lambda number=number: number for number in range(1, 8)])  # type: ignore[misc] # bound

    assert ended == list(range(8))
    assert disk.groups == [1, 7]


def test_one_failure_is_one_thread_s(disk: Disk) -> None:
    """Work that fails raises where it was brought; the others are done."""
    with ThreadPoolExecutor(3) as pool:
        good, bad, also_good = crowd(disk, pool, [failing, lambda: 2])

    assert (good, also_good) == (0, 2)
    assert isinstance(bad, ValueError)


def test_a_failed_commit_is_everybody_s(disk: Disk) -> None:
    """Nobody takes a write for done whose commit failed, and the next group starts afresh."""
    disk.breaks = True
    with ThreadPoolExecutor(3) as pool:
        first, *others = crowd(disk, pool, [lambda: 1, lambda: 2])

    assert first == 0
    assert [type(error) for error in others] == [OSError, OSError]
    disk.breaks = False
    assert disk.writes.run(lambda: 3) == 3
