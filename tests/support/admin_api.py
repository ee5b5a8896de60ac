"""A small real admin API: rows behind HTTP, with the behaviours and misbehaviours that are known or to be feared.

It is a pytest plugin (fixture `admin_api`) and a program (`python -m tests.support.admin_api --port 8080`). A running
one is changed by POST `/_control` (JSON fields of `Behaviour`; `fault`, `times`; `forget`) and shows its rows at GET
`/_rows`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import sqlite3
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TOKEN = "fake-token-for-tests"
PUBLISH_PATH = "internal/resources/publish"
LIST_PATH = "resources"
UPDATE_PATH = "get-update"
UPDATE_FIELD = "resources"
IDENTITY = ("resource_name", "dev_stage", "architecture", "version")


@dataclass(frozen=True)
class Fault:
    """One misbehaviour. `applies`: the row is stored before the server misbehaves."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    applies: bool = False
    before_s: float = 0.0
    drip_s: float = 0.0
    """Seconds between single bytes of head and body."""
    cuts: bool = False
    """Announce the whole body, send half of it, and close."""
    resets: bool = False
    """Send a TCP reset instead of an answer."""


HTML = {"Content-Type": "text/html; charset=utf-8"}
FAULTS: dict[str, Fault] = {
    "html": Fault(body=b"<!doctype html><title>Sign in</title>", headers=HTML),
    "not-ok": Fault(body=b'{"ok": false, "message": "no"}'),
    "error-code": Fault(body=b'{"ErrorCode": 60, "Message": "No file provided."}'),
    "empty": Fault(applies=True, headers={}),
    "204": Fault(204, applies=True, headers={}),
    "202": Fault(202, body=b'{"queued": true}'),
    "cut": Fault(body=b'{"ok": true, "message": "stored with care"}', applies=True, cuts=True),
    "cut-json": Fault(body=b'{"ok": tru'),
    "array": Fault(body=b"[1]"),
    "huge": Fault(body=b'{"pad": "' + b"x" * (50 << 20) + b'"}'),
    "gzip-bomb": Fault(
        body=gzip.compress(b"0" * (64 << 20), 9),
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ),
    "utf-16": Fault(body='{"ok": true}'.encode("utf-16"), headers={"Content-Type": "application/json; charset=utf-16"}),
    "duplicate-names": Fault(body=b'{"ok": true, "ok": true}'),
    "nan": Fault(body=b'{"ok": true, "size": NaN}'),
    "deep": Fault(body=b"[" * 100_000),
    "401": Fault(401, body=b'{"Message": "Unauthorized"}'),
    "403": Fault(403, body=b'{"Message": "Forbidden"}'),
    "404": Fault(404, body=b"<h1>Not Found</h1>", headers=HTML),
    "405": Fault(405),
    "409": Fault(409, body=b'{"ErrorCode": 20, "Message": "Email is already taken."}'),
    "413": Fault(413, headers=HTML, body=b"<h1>413</h1>"),
    "415": Fault(415),
    "422": Fault(422, body=b'{"errors": {"version": ["too long"]}}'),
    "429": Fault(429, headers={"Retry-After": "7"}),
    "500": Fault(500, body=b"oops"),
    "503": Fault(503, headers={"Retry-After": "3"}),
    "slow": Fault(before_s=30.0),
    "slow-after": Fault(before_s=30.0, applies=True),
    "drip": Fault(body=b'{"ok": true}' + b" " * 500, drip_s=0.05, applies=True),
    "lost-request": Fault(resets=True),
    "lost-answer": Fault(resets=True, applies=True),
}


@dataclass
class Behaviour:
    """How the API is built; may be changed while it runs."""

    lookup: str = "none"
    """`none`, `list` or `get-update`."""
    on_duplicate: str = "reject"
    """`reject` (409 with the stored sha256), `reject-bare` (409 as for any business error), `upsert` or `append`."""
    shows_keys: bool = True
    camel_case: bool = False
    envelope: str | None = None
    """The name of the list in an object, or None for a bare array."""


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class AdminApi:
    """The server. Binds to 127.0.0.1 at once; `start` serves in a thread until `stop`."""

    def __init__(
        self, *, port: int = 0, token: str = TOKEN, database: str = ":memory:", tls: ssl.SSLContext | None = None
    ) -> None:
        self.behaviour = Behaviour()
        self.recorded: list[Recorded] = []
        self._token = token
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self._rows.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, identity TEXT, row TEXT)")
        self._server = _Server(("127.0.0.1", port), self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> AdminApi:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._rows.close()

    close = stop

    def serve_forever(self) -> None:
        """Serve in this thread, for the program."""
        self._server.serve_forever()

    def fail(self, fault: str | Fault, times: int = 1) -> None:
        """Misbehave on the next `times` requests."""
        with self._lock:
            self._faults += [FAULTS[fault] if isinstance(fault, str) else fault] * times

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows, oldest first."""
        with self._lock:
            return [json.loads(text) for (text,) in self._rows.execute("SELECT row FROM rows ORDER BY id")]

    def forget(self) -> None:
        """Remove all rows and records of requests."""
        with self._lock:
            self._rows.execute("DELETE FROM rows")
        self.recorded.clear()

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.pop(0) if self._faults else None

    def answer(self, request: Recorded) -> tuple[int, object]:
        """Do what a well-behaved API does; returns a status and a JSON document (None: no body)."""
        if request.path == "/_rows" and request.method == "GET":
            return 200, self.rows()
        if request.path == "/_control" and request.method == "POST":
            return self._control(json.loads(request.body))
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return 401, {"Message": "Unauthorized"}
        behaviour = self.behaviour
        if request.method == "POST" and request.path == f"/{PUBLISH_PATH}":
            return self._publish(request.body)
        if request.method == "GET" and request.path == f"/{LIST_PATH}" and behaviour.lookup == "list":
            return 200, self._shown(self.rows(), IDENTITY)
        if request.method == "POST" and request.path == f"/{UPDATE_PATH}" and behaviour.lookup == "get-update":
            return self._update(json.loads(request.body))
        return 404, {"Message": "Not Found"}

    def _control(self, wanted: dict[str, Any]) -> tuple[int, object]:
        if "fault" in wanted:
            self.fail(wanted.pop("fault"), wanted.pop("times", 1))
        if wanted.pop("forget", False):
            self.forget()
        self.behaviour = replace(self.behaviour, **wanted)
        return 200, {field.name: getattr(self.behaviour, field.name) for field in fields(self.behaviour)}

    def _publish(self, body: bytes) -> tuple[int, object]:
        row = json.loads(body)
        identity = json.dumps([row[name] for name in IDENTITY])
        with self._lock:
            stored = self._rows.execute("SELECT row FROM rows WHERE identity = ?", (identity,)).fetchone()
            if stored and self.behaviour.on_duplicate == "reject":
                return 409, {"Message": "resource already exists", "sha256": json.loads(stored[0])["sha256"]}
            if stored and self.behaviour.on_duplicate == "reject-bare":
                return 409, {"ErrorCode": 70, "Message": "Business rule violated."}
            if stored and self.behaviour.on_duplicate == "upsert":
                self._rows.execute("UPDATE rows SET row = ? WHERE identity = ?", (body.decode(), identity))
            else:
                self._rows.execute("INSERT INTO rows (identity, row) VALUES (?, ?)", (identity, body.decode()))
        return 200, {"ok": True}

    def _update(self, question: dict[str, Any]) -> tuple[int, object]:
        if UPDATE_FIELD not in question:
            return 400, {"errors": {UPDATE_FIELD: ["required"]}}
        newest: dict[str, dict[str, Any]] = {}
        for row in self.rows():
            if (row["dev_stage"], row["architecture"]) == (question["dev_stage"], question["architecture"]):
                newest[row["resource_name"]] = row
        return 200, self._shown(list(newest.values()), ("resource_name", "version"))

    def _shown(self, rows: list[dict[str, Any]], names: tuple[str, ...]) -> object:
        wanted = (
            *names,
            "cdn_url",
            "sha256",
            "size_bytes",
            *(("encryption_key",) if self.behaviour.shows_keys else ()),
        )
        shown = [{self._spelled(name): row[name] for name in wanted} for row in rows]
        return shown if self.behaviour.envelope is None else {self.behaviour.envelope: shown, "count": len(shown)}

    def _spelled(self, name: str) -> str:
        if not self.behaviour.camel_case:
            return name
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], api: AdminApi) -> None:
        self.api = api
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients that hang up are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        """Record the request, then answer it as told."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Recorded(self.command, self.path, headers, body)
        api = self.server.api
        if not self.path.startswith("/_"):
            api.recorded.append(request)
            fault = api.next_fault()
            if fault is not None:
                self._misbehave(fault, request)
                return
        status, document = api.answer(request)
        data = b"" if document is None else json.dumps(document).encode()
        self._send(status, data, {"Content-Type": "application/json"})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815 - http.server's names

    def _misbehave(self, fault: Fault, request: Recorded) -> None:
        if fault.applies:
            self.server.api.answer(request)
        if fault.before_s:
            time.sleep(fault.before_s)
        if fault.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self._send(fault.status, fault.body, fault.headers, drip_s=fault.drip_s, cuts=fault.cuts)

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str], *, drip_s: float = 0.0, cuts: bool = False
    ) -> None:
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode("latin-1") + (body[: len(body) // 2] if cuts else body)
        self.close_connection = self.close_connection or cuts or drip_s > 0
        with suppress(OSError):
            if not drip_s:
                self.wfile.write(data)
                return
            for byte in data:
                self.wfile.write(bytes([byte]))
                time.sleep(drip_s)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture
def admin_api() -> Iterator[AdminApi]:
    """A well-behaved admin API without rows and without a lookup; tests change `behaviour` or call `fail`."""
    api = AdminApi().start()
    yield api
    api.stop()


def main() -> None:
    """Run as a program until it is stopped; prints its URL first."""
    parser = argparse.ArgumentParser(description="An admin API for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--database", default=":memory:", help="SQLite file that keeps the rows")
    parser.add_argument("--lookup", choices=("none", "list", "get-update"), default="none")
    parser.add_argument("--on-duplicate", choices=("reject", "reject-bare", "upsert", "append"), default="reject")
    options = parser.parse_args()
    api = AdminApi(port=options.port, token=options.token, database=options.database)
    api.behaviour = Behaviour(lookup=options.lookup, on_duplicate=options.on_duplicate)
    print(api.url, flush=True)  # noqa: T201 - whoever started the program reads it
    with closing(api), suppress(KeyboardInterrupt):
        api.serve_forever()


if __name__ == "__main__":
    main()
