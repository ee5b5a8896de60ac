"""An image's archive as one stream of bytes that is judged while it passes, and proved to be whole at its end.

A thread of its own reads blocks and judges them, so that hashing goes on beside sealing; blocks are few and reused. The
end is told (a count of 0) only after the archive turned out complete, holds the one image, and whoever made it ended
well: what is sealed before that is worthless, and an error comes instead.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from publisher.errors import SourceChangedError, SourceError
from publisher.model import Digest, SourceFacts
from publisher.sources.images.archive import ArchiveError, ArchiveJudge, Contents

BLOCK_BYTES: Final = 1024 * 1024
BLOCKS: Final = 4
TICK_S: Final = 0.2
STALL_S: Final = 1200.0
"""How long nothing may come: an engine writes an export to its disk before the first byte leaves."""

Fill = Callable[[memoryview], int]
"""Puts the next bytes at the start of a buffer and returns how many, 0 at the end."""


class ImageStream:
    """An `OpenSource`. `finish` is called after the last byte, and raises if that was not a good end.

    Close it. Whatever `fill` waits for has to be ended before, or closing waits as well.
    """

    def __init__(self, fill: Fill, finish: Callable[[], None], *, shown: str, check: Callable[[], None]) -> None:
        self._fill = fill
        self._finish = finish
        self._shown = shown
        self._check = check
        self._free: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[tuple[memoryview, int] | Contents | Exception] = queue.SimpleQueue()
        for _ in range(BLOCKS):
            self._free.put(memoryview(bytearray(BLOCK_BYTES)))
        self._block: memoryview = memoryview(b"")
        self._rest: memoryview = self._block
        self._contents: Contents | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="image")
        self._thread.start()

    @property
    def contents(self) -> Contents:
        """What the archive turned out to hold, once all of it was read."""
        if self._contents is None:
            raise RuntimeError("the contents are known at the end")
        return self._contents

    def read_into(self, buffer: memoryview) -> int:
        """Raises `SourceError` for a broken archive, and what made it fail, or the check, raises."""
        if not self._rest and not self._next_block():
            return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def check_unchanged(self, stream_sha256: Digest, planned: SourceFacts) -> None:
        """Raise `SourceChangedError` unless all was read and it is the planned image, whatever its archive's bytes."""
        del stream_sha256  # differs between two exports of one image
        if self._contents is None:
            raise SourceChangedError(f"{self._shown} was not read to its end", hint="run the same command again")
        if self._contents.config_digest != planned.sha256:
            raise SourceChangedError(
                f"{self._shown} is another image than the planned one", hint="run the same command again"
            )

    def close(self) -> None:
        self._free.put(None)
        self._thread.join()

    def _next_block(self) -> bool:
        """Take the next block; False at the proved end."""
        if self._contents is not None:
            return False
        if self._block:
            self._free.put(self._block)
        self._block = self._rest = memoryview(b"")
        match self._wait():
            case Contents() as contents:
                self._contents = contents
                return False
            case Exception() as error:
                raise error
            case (block, count):
                self._block, self._rest = block, block[:count]
        return True

    def _wait(self) -> tuple[memoryview, int] | Contents | Exception:
        started = time.monotonic()
        while True:
            self._check()
            try:
                return self._full.get(timeout=TICK_S)
            except queue.Empty:
                if time.monotonic() - started > STALL_S:
                    raise SourceError(f"nothing came of {self._shown} for {STALL_S / 60:.0f} minutes") from None

    def _run(self) -> None:
        try:
            self._full.put(self._judged())
        except ArchiveError as error:
            self._full.put(SourceError(f"{self._shown}: {error.message}", hint=error.hint))
        except Exception as error:
            self._full.put(error)

    def _judged(self) -> Contents:
        judge = ArchiveJudge()
        while (block := self._free.get()) is not None:
            count = self._fill(block)
            if count == 0:
                self._finish()
                return judge.contents()
            judge.feed(block[:count])
            self._full.put((block, count))
        raise SourceError(f"{self._shown} was closed before its end")
