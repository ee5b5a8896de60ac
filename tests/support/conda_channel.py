"""A web server that serves a channel's folder, and can misbehave for one path at a time."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Instead:
    """What is answered for a path in place of the file, the next `times` times."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    times: int = 1_000_000


@dataclass(slots=True)
class _Faults:
    instead: dict[str, tuple[Instead, int]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ChannelServer:
    """Serves `folder`; a context manager. `asked` records (method, path) of every request."""

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._faults = _Faults()
        self._server = _Quiet(("127.0.0.1", 0), partial(_Handler, self._faults, directory=str(folder)))
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def asked(self) -> list[tuple[str, str]]:
        return list(self._faults.asked)

    @property
    def asked_headers(self) -> list[dict[str, str]]:
        return list(self._faults.headers)

    def answer(self, path: str, instead: Instead) -> None:
        """Answer `path` (with its leading slash) with something else from now on."""
        self._faults.instead[path] = (instead, instead.times)

    def behave(self) -> None:
        self._faults.instead.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that leaves early is what some tests are about."""


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, faults: _Faults, *args: Any, **kwargs: Any) -> None:
        self._faults = faults
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        with self._faults.lock:
            self._faults.asked.append((self.command, self.path))
            self._faults.headers.append({name.lower(): value for name, value in self.headers.items()})
            instead, left = self._faults.instead.get(self.path, (None, 0))
            if instead is not None:
                if left > 1:
                    self._faults.instead[self.path] = (instead, left - 1)
                else:
                    del self._faults.instead[self.path]
        if instead is None:
            super().do_GET()
            return
        self.send_response(instead.status)
        for name, value in (("Content-Length", str(len(instead.body))), *instead.headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(instead.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
