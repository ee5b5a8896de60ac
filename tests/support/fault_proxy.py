"""A TCP proxy that loses, cuts, delays and resets, for any HTTP/1.1 server behind it.

It reads requests just enough to know where one begins and ends, so that a fault hits the request it was meant for and
`100 Continue`, which boto3 asks for before a body, is never mistaken for the answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

import pytest

_PIECE = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Kind(Enum):
    """What goes wrong. `after` counts body bytes for the way up and answer bytes for the way down."""

    REFUSE = "reset the connection when the request begins"
    LOST_REQUEST = "read the whole request, forward nothing, reset"
    LOST_ANSWER = "forward the request, reset instead of the answer"
    RESET_UP = "reset both sides after `after` bytes of the body"
    TRUNCATE_UP = "close the way up after `after` bytes of the body"
    TRUNCATE_DOWN = "close after `after` bytes of the answer"
    STALL = "forward the request, keep the answer"
    DRIP = "after `after` bytes, forward the answer byte by byte, `rate` a second"
    THROTTLE = "forward the body with `rate` bytes a second"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault for the next `times` requests with this method (any, if empty)."""

    kind: Kind
    method: str = ""
    after: int = 0
    rate: float = 1.0
    times: int = 1


@dataclass(slots=True)
class _Link:
    """The two sides of one accepted connection and the fault of its current request."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    up_reader: asyncio.StreamReader
    up_writer: asyncio.StreamWriter
    fault: Fault | None = None
    answered: int = 0

    def reset(self) -> None:
        for writer in (self.writer, self.up_writer):
            _reset(writer)


class FaultProxy:
    """Listens on a loopback port and forwards to another; a context manager. `requests` records 'METHOD /path'."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[str] = []
        self._upstream_port = upstream_port
        self._armed: list[Fault] = []
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def arm(self, fault: Fault) -> None:
        """Let `fault` happen to the next requests that match."""
        with self._lock:
            self._armed.extend([fault] * fault.times)

    def calm(self) -> None:
        """Forget the faults that have not happened."""
        with self._lock:
            self._armed.clear()

    def count(self, method: str) -> int:
        """Return how many requests with this method began."""
        return sum(request.startswith(f"{method} ") for request in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        # Transports are closed by callbacks of the next round.
        await asyncio.sleep(0)

    def _take(self, method: str) -> Fault | None:
        with self._lock:
            for fault in self._armed:
                if fault.method in ("", method):
                    self._armed.remove(fault)
                    return fault
        return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            # The event loop itself holds a task by a weak reference only.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        link = _Link(reader, writer, up_reader, up_writer)
        down = asyncio.ensure_future(_downward(link))
        # The end of the test cancels this task; asyncio's server wants it to end normally all the same.
        with suppress(asyncio.CancelledError):
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._request(link):
                    pass
            if link.fault is not None and link.fault.kind in {Kind.STALL, Kind.TRUNCATE_UP, Kind.DRIP}:
                await down
        down.cancel()
        with suppress(asyncio.CancelledError):
            await down
        for each in (writer, up_writer):
            each.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await each.wait_closed()

    async def _request(self, link: _Link) -> bool:
        """Pass on one request; return whether the connection lives on."""
        head = await link.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path = lines[0].split(" ")[:2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        self.requests.append(f"{method} {path}")
        link.fault, link.answered = self._take(method), 0
        kind = link.fault.kind if link.fault else None
        if kind is Kind.REFUSE:
            link.reset()
            return False
        if kind is Kind.LOST_REQUEST:
            if "expect" in headers:
                link.writer.write(_CONTINUE)
            await link.reader.readexactly(length)
            link.reset()
            return False
        link.up_writer.write(head)
        return await _body(link, length)


async def _body(link: _Link, length: int) -> bool:
    sent, fault = 0, link.fault
    while sent < length:
        limit = length - sent
        if fault and fault.kind in {Kind.RESET_UP, Kind.TRUNCATE_UP}:
            limit = min(limit, fault.after - sent)
        if limit <= 0 and fault:
            if fault.kind is Kind.RESET_UP:
                link.reset()
            else:
                link.up_writer.write_eof()
            return False
        piece = await link.reader.read(min(limit, _PIECE))
        if not piece:
            return False
        sent += len(piece)
        link.up_writer.write(piece)
        await link.up_writer.drain()
        if fault and fault.kind is Kind.THROTTLE:
            await asyncio.sleep(len(piece) / fault.rate)
    return True


async def _downward(link: _Link) -> None:
    with suppress(ConnectionError):
        while data := await link.up_reader.read(_PIECE):
            if data.startswith(b"HTTP/1.1 100"):
                end = data.index(b"\r\n\r\n") + 4
                link.writer.write(data[:end])
                data = data[end:]
            if data and not await _answer(link, data):
                return
            await link.writer.drain()
        link.writer.close()


async def _answer(link: _Link, data: bytes) -> bool:
    """Pass on a piece of the answer, or not; return whether the connection lives on."""
    fault = link.fault
    link.answered += len(data)
    match fault.kind if fault else None:
        case Kind.LOST_ANSWER:
            link.reset()
            return False
        case Kind.STALL:
            return True
        case Kind.TRUNCATE_DOWN if fault and link.answered >= fault.after:
            link.writer.write(data[: fault.after - link.answered] if link.answered > fault.after else data)
            link.writer.close()
            return False
        case Kind.DRIP if fault:
            at_once = max(0, len(data) - max(0, link.answered - fault.after))
            link.writer.write(data[:at_once])
            for byte in data[at_once:]:
                link.writer.write(bytes([byte]))
                await asyncio.sleep(1 / fault.rate)
            return True
    link.writer.write(data)
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: the peer sees a reset, not an end."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxy_to(port: int) -> Iterator[FaultProxy]:
    """Run a proxy in front of `port` for the time of the block."""
    with FaultProxy(port) as proxy:
        yield proxy


@pytest.fixture
def refused_port() -> Iterator[int]:
    """Return a port on which nobody answers: connections are refused for as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
