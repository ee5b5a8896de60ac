"""Sealed bytes cut into parts of one size, each with the digests its receiver checks, in few reused buffers.

A part is handed over as soon as bytes beyond it come, so that an object of one part is known to be one. Knows neither
stores nor requests, and starts no thread: who sends the parts decides that.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

from publisher.model import Digest
from publisher.sealing.checksums import crc32_function

DigestName = Literal["sha256", "md5", "crc32"]

_ASK_EVERY_S: Final = 0.25


def _go_on() -> None:
    return None


class PartBuffers:
    """At most `limit` buffers at once, reused, for any number of objects. A taker waits until one is given back.

    Beyond `limit_bytes` together there are two at most, so that one can be filled while the other is sent.
    """

    def __init__(self, limit: int, limit_bytes: int | None = None) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._given_back = threading.Condition()
        self._used: list[int] = []
        self._free: list[bytearray] = []

    def take(self, size_bytes: int, check: Callable[[], None] = _go_on) -> bytearray:
        """Return a buffer of this size, its content undefined. While it waits, `check` is asked and may raise."""
        with self._given_back:
            while not self._has_room(size_bytes):
                if not self._given_back.wait(_ASK_EVERY_S):
                    check()
            buffer = next((free for free in self._free if len(free) == size_bytes), None)
            if buffer is not None:
                self._free.remove(buffer)
            else:
                self._free.clear()
                buffer = bytearray(size_bytes)
            self._used.append(size_bytes)
            return buffer

    def give_back(self, buffer: bytearray) -> None:
        with self._given_back:
            self._used.remove(len(buffer))
            self._free.append(buffer)
            self._given_back.notify_all()

    def _has_room(self, size_bytes: int) -> bool:
        is_small = self._limit_bytes is None or sum(self._used) + size_bytes <= self._limit_bytes
        return len(self._used) < (self._limit if is_small else min(self._limit, 2))


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive bytes of an object. `data` holds until `release`, which is called exactly once.

    Of the digests, those are there that were asked for: `md5` raw, `crc32` as zlib counts it.
    """

    number: int
    """From 1."""
    data: memoryview
    release: Callable[[], None]
    sha256: Digest | None = None
    md5: bytes | None = None
    crc32: int | None = None


class PartWriter:
    """Takes an object's bytes in order and hands over its parts: all but the last to `ship`, the last by `finish`.

    All parts but the last are `part_bytes` long. `ship` owns its part and releases it, also if it raises; it should
    return soon, since the bytes wait meanwhile. `digests` are computed while the bytes pass.
    Safe for one writing thread; `fail` may come from any.
    """

    def __init__(
        self,
        part_bytes: int,
        *,
        buffers: PartBuffers,
        ship: Callable[[Part], None],
        digests: Collection[DigestName] = (),
        check: Callable[[], None] = _go_on,
    ) -> None:
        self._part_bytes = part_bytes
        self._buffers = buffers
        self._ship = ship
        self._digests = digests
        self._check = check
        self._failure: BaseException | None = None
        self._number = 0
        self._filled = 0
        self._buffer: bytearray | None = None
        self._running = _Running(digests)

    def write(self, piece: memoryview) -> None:
        """Take the next bytes; waits for a free buffer. Raises what `fail`, `check` or `ship` raised."""
        while piece:
            self._require_health()
            if self._filled == self._part_bytes:
                self._ship(self._cut())
            if self._buffer is None:
                self._buffer = self._buffers.take(self._part_bytes, self._require_health)
            now, piece = piece[: self._part_bytes - self._filled], piece[self._part_bytes - self._filled :]
            self._buffer[self._filled : self._filled + len(now)] = now
            self._running.update(now)
            self._filled += len(now)

    def finish(self) -> Part:
        """Return the last part: the only one if its number is 1, and then it may be empty."""
        self._require_health()
        if self._buffer is None:
            self._buffer = self._buffers.take(self._part_bytes, self._require_health)
        return self._cut()

    def fail(self, error: BaseException) -> None:
        """Make the writer raise `error` at its next call, or out of the one that waits; the first error counts."""
        self._failure = self._failure or error

    def close(self) -> None:
        """Give back the buffer of a part that was begun. Parts handed over are their receivers'. Twice is fine."""
        buffer, self._buffer, self._filled = self._buffer, None, 0
        if buffer is not None:
            self._buffers.give_back(buffer)

    def _require_health(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._check()

    def _cut(self) -> Part:
        buffer, size, running = self._buffer, self._filled, self._running
        if buffer is None:
            raise RuntimeError("there is no part to hand over")
        self._buffer, self._filled, self._running = None, 0, _Running(self._digests)
        self._number += 1
        return Part(
            self._number,
            memoryview(buffer)[:size],
            lambda: self._buffers.give_back(buffer),
            sha256=running.sha256(),
            md5=running.md5(),
            crc32=running.crc32,
        )


class _Running:
    """The digests of one part so far."""

    def __init__(self, names: Collection[DigestName]) -> None:
        self._sha256 = hashlib.sha256() if "sha256" in names else None
        self._md5 = hashlib.md5(usedforsecurity=False) if "md5" in names else None
        self.crc32 = 0 if "crc32" in names else None

    def update(self, piece: memoryview) -> None:
        if self.crc32 is not None:
            self.crc32 = crc32_function()(piece, self.crc32)
        if self._sha256:
            self._sha256.update(piece)
        if self._md5:
            self._md5.update(piece)

    def sha256(self) -> Digest | None:
        return Digest(self._sha256.hexdigest()) if self._sha256 else None

    def md5(self) -> bytes | None:
        return self._md5.digest() if self._md5 else None
