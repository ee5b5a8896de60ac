"""Threads and buffers of sealing: blocks compressed in any order, encrypted and delivered in their own.

caller (reads) -> compressing workers -> one encrypting thread -> one delivering thread

At most `depth` blocks are on their way, each in a slot of reused buffers, so memory does not grow with the source.
Nothing here knows what the stages do; it refuses to run a stage again once it has failed, and to leave a thread behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from publisher.sealing.compress import BLOCK_BYTES, DICTIONARY_BYTES, Piece, stored_size
from publisher.sealing.encrypt import OVERHEAD_BYTES
from publisher.sealing.format import GZIP_HEADER

_WAITING_SLOTS: Final = 3
"""Beside one for each worker: one being read, one being encrypted, one being delivered."""

_SEALED_BYTES: Final = len(GZIP_HEADER) + stored_size(BLOCK_BYTES) + OVERHEAD_BYTES

_KEPT_BY_MALLOC_BYTES: Final = 16 << 20

In = TypeVar("In")
Out = TypeVar("Out")


class Slot:
    """The buffers of one block: the end of the block before it, the block, and what becomes of it."""

    __slots__ = ("_dictionary_bytes", "_plain", "size", "space")

    def __init__(self) -> None:
        self._plain = memoryview(bytearray(DICTIONARY_BYTES + BLOCK_BYTES))
        self._dictionary_bytes = 0
        self.space = memoryview(bytearray(_SEALED_BYTES))
        self.size = 0

    @property
    def room(self) -> memoryview:
        """Where a whole block is read into."""
        return self._plain[DICTIONARY_BYTES:]

    @property
    def block(self) -> memoryview:
        return self._plain[DICTIONARY_BYTES : DICTIONARY_BYTES + self.size]

    @property
    def dictionary(self) -> memoryview:
        return self._plain[DICTIONARY_BYTES - self._dictionary_bytes : DICTIONARY_BYTES]

    def follow(self, previous: Slot) -> None:
        """Take the end of the block before as dictionary."""
        self._plain[:DICTIONARY_BYTES] = previous.block[-DICTIONARY_BYTES:]
        self._dictionary_bytes = DICTIONARY_BYTES


class _Lane(Generic[In, Out]):
    """One thread that runs a step on results in the order they were announced, and never again after a failure."""

    def __init__(self, name: str) -> None:
        self.threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"seal-{name}")
        self._broken = False

    def after(self, awaited: Future[In], step: Callable[[In], Out]) -> Future[Out]:
        return self.threads.submit(self._run, awaited, step)

    def _run(self, awaited: Future[In], step: Callable[[In], Out]) -> Out:
        if self._broken:
            raise CancelledError
        try:
            return step(awaited.result())
        except BaseException:
            self._broken = True
            raise


class Pipeline:
    """Carries slots through `compress`, `encrypt` and `deliver`; leaving the context joins all threads.

    An exception of a stage is raised, as it is, by `free_slot` or `drain`: that of the earliest block first.
    """

    def __init__(
        self,
        *,
        compress: Callable[[Slot], list[Piece]],
        encrypt: Callable[[list[Piece], Slot], memoryview],
        deliver: Callable[[memoryview], None],
        workers: int,
    ) -> None:
        self._compress = compress
        self._encrypt = encrypt
        self._deliver = deliver
        self._workers = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="seal-compress")
        self._encrypting: _Lane[list[Piece], memoryview] = _Lane("encrypt")
        self._delivering: _Lane[memoryview, None] = _Lane("deliver")
        self._flying: deque[tuple[Slot, Future[None]]] = deque()
        self._depth = workers + _WAITING_SLOTS
        _let_malloc_keep_pages()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pools = (self._workers, self._encrypting.threads, self._delivering.threads)
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown(wait=True)

    def submit(self, slot: Slot) -> None:
        """Send a filled slot on its way. It may be read, but not changed, until `free_slot` returns it."""
        compressed = self._workers.submit(self._compress, slot)
        encrypted = self._encrypting.after(compressed, lambda pieces: self._encrypt(pieces, slot))
        delivered = self._delivering.after(encrypted, self._deliver)
        self._flying.append((slot, delivered))

    def free_slot(self) -> Slot:
        """Return a slot to fill: a new one, or one whose block was delivered; waits for that."""
        if len(self._flying) < self._depth and not self._flying[0][1].done():
            return Slot()
        slot, delivered = self._flying.popleft()
        delivered.result()
        return slot

    def drain(self) -> None:
        """Wait until every block was delivered."""
        while self._flying:
            self._flying.popleft()[1].result()


def _let_malloc_keep_pages() -> None:
    """Allocate and free one large piece, untouched.

    glibc then serves the compressor's output, a megabyte a block, from memory it keeps; before, each block was mapped,
    faulted in and unmapped again, a fifth of all CPU time (measured). Other allocators do not care.
    """
    bytes(_KEPT_BY_MALLOC_BYTES)
