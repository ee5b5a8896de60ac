"""Parts of sealed bytes: where they are cut, what is known of them, and that buffers come back whatever happens."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Callable, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import Cancelled
from publisher.model import Compression
from publisher.sealing.parts import DigestName, Part, PartBuffers, PartWriter
from publisher.sealing.seal import seal
from tests.unit.sealing.samples import KEY, MIB, noise

SIZE = 100
ALL: tuple[DigestName, ...] = ("sha256", "md5", "crc32")


class Shipped:
    """Keeps what was handed over and gives buffers back at once."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, bytes]] = []
        self.last: list[Part] = []

    def __call__(self, part: Part) -> None:
        self.parts.append((part.number, bytes(part.data)))
        self.last.append(part)
        part.release()


def writer(
    shipped: Callable[[Part], None],
    *,
    size: int = SIZE,
    limit: int = 2,
    digests: Collection[DigestName] = (),
    check: Callable[[], None] = lambda: None,
) -> tuple[PartWriter, PartBuffers]:
    buffers = PartBuffers(limit)
    return PartWriter(size, buffers=buffers, ship=shipped, digests=digests, check=check), buffers


def assert_all_are_back(buffers: PartBuffers, limit: int) -> None:
    """Take every buffer without waiting for one."""

    def never_wait() -> None:
        raise AssertionError("a buffer is missing")

    for _ in range(limit):
        buffers.take(1, never_wait)


@given(size=st.integers(0, 5 * SIZE + 1), step=st.integers(1, 2 * SIZE))
def test_parts_joined_are_the_object(size: int, step: int) -> None:
    """However the bytes come, parts are numbered from 1, of one size but for the last, and join to what was written."""
    data = noise(size)
    shipped = Shipped()
    parts, _ = writer(shipped)

    for start in range(0, size, step):
        parts.write(memoryview(data)[start : start + step])
    shipped(parts.finish())

    numbers, contents = zip(*shipped.parts, strict=True)
    assert numbers == tuple(range(1, max(1, -(-size // SIZE)) + 1))
    assert {len(content) for content in contents[:-1]} <= {SIZE}
    assert b"".join(contents) == data


@pytest.mark.parametrize("size", [0, 1, SIZE])
def test_an_object_of_one_part_is_not_shipped_before_its_end_is_known(size: int) -> None:
    """What fits into one part comes from `finish` as number 1: it can still be sent in a single request."""
    shipped = Shipped()
    parts, _ = writer(shipped)

    parts.write(memoryview(noise(size)))
    last = parts.finish()

    assert shipped.parts == []
    assert (last.number, len(last.data)) == (1, size)


@given(size=st.integers(1, 3 * SIZE), step=st.integers(1, SIZE), digests=st.sets(st.sampled_from(ALL)))
def test_each_part_has_the_digests_that_were_asked_for(size: int, step: int, digests: set[DigestName]) -> None:
    """SHA-256, MD5 and CRC-32 are of the part alone, and a digest that was not asked for is not there."""
    data = noise(size)
    shipped = Shipped()
    parts, _ = writer(shipped, digests=digests)

    for start in range(0, size, step):
        parts.write(memoryview(data)[start : start + step])
    shipped(parts.finish())

    for part, (_, content) in zip(shipped.last, shipped.parts, strict=True):
        sha256 = part.sha256.hex if part.sha256 else None
        assert sha256 == (hashlib.sha256(content).hexdigest() if "sha256" in digests else None)
        assert part.md5 == (hashlib.md5(content).digest() if "md5" in digests else None)
        assert part.crc32 == (zlib.crc32(content) if "crc32" in digests else None)


def test_sealed_bytes_arrive_in_parts() -> None:
    """The parts of a sealed object join to bytes of the digest that sealing reports."""
    shipped = Shipped()
    parts, _ = writer(shipped, size=MIB + 5)
    source, position = noise(5 * MIB + 7), [0]

    def read_into(into: memoryview) -> int:
        piece = source[position[0] : position[0] + len(into)]
        into[: len(piece)] = piece
        position[0] += len(piece)
        return len(piece)

    sealed = seal(read_into, parts.write, key=KEY, compression=Compression.FAST)
    shipped(parts.finish())

    assert hashlib.sha256(b"".join(content for _, content in shipped.parts)).hexdigest() == sealed.object_sha256.hex
    assert len(shipped.parts) == 6


def test_a_writer_waits_for_a_buffer() -> None:
    """No more than the allowed buffers are in use: the writer goes on when a part was released."""
    held: list[Part] = []
    full = threading.Event()

    def keep(part: Part) -> None:
        held.append(part)
        if len(held) == 2:
            full.set()

    parts, _ = writer(keep, limit=2)
    writing = threading.Thread(target=lambda: parts.write(memoryview(noise(3 * SIZE))))
    writing.start()
    assert full.wait(10)
    assert writing.is_alive()
    assert [bytes(part.data) for part in held] == [noise(3 * SIZE)[:SIZE], noise(3 * SIZE)[SIZE : 2 * SIZE]]

    held[0].release()
    writing.join(10)

    assert not writing.is_alive()


def test_buffers_are_reused() -> None:
    """Any number of parts passes through as many buffers as are in use at once."""
    seen: list[object] = []

    def note(part: Part) -> None:
        seen.append(part.data.obj)
        part.release()

    parts, _ = writer(note)
    parts.write(memoryview(noise(20 * SIZE)))

    assert len({id(buffer) for buffer in seen}) == 1


def test_buffers_of_another_size_are_let_go() -> None:
    """A free buffer of a size nobody asks for any more does not stay beside the new one."""
    buffers = PartBuffers(1)
    buffers.give_back(buffers.take(10))

    assert len(buffers.take(20)) == 20
    assert buffers._free == []


@pytest.mark.parametrize(("size", "count"), [(10, 4), (25, 4), (30, 3), (40, 2), (60, 2), (1000, 2)])
def test_large_buffers_are_fewer(size: int, count: int) -> None:
    """Together buffers stay within the bytes they may take; one to fill and one to send there always are."""
    buffers = PartBuffers(4, limit_bytes=100)

    def never_wait() -> None:
        raise BlockingIOError

    taken = [buffers.take(size, never_wait) for _ in range(count)]
    with pytest.raises(BlockingIOError):
        buffers.take(size, never_wait)
    buffers.give_back(taken[0])

    assert buffers.take(size, never_wait) is taken[0]


def test_a_failed_receiver_stops_the_writer() -> None:
    """After `fail` the writer raises that very error, the first of several, also where it waits for a buffer."""
    error = OSError("the upload broke")
    held: list[Part] = []
    caught: list[BaseException] = []
    waits = threading.Event()

    def keep(part: Part) -> None:
        held.append(part)
        waits.set()

    parts, buffers = writer(keep, limit=1)

    def write() -> None:
        try:
            parts.write(memoryview(noise(3 * SIZE)))
        except OSError as raised:
            caught.append(raised)

    writing = threading.Thread(target=write)
    writing.start()
    assert waits.wait(10)
    parts.fail(error)
    parts.fail(ValueError("a later one"))
    writing.join(10)

    assert caught == [error]
    held[0].release()
    parts.close()
    assert_all_are_back(buffers, 1)


def test_a_cancelled_writer_does_not_wait_for_a_buffer() -> None:
    """A stop request ends a writer that waits for a receiver which never comes back."""
    cancelled = threading.Event()
    held: list[Part] = []

    def check() -> None:
        if cancelled.is_set():
            raise Cancelled("stopped")

    def keep(part: Part) -> None:
        held.append(part)
        cancelled.set()

    parts, buffers = writer(keep, limit=1, check=check)

    with pytest.raises(Cancelled):
        parts.write(memoryview(noise(3 * SIZE)))

    held[0].release()
    assert_all_are_back(buffers, 1)


def test_a_part_that_was_begun_is_given_back_by_close() -> None:
    """Whoever gives up closes the writer: no buffer is lost, and closing twice is fine."""
    parts, buffers = writer(Shipped(), limit=1)
    parts.write(memoryview(b"begun"))

    parts.close()
    parts.close()

    assert_all_are_back(buffers, 1)


def test_a_receiver_that_raises_stops_the_writer() -> None:
    """An error of the receiver leaves as itself."""
    error = OSError("refused")

    def refuse(part: Part) -> None:
        part.release()
        raise error

    parts, buffers = writer(refuse, limit=1)

    with pytest.raises(OSError, match="refused") as caught:
        parts.write(memoryview(noise(SIZE + 1)))

    assert caught.value is error
    assert_all_are_back(buffers, 1)
