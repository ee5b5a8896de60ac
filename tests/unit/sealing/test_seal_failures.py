"""Whatever fails while sealing leaves as itself, and takes every thread with it."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Callable

import pytest

from publisher.errors import Cancelled
from publisher.model import Compression
from publisher.sealing.compress import BlockCompressor
from publisher.sealing.seal import seal
from tests.unit.sealing.samples import KEY, MIB, text

BLOCKS = 12
ERRORS = [OSError(28, "no space left on device"), Cancelled("stopped on request"), KeyboardInterrupt(), ValueError("x")]


class Fuse:
    """Counts calls and raises `error` at the one with the given number, and at every later one."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.calls = 0
        self._number = number
        self._error = error

    def __call__(self) -> None:
        self.calls += 1
        if self.calls >= self._number:
            raise self._error


def seal_with(place: str, fuse: Fuse, *, source: bytes) -> None:
    """Seal `source` with the fuse at one place: read, write, check, progress or compressor."""
    stream = io.BytesIO(source)
    blow: dict[str, Callable[[], None]] = {place: fuse}

    def at(name: str) -> None:
        blow.get(name, lambda: None)()

    def read_into(into: memoryview) -> int:
        at("read")
        return stream.readinto(into)

    def open_stream(dictionary: memoryview) -> zlib._Compress:
        at("compressor")
        return zlib.compressobj(1, zlib.DEFLATED, -15, zdict=dictionary)

    seal(
        read_into,
        lambda _: at("write"),
        key=KEY,
        compression=Compression.FAST,
        check=lambda: at("check"),
        progress=lambda _: at("progress"),
        compressor=BlockCompressor(name="failing", open=open_stream),
    )


@pytest.mark.parametrize("place", ["read", "write", "check", "progress", "compressor"])
@pytest.mark.parametrize("number", [1, 2, 7, BLOCKS])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_failure_leaves_as_itself_and_ends_all_threads(place: str, number: int, error: BaseException) -> None:
    """An exception at any place and time reaches the caller as the same object; no thread is left behind."""
    before = set(threading.enumerate())

    with pytest.raises(type(error)) as caught:
        seal_with(place, Fuse(number, error), source=text(BLOCKS * MIB))

    assert caught.value is error
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("place", ["read", "write", "check", "progress", "compressor"])
def test_a_failure_of_a_small_source_leaves_as_itself(place: str) -> None:
    """The path without threads passes exceptions on in the same way."""
    error = OSError(5, "input/output error")

    with pytest.raises(OSError, match="input/output error") as caught:
        seal_with(place, Fuse(1, error), source=text(1000))

    assert caught.value is error


def test_nothing_is_written_after_a_write_failed() -> None:
    """Once `write` has raised, it is not called again, though blocks are on their way."""
    fuse = Fuse(3, OSError(28, "no space left on device"))

    with pytest.raises(OSError, match="no space"):
        seal_with("write", fuse, source=text(BLOCKS * MIB))

    assert fuse.calls == 3


def test_blocks_before_a_failed_one_are_written_and_none_after() -> None:
    """A failing compressor stops the object at that block: a later block never takes its place."""
    written: list[int] = []
    fuse = Fuse(4, ValueError("broken compressor"))

    def deflate(dictionary: memoryview) -> zlib._Compress:
        fuse()
        return zlib.compressobj(1, zlib.DEFLATED, -15, zdict=dictionary)

    with pytest.raises(ValueError, match="broken compressor"):
        seal(
            io.BytesIO(text(BLOCKS * MIB)).readinto,
            lambda piece: written.append(len(piece)),
            key=KEY,
            compression=Compression.FAST,
            compressor=BlockCompressor(name="failing", open=deflate),
            workers=1,
        )

    assert len(written) == 1


@pytest.mark.parametrize("count", [-1, MIB + 1])
def test_an_impossible_count_is_a_mistake_of_the_caller(count: int) -> None:
    """A reader that claims more than fits, or less than nothing, is stopped before it corrupts an object."""
    with pytest.raises(ValueError, match="cannot be"):
        seal(lambda _: count, lambda _: None, key=KEY, compression=Compression.FAST)
