"""Connections to one origin, kept for the next request. Each request is sent once.

A connection is used again only if its last answer was read to the end, it has not been idle for long, and the server
has not closed it meanwhile.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping

from publisher.http.response import Response
from publisher.http.wire import Connection, Origin, Patience, Pieces, request_head

MAX_IDLE_S = 30.0
"""Servers and address translators forget idle connections, the latter without a word."""


class Reply:
    """An answer whose body is still on its way. Close it once: the connection goes back then, or is closed."""

    __slots__ = ("_connection", "_give_back", "_patience", "_response", "headers", "status")

    def __init__(
        self,
        response: Response,
        connection: Connection,
        patience: Patience,
        give_back: Callable[[Connection], None],
    ) -> None:
        self._response = response
        self._connection = connection
        self._patience = patience
        self._give_back = give_back
        self.status = response.status
        self.headers: Mapping[str, str] = response.fields
        """Names in lower case; the values of a repeated one are joined by a comma (RFC 9110 section 5.3)."""

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes of the body, fewer at its end. `WireError` if that comes too early."""
        with self._patience.translating():
            return self._whole(self._response.read(size))

    def read_some(self, size: int) -> bytes:
        """Return what of the body is there already, at most `size` bytes, and nothing at its end only."""
        with self._patience.translating():
            return self._whole(self._response.read1(size))

    def close(self) -> None:
        if self._response.length == 0:
            self._response.read()  # nothing, but the library notices only then that this was all
        if self._response.isclosed() and not self._response.will_close:
            self._give_back(self._connection)
        else:
            self._response.close()
            self._connection.close()

    def _whole(self, piece: bytes) -> bytes:
        if not piece and self._response.length:
            raise ConnectionError("the body was cut")
        return piece


class Pool:
    """Sends requests to one origin, from any number of threads. `headers` are sent with each of them."""

    def __init__(self, origin: Origin, headers: Mapping[str, str], *, max_idle: int = 32) -> None:
        self._origin = origin
        self._max_idle = max_idle
        self._idle: list[Connection] = []
        # Whoever forgets to close a pool does not leave its sockets to the garbage collector's complaints.
        weakref.finalize(self, _close_all, self._idle)
        self._lock = threading.Lock()
        self._is_absolute = origin.proxy is not None and origin.tls is None
        through = origin.proxy.headers() if origin.proxy and self._is_absolute else {}
        self._headers = {"Host": origin.authority, **headers, **through}

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Pieces = b"",
        *,
        patience: Patience,
        wait_for_continue: bool = False,
    ) -> Reply:
        """Send exactly one request and return its answer. Raises `WireError`, or unchanged what `body` raises.

        `headers` say how long the body is. ValueError for a target or a header that no request can carry.
        """
        if self._is_absolute:
            target = f"http://{self._origin.authority}{target}"
        head = request_head(method, target, {**self._headers, **headers})
        connection = self._take() or Connection(self._origin, patience)
        try:
            response = connection.exchange(method, head, body, patience, wait_for_continue=wait_for_continue)
        except BaseException:
            connection.close()
            raise
        return Reply(response, connection, patience, self._keep)

    def close(self) -> None:
        """Close the idle connections; the others are closed with their replies."""
        with self._lock:
            self._max_idle = 0
        _close_all(self._idle)

    def _take(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if time.monotonic() - connection.idle_since_s < MAX_IDLE_S and not connection.is_dropped:
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        connection.idle_since_s = time.monotonic()
        with self._lock:
            if len(self._idle) < self._max_idle:
                self._idle.append(connection)
                return
        connection.close()


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()
