"""An HTTP server that answers what it is told, in order: for answers no real server gives on demand."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. A `Content-Length` is added; headers named here replace the server's own."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in, header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def s3_error(status: int, code: str, *, headers: Mapping[str, str] | None = None, message: str = "no") -> Answer:
    """Return an error in the words of S3."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Answer(status, {"Content-Type": "application/xml", **(headers or {})}, body)


class ScriptedServer(ThreadingHTTPServer):
    """Gives the answers of `script` one after the other, and the last one from then on."""

    daemon_threads = True

    def __init__(self, script: Sequence[Answer], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.script = list(script)
        self.asked: list[Asked] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that leaves early is what many tests are about."""

    def next_answer(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.next_answer(Asked(self.command, self.path, headers, body))
        self.send_response_only(answer.status)
        own = {"Date": self.date_time_string(), "Content-Length": str(len(answer.body))}
        for name, value in (own | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # the names the base class calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(*script: Answer, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server with this script for the time of the block, behind TLS if a context is given."""
    server = ScriptedServer(script, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
