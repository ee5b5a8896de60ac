"""A pipe in front of a database that cuts connections: before a piece of the conversation, or before its answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support.chaos.messages import reset


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks at the client's n-th piece: it is not passed on, or passed on and never answered."""

    at: int
    is_passed_on: bool


class CuttingPipe:
    """Listens on a loopback port; a context manager. `decide` gets the number of a connection, from 0."""

    def __init__(self, upstream_port: int, decide: Callable[[int], Cut | None]) -> None:
        self.port = 0
        self.decide = decide
        self.cuts = 0
        self._connections = 0
        self._upstream_port = upstream_port
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cutting-pipe", daemon=True)

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
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
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
        cut = self.decide(self._connections)
        self._connections += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        mute = asyncio.Event()
        down = asyncio.ensure_future(_pump_down(up_reader, writer, mute))
        with suppress(asyncio.CancelledError, ConnectionError):
            pieces = 0
            while data := await reader.read(1 << 16):
                pieces += 1
                if cut is not None and pieces >= cut.at:
                    self.cuts += 1
                    mute.set()
                    if cut.is_passed_on:
                        up_writer.write(data)
                        await up_writer.drain()
                        # The database is to act on it before it notices that the client is gone.
                        await asyncio.sleep(0.05)
                    reset(writer)
                    break
                up_writer.write(data)
                await up_writer.drain()
        down.cancel()
        with suppress(asyncio.CancelledError):
            await down
        for each in (writer, up_writer):
            each.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await each.wait_closed()


async def _pump_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            if not mute.is_set():
                writer.write(data)
                await writer.drain()
        writer.close()
