"""HTTP/1.1 as cheap as Python can: one thread a connection, large bodies read without being copied.

`MSG_TRUNC` lets the kernel drop what arrives, so that a gigabyte costs the sink a tenth of a second.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.benchmark.sink.state import KEPT_BYTES, Sent

_HEAD_BYTES = 64 * 1024
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, `path` is decoded and has no leading slash."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    sent: Sent


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    announced: int | None = None
    """The Content-Length to say where there is no body, for HEAD."""


class WireServer:
    """Binds to a free port of 127.0.0.1 at once."""

    def __init__(self, answer: Callable[[Request], Answer], port: int = 0) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def serve_forever(self) -> None:
        """Accept connections until `close`."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            rest = b""
            while (head := _read_head(connection, rest)) is not None:
                request, rest = _read_request(connection, *head)
                answer = self._answer(request)
                connection.sendall(_encode(answer, is_head=request.method == "HEAD"))


def _read_head(connection: socket.socket, begun: bytes) -> tuple[bytes, bytes] | None:
    """Return the head of the next request and what came after it; None at the end of the connection."""
    while b"\r\n\r\n" not in begun:
        piece = connection.recv(_HEAD_BYTES)
        if not piece or len(begun) > _HEAD_BYTES:
            return None
        begun += piece
    head, _, rest = begun.partition(b"\r\n\r\n")
    return head, rest


def _read_request(connection: socket.socket, head: bytes, rest: bytes) -> tuple[Request, bytes]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    size = int(headers.get("content-length", "0"))
    if size <= KEPT_BYTES:
        while len(rest) < size:
            rest += _some(connection.recv(size - len(rest)))
        sent, rest = Sent(size, rest[:size]), rest[size:]
    else:
        _skim(connection, size - len(rest))
        sent, rest = Sent(size, None), b""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path).lstrip("/"), query, headers, sent), rest


def _skim(connection: socket.socket, left: int) -> None:
    buffer = bytearray(_PIECE_BYTES)
    while left > 0:
        count = connection.recv_into(buffer, min(left, _PIECE_BYTES), socket.MSG_TRUNC)
        if not count:
            raise ConnectionError("the body ended early")
        left -= count


def _some(piece: bytes) -> bytes:
    if not piece:
        raise ConnectionError("the body ended early")
    return piece


def _encode(answer: Answer, *, is_head: bool) -> bytes:
    size = answer.announced if answer.announced is not None else len(answer.body)
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}", f"Content-Length: {size}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if is_head else answer.body)
