"""A proxy that treats each HTTP request as one message: it may be lost, late, sent twice, answered by us, or fatal.

Unlike `fault_proxy`, which cuts connections at byte counts, this one reads a whole request first. So a request can
arrive long after its sender gave up or died, and a sender can be killed at exactly this request.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """One request. `source` is the loopback address it came from: publishers that are told apart have their own."""

    method: str
    path: str
    source: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def is_a(self, method: str, beginning: str = "") -> bool:
        """Tell whether this is such a request, for a path that begins so."""
        return self.method == method and self.path.startswith(beginning)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message. The order: `before`, the server (at once, late or never), `after`, the answer."""

    arrives: bool = True
    times: int = 1
    late_s: float | None = None
    """The sender hears a reset at once; the server gets the message this many seconds later."""
    answers: bool = True
    reply: bytes | None = None
    """A whole HTTP answer of our own; the server gets nothing."""
    alter: Callable[[bytes], bytes] | None = None
    """Changes the server's answer."""
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    holds_s: float = 0.0
    """The answer is kept back so long."""


PASSES = Fate()
LOST = Fate(arrives=False, answers=False)
UNANSWERED = Fate(answers=False)
Decide = Callable[[Message], Fate]


def everything_passes(_message: Message) -> Fate:
    return PASSES


def http_answer(status: int, body: bytes = b"", *, content_type: str = "application/json", extra: str = "") -> bytes:
    """Return a whole HTTP answer."""
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


class MessageProxy:
    """Listens on a loopback port; a context manager. `seen` holds every request, `decide` may be replaced any time."""

    def __init__(self, upstream_port: int, decide: Decide = everything_passes) -> None:
        self.port = 0
        self.decide = decide
        self.seen: list[Message] = []
        self._upstream_port = upstream_port
        self._late: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="message-proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str, beginning: str = "") -> int:
        """Return how many such requests came."""
        return sum(message.is_a(method, beginning) for message in self.seen)

    def settle(self) -> None:
        """Wait until everything late has arrived."""
        asyncio.run_coroutine_threadsafe(self._settled(), self._loop).result(timeout=30)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _settled(self) -> None:
        while self._late:
            await asyncio.wait(self._late)

    async def _start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LIMIT)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            # The event loop itself holds a task by a weak reference only.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        source = writer.get_extra_info("peername")[0]
        # The end of a test cancels this task; asyncio's server wants it to end normally all the same.
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            head, body = await _request(reader, writer)
            method, path = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
            message = Message(method, path, source, body)
            self.seen.append(message)
            await self._carry(self.decide(message), head + body, writer)
        with suppress(ConnectionError, asyncio.CancelledError):
            writer.close()
            await writer.wait_closed()

    async def _carry(self, fate: Fate, request: bytes, writer: asyncio.StreamWriter) -> None:
        if fate.before is not None:
            await asyncio.to_thread(fate.before)
        if fate.late_s is not None:
            task = asyncio.ensure_future(self._deliver_late(request, fate.late_s))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            reset(writer)
            return
        answer = fate.reply or b""
        for _ in range(fate.times if fate.arrives and fate.reply is None else 0):
            answer = await self._deliver(request)
        if fate.after is not None:
            await asyncio.to_thread(fate.after)
        if fate.holds_s:
            await asyncio.sleep(fate.holds_s)
        if not fate.answers or not answer:
            reset(writer)
            return
        writer.write(_announced(fate.alter(answer) if fate.alter else answer))
        await writer.drain()

    async def _deliver_late(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(ConnectionError):
            await self._deliver(request)

    async def _deliver(self, request: bytes) -> bytes:
        """Send the request and return the whole answer: with `Connection: close` it ends where the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            writer.write(request)
            await writer.drain()
            answer = await reader.read()
            # A 100 is no answer.
            return answer.partition(b"\r\n\r\n")[2] if answer.startswith(b"HTTP/1.1 100") else answer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def _announced(answer: bytes) -> bytes:
    """Say that the connection is closed after this answer: without a word, the next request would run into it."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if b"\r\nconnection:" in head.lower():
        return answer
    return head + b"\r\nConnection: close" + end + body


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    names = [line.partition(b":")[0].strip().lower() for line in lines]
    length = 0
    for name, line in zip(names, lines, strict=True):
        if name == b"content-length":
            length = int(line.partition(b":")[2])
        if name == b"expect":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    kept = [line for name, line in zip(names, lines, strict=True) if name not in {b"expect", b"connection"}]
    body = await reader.readexactly(length)
    return b"\r\n".join([*kept, b"Connection: close", b"", b""]), body


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: the peer sees a reset, not an end."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
