"""One HTTP/1.1 connection: connects, sends one request after the other, reads each answer, all within limits on time.

The standard library reads the bodies of answers (lengths, chunks), `response` what comes before them. It follows no
redirect, reads no environment and tries nothing twice, so none of that has to be switched off. Read time-outs start
again with each byte, so a server that drips one byte a second defeats them: here every wait is cut to what is left of
the whole request's time.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from publisher.http.response import Reader, Receiver, Response, limit_waits

Pieces = bytes | Iterable[bytes | memoryview]
"""A request's body: its bytes, or pieces of it that are made while it is sent."""

SENT_AT_ONCE_BYTES = 128 * 1024
"""A body of bytes up to this size is sent together with its headers: copying it costs less than a second call."""


class Failure(Enum):
    """Why no whole answer came. The first three: no connection, or none we trust; the server saw no request."""

    NOT_CONNECTED = "no connection"
    NO_TLS = "no TLS connection could be agreed on"
    UNTRUSTED = "the certificate is not trusted"
    SILENT = "time-out"
    TOO_SLOW = "time limit"
    BROKEN = "connection closed"


class WireError(Exception):
    """No answer, or not a whole one. Holds nothing of the request; whoever asked says what was asked.

    `detail` is what is wrong with a certificate, in OpenSSL's words.
    """

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.detail = detail

    @property
    def is_unsent(self) -> bool:
        """Whether the server cannot have seen the request."""
        return self.failure in (Failure.NOT_CONNECTED, Failure.NO_TLS, Failure.UNTRUSTED)


class Patience:
    """How long one request may take, in seconds: `step_s` for each wait, `total_s` for everything.

    With `counts_body` False the time that a body takes is limited by its steps only, so that a large one may take long.
    """

    __slots__ = ("_counts_body", "_end", "_step_s", "_total_s")

    def __init__(self, step_s: float, total_s: float, *, counts_body: bool = True) -> None:
        self._step_s = step_s
        self._total_s = total_s
        self._counts_body = counts_body
        self._end = time.monotonic() + total_s

    def next_s(self) -> float:
        """Return how long the next wait may take. Raises `WireError` if the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise WireError(Failure.TOO_SLOW)
        return min(self._step_s, left)

    def next_piece_s(self) -> float:
        """Return how long the next piece of a body may take."""
        return self.next_s() if self._counts_body else self._step_s

    def body_is_sent(self) -> None:
        if not self._counts_body:
            self._end = time.monotonic() + self._total_s

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise what goes wrong on a connection as `WireError`."""
        try:
            yield
        except TimeoutError:
            failure = Failure.TOO_SLOW if time.monotonic() >= self._end else Failure.SILENT
            raise WireError(failure) from None
        except (OSError, http.client.HTTPException, ValueError):
            raise WireError(Failure.BROKEN) from None


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the value of its header, if it wants one."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections lead: plain ones without `tls`, through a tunnel with `proxy` and `tls`."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None
    connect_timeout_s: float = 10.0

    @property
    def authority(self) -> str:
        """Return host and port as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


class Connection:
    """One connection to one origin, for one thread at a time. Making it connects; every method raises `WireError`."""

    def __init__(self, origin: Origin, patience: Patience) -> None:
        self.idle_since_s = 0.0
        limit_s = min(origin.connect_timeout_s, patience.next_s())
        where = origin.proxy or origin
        try:
            self._socket = socket.create_connection((where.host, where.port), limit_s)
        except (OSError, UnicodeError):
            raise WireError(Failure.NOT_CONNECTED) from None
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if origin.tls is not None:
                if origin.proxy is not None:
                    self._open_tunnel(f"{origin.host}:{origin.port}", origin.proxy, patience)
                self._secure(origin.tls, origin.host, limit_s)
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_dropped(self) -> bool:
        """Whether the server closed the connection, or said something that nobody asked for."""
        watch = select.poll()
        watch.register(self._socket, select.POLLIN)
        return bool(watch.poll(0))

    def close(self) -> None:
        self._socket.close()

    def exchange(
        self, method: str, head: bytes, body: Pieces, patience: Patience, *, wait_for_continue: bool = False
    ) -> Response:
        """Send a request and return its answer as soon as the headers are there.

        With `wait_for_continue` (and the header `Expect`) a refused body is not sent at all. What `body` raises is
        raised unchanged; then, as after every error, this connection is of no use any more.
        """
        response = Response(Reader(Receiver(self._socket, patience.next_s)), method)
        is_sent = True
        if isinstance(body, bytes) and len(body) <= SENT_AT_ONCE_BYTES and not wait_for_continue:
            with patience.translating():
                self._send(head + body, patience.next_s())
        else:
            with patience.translating():
                self._send(head, patience.next_s())
                is_wanted = not wait_for_continue or response.is_body_wanted()
            is_sent = is_wanted and self._send_body([body] if isinstance(body, bytes) else body, patience)
        patience.body_is_sent()
        with patience.translating():
            response.begin()
        response.will_close = response.will_close or not is_sent
        return response

    def _send(self, data: bytes | memoryview, limit_s: float) -> None:
        limit_waits(self._socket, limit_s)
        self._socket.sendall(data)

    def _send_body(self, pieces: Iterable[bytes | memoryview], patience: Patience) -> bool:
        """Return False if the server hung up meanwhile: it may have said why before."""
        for piece in pieces:
            limit_s = patience.next_piece_s()
            with patience.translating():
                try:
                    self._send(piece, limit_s)
                except TimeoutError:
                    raise
                except OSError:
                    return False
        return True

    def _open_tunnel(self, authority: str, proxy: Proxy, patience: Patience) -> None:
        try:
            answer = self.exchange(
                "CONNECT", request_head("CONNECT", authority, {"Host": authority} | proxy.headers()), b"", patience
            )
        except WireError:
            raise WireError(Failure.NOT_CONNECTED) from None
        if answer.status != 200:
            raise WireError(Failure.NOT_CONNECTED)

    def _secure(self, context: ssl.SSLContext, host: str, limit_s: float) -> None:
        self._socket.settimeout(limit_s)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise WireError(Failure.UNTRUSTED, error.verify_message) from None
        except (TimeoutError, ConnectionError):
            raise WireError(Failure.NOT_CONNECTED) from None
        except (OSError, ValueError):
            raise WireError(Failure.NO_TLS) from None


def request_head(method: str, target: str, headers: dict[str, str]) -> bytes:
    """Return the first bytes of a request. ValueError, without the values, for what would end a line."""
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if not text.isascii() or (text.count("\r"), text.count("\n")) != (breaks, breaks) or target.count(" "):
        raise ValueError("a request line or header holds characters that it cannot carry")
    return text.encode("ascii")
