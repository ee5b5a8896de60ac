"""Threads and buffers of sealing: blocks go through stages, some of which must see them in order.

A few equal threads, no more than there are cores, each take whatever can be done next, the latest stage first: nobody
waits for a certain thread, and blocks are handed over without waking one. Each block lies in a slot of reused buffers,
and slots are few, so memory does not grow with the source.
Nothing here knows what the stages do; it refuses to run any after one has failed, and to leave a thread behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from publisher.sealing.compress import BLOCK_BYTES, DICTIONARY_BYTES, Piece, stored_size
from publisher.sealing.encrypt import OVERHEAD_BYTES
from publisher.sealing.format import GZIP_HEADER

_WAITING_SLOTS: Final = 3
"""Beside one for each thread. More slots do not make it faster (measured up to 10)."""

_LEAST_ROOM_BYTES: Final = 4096
"""The space that belongs to it holds the end of any object, too."""

_KEPT_BY_MALLOC_BYTES: Final = 16 << 20

_ASK_EVERY_S: Final = 0.25

_READ: Final = -1


class Slot:
    """The buffers of one block: the end of the block before it, the block, and what becomes of it."""

    __slots__ = ("dictionary", "number", "pieces", "room", "sealed", "size", "space")

    def __init__(self, room_bytes: int = BLOCK_BYTES) -> None:
        """Make room for a block, or for a shorter one where no more is expected: `grow` corrects that."""
        self.dictionary = memoryview(b"")
        self.room = memoryview(bytearray(max(room_bytes, _LEAST_ROOM_BYTES)))
        """Where the block is read into."""
        self.number = 0
        self.size = 0
        self.pieces: Sequence[Piece] = ()
        self.space = _space_for(self.room)
        self.sealed = self.space[:0]

    @property
    def block(self) -> memoryview:
        return self.room[: self.size]

    def grow(self) -> None:
        """Make room for a whole block around what was read of it."""
        room = memoryview(bytearray(BLOCK_BYTES))
        room[: self.size] = self.block
        self.room = room
        self.space = _space_for(room)

    def follow(self, previous: Slot) -> None:
        """Take the end of the block before as dictionary."""
        if not self.dictionary:
            self.dictionary = memoryview(bytearray(DICTIONARY_BYTES))
        self.dictionary[:] = previous.block[-DICTIONARY_BYTES:]


def _space_for(room: memoryview) -> memoryview:
    return memoryview(bytearray(len(GZIP_HEADER) + stored_size(len(room)) + OVERHEAD_BYTES))


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of every block: block after block where it is `in_order`, else any number of blocks at the same time."""

    run: Callable[[Slot], None]
    in_order: bool = True


class Pipeline:
    """Carries blocks through `stages` with a number of threads, the caller's included; for one `run`.

    The caller's thread alone reads. It leaves the last stage, which may wait for the world outside, to the others where
    there are any.
    """

    def __init__(self, stages: Sequence[Stage], *, threads: int) -> None:
        self._stages = stages
        self._threads = threads
        self._changed = threading.Condition(threading.Lock())
        self._ready: list[dict[int, Slot]] = [{} for _ in stages]
        self._due = [0] * len(stages)
        self._is_busy = [False] * len(stages)
        self._free: list[Slot] = []
        self._may_make = threads + _WAITING_SLOTS - 1
        self._flying = 0
        self._has_more = True
        self._failure: BaseException | None = None

    def run(self, first: Slot, read: Callable[[Slot], bool], idle: Callable[[], None]) -> Slot:
        """Send `first`, which is filled, and all that `read` fills through the stages; return the last one.

        `read` says whether there may be more. `idle` is called now and then while the caller has to wait. An exception
        of any of them is raised as it is, the first that happened, when all threads have ended.
        """
        _let_malloc_keep_pages()
        self._last = first
        self._read, self._idle = read, idle
        self._flying = 1
        self._put(0, first)
        helpers: list[threading.Thread] = []
        try:
            for number in range(1, self._threads):
                helper = threading.Thread(target=self._work, args=(False,), name=f"seal-{number}")
                helper.start()
                helpers.append(helper)
            self._work(True)
        except BaseException as error:
            self._fail(error)
        for helper in helpers:
            helper.join()
        if self._failure is not None:
            raise self._failure
        return self._last

    def _work(self, is_caller: bool) -> None:
        while (step := self._next(is_caller)) is not None:
            index, slot = step
            try:
                if index == _READ:
                    self._fill(slot)
                else:
                    self._stages[index].run(slot)
            except BaseException as error:
                self._fail(error)
            else:
                self._put(index + 1, slot)

    def _next(self, is_caller: bool) -> tuple[int, Slot] | None:
        """Wait for something to do, and take it. None when all is done or something failed."""
        with self._changed:
            while self._failure is None:
                step = self._take(is_caller)
                if step is not None:
                    return step
                if not self._has_more and not self._flying:
                    break
                if not self._changed.wait(_ASK_EVERY_S if is_caller else None) and is_caller:
                    self._idle()
        return None

    def _take(self, is_caller: bool) -> tuple[int, Slot] | None:
        """Take what can be done now: reading before all else, then the latest stage first, so that slots get free."""
        if is_caller and self._has_more and (self._free or self._may_make):
            self._flying += 1
            if self._free:
                return _READ, self._free.pop()
            self._may_make -= 1
            return _READ, Slot()
        stages = len(self._stages) - (is_caller and self._threads > 1)
        for index in reversed(range(stages)):
            if self._is_busy[index] and self._stages[index].in_order:
                continue
            slot = self._ready[index].pop(self._due[index], None)
            if slot is not None:
                self._due[index] += 1
                self._is_busy[index] = True
                return index, slot
        return None

    def _fill(self, slot: Slot) -> None:
        slot.follow(self._last)
        slot.number = self._last.number + 1
        self._has_more = self._read(slot)
        self._last = slot

    def _put(self, index: int, slot: Slot) -> None:
        """Make `slot` ready for the stage `index`, or free after the last one."""
        with self._changed:
            if index:
                self._is_busy[index - 1] = False
            if index < len(self._stages):
                self._ready[index][slot.number] = slot
            else:
                self._free.append(slot)
                self._flying -= 1
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()


def _let_malloc_keep_pages() -> None:
    """Allocate and free one large piece, untouched.

    glibc then serves the compressor's output, a megabyte a block, from memory it keeps; before, each block was mapped,
    faulted in and unmapped again, a fifth of all CPU time (measured). Other allocators do not care.
    """
    bytes(_KEPT_BY_MALLOC_BYTES)
