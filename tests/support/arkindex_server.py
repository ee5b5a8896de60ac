"""A small real Arkindex: workers and versions behind HTTP, in any of its generations, with faults on demand.

Everything is generated from `OPERATIONS`, the OpenAPI document that it serves included. **The subset comes from client
code** (Arkindex's own client and command, and its manual): no package of the real server exists to compare with. So
what holds here holds for what a client sends and how it reacts; paths are as good as any, since clients look them up.
`arkindex-client` is run against it in `tests/contract/test_arkindex_client.py`, as an independent reader.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

TOKEN = "fake-arkindex-token-7d1f0c55"
CSRF = "fakecsrf0123456789"
DOCUMENT_PATH = "/api/v1/openapi/"
PAGE_SIZE = 3

OPERATIONS: Mapping[str, tuple[str, str]] = {
    "CreateDockerWorkerVersion": ("post", "/api/v1/workers/versions/docker/"),
    "RetrieveWorkerVersion": ("get", "/api/v1/workers/versions/{id}/"),
    "PartialUpdateWorkerVersion": ("patch", "/api/v1/workers/versions/{id}/"),
    "CreateWorkerVersion": ("post", "/api/v1/workers/{id}/versions/"),
    "ListWorkerVersions": ("get", "/api/v1/workers/{id}/versions/"),
    "CreateWorker": ("post", "/api/v1/workers/"),
    "ListWorkers": ("get", "/api/v1/workers/"),
    "PartialUpdateWorker": ("patch", "/api/v1/workers/{id}/"),
    "ImportWorkerVersion": ("post", "/api/v1/workers/{id}/import-version/"),
    "RetrieveUser": ("get", "/api/v1/user/"),
}
"""Operation -> method and path. A server offers those of its generation."""

DOCKER_VERSION = frozenset({"CreateDockerWorkerVersion"})
WORKER_VERSION = frozenset(
    {
        "CreateWorker",
        "PartialUpdateWorker",
        "CreateWorkerVersion",
        "ListWorkerVersions",
        "PartialUpdateWorkerVersion",
        "RetrieveWorkerVersion",
    }
)
IMPORT = (WORKER_VERSION - {"CreateWorkerVersion"}) | {"ImportWorkerVersion"}
LISTING = frozenset({"ListWorkers", "ListWorkerVersions", "PartialUpdateWorkerVersion"})


@dataclass(frozen=True)
class Fault:
    """One misbehaviour. `applies`: the request is carried out before the server misbehaves."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    applies: bool = False
    resets: bool = False
    after_s: float = 0.0
    echoes: bool = False
    """Repeat the request's headers in the answer."""


HTML = {"Content-Type": "text/html; charset=utf-8"}
FAULTS: dict[str, Fault] = {
    "html": Fault(body=b"<!doctype html><title>Sign in</title>", headers=HTML),
    "html-after": Fault(body=b"<!doctype html><title>Sign in</title>", headers=HTML, applies=True),
    "redirect": Fault(302, headers={"Location": "https://login.example.com/"}),
    "no-id": Fault(201, body=b"{}"),
    "cut": Fault(201, body=b'{"id": "0'),
    "500": Fault(500, body=b"oops"),
    "502-after": Fault(502, body=b"<h1>Bad Gateway</h1>", headers=HTML, applies=True),
    "429": Fault(
        429, body=b'{"detail": "slow down"}', headers={"Content-Type": "application/json", "Retry-After": "0"}
    ),
    "echo-400": Fault(400, echoes=True),
    "echo-401": Fault(401, echoes=True),
    "echo-500": Fault(500, echoes=True),
    "echo-html": Fault(200, headers=HTML, echoes=True),
    "400": Fault(400, body=b'{"type": "validation_error", "errors": [{"attr": null, "code": "x", "detail": "no"}]}'),
    "403": Fault(403, body=b'{"detail": "You do not have the scope CreateDockerWorkerVersion."}'),
    "409-lie": Fault(409, body=b'{"type": "client_error", "errors": [], "existing_id": null}'),
    "lost-request": Fault(resets=True),
    "lost-answer": Fault(resets=True, applies=True),
    "slow": Fault(after_s=30.0),
}


@dataclass
class Behaviour:
    """How the server is built; may be changed while it runs."""

    operations: frozenset[str] = DOCKER_VERSION
    conflict: str = "409"
    """How an import of a duplicate is answered: `409` with `existing_id`, `409-null` without it, or `400` (1.11.1)."""
    tells_image: bool = True
    valid_requests: int | None = None
    """After so many requests with the token it is expired; None for never."""
    sets_csrf: bool = True
    document: bytes | None = None
    """What is served in place of the generated document."""


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the wire; `operation` is None for a path that is none."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    operation: str | None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def document_of(operations: frozenset[str]) -> dict[str, Any]:
    """Return the OpenAPI document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for name, (method, path) in OPERATIONS.items():
        if name not in operations:
            continue
        parameters = [
            {"name": found, "in": "path", "required": True, "schema": {"type": "string"}}
            for found in re.findall(r"\{(\w+)\}", path)
        ]
        if name.startswith("List"):
            parameters.append({"name": "page", "in": "query", "required": False, "schema": {"type": "integer"}})
        described: dict[str, Any] = {"operationId": name, "parameters": parameters, "responses": {"200": {}}}
        if name.startswith("List"):
            described["x-paginated"] = True
        if method in ("post", "patch"):
            described["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
        paths.setdefault(path, {})[method] = described
    return {"openapi": "3.0.3", "info": {"title": "Arkindex API", "version": "1"}, "paths": paths}


class ArkindexServer:
    """The server. Binds to 127.0.0.1 at once; `start` serves in a thread until `stop`."""

    def __init__(self, *, port: int = 0) -> None:
        self.behaviour = Behaviour()
        self.recorded: list[Recorded] = []
        self.workers: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self._faults: list[tuple[str | None, Fault]] = []
        self._used = 0
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> ArkindexServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def fail(self, fault: str, times: int = 1, *, on: str | None = None) -> None:
        """Misbehave on the next `times` requests, or on the next ones for the operation `on`."""
        with self._lock:
            self._faults += [(on, FAULTS[fault])] * times

    def calls(self) -> list[str]:
        """Return the operations that were called, in order; not the document."""
        return [recorded.operation for recorded in self.recorded if recorded.operation]

    def bodies(self, operation: str) -> list[Any]:
        """Return the JSON bodies that an operation was called with, in order."""
        return [recorded.json for recorded in self.recorded if recorded.operation == operation]

    def labels(self) -> list[tuple[str | None, str | None]]:
        """Return branch and tag of each version, oldest first."""
        return [(version["branch"], version["tag"]) for version in self.versions.values()]

    def next_fault(self, operation: str | None) -> Fault | None:
        with self._lock:
            for index, (on, fault) in enumerate(self._faults):
                if on in (None, operation):
                    del self._faults[index]
                    return fault
        return None

    def find(self, method: str, path: str) -> tuple[str | None, dict[str, str]]:
        """Return the operation at a path, and its parameters."""
        for name, (its_method, template) in OPERATIONS.items():
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            found = re.fullmatch(pattern, path)
            if found and its_method.upper() == method and name in self.behaviour.operations:
                return name, found.groupdict()
        return None, {}

    def answer(self, recorded: Recorded, parameters: Mapping[str, str]) -> tuple[int, object]:
        """Do what a well-behaved server does; returns a status and a JSON document."""
        with self._lock:
            url = urlsplit(recorded.path)
            if url.path == DOCUMENT_PATH:
                return 200, document_of(self.behaviour.operations)
            if recorded.headers.get("authorization") not in (f"Token {TOKEN}", f"Ponos {TOKEN}"):
                return 401, {"detail": "Invalid token."}
            self._used += 1
            if self.behaviour.valid_requests is not None and self._used > self.behaviour.valid_requests:
                return 401, {"detail": "Token expired."}
            handle: dict[str, Callable[[], tuple[int, object]]] = {
                "CreateDockerWorkerVersion": lambda: self._docker_version(recorded.json),
                "CreateWorker": lambda: self._create_worker(recorded.json),
                "PartialUpdateWorker": lambda: self._update(self.workers, parameters["id"], recorded.json),
                "ListWorkers": lambda: self._page(url.query, list(self.workers.values()), "/api/v1/workers/"),
                "CreateWorkerVersion": lambda: self._create_version(parameters["id"], recorded.json),
                "ImportWorkerVersion": lambda: self._import_version(parameters["id"], recorded.json),
                "ListWorkerVersions": lambda: self._page(url.query, self._versions_of(parameters["id"]), url.path),
                "RetrieveWorkerVersion": lambda: self._one(self.versions, parameters["id"]),
                "RetrieveUser": lambda: (200, {"email": "fox@example.com"}),
                "PartialUpdateWorkerVersion": lambda: self._relabel(parameters["id"], recorded.json),
            }
            if recorded.operation is None:
                return 404, {"detail": "Not found."}
            return handle[recorded.operation]()

    def _docker_version(self, body: dict[str, Any]) -> tuple[int, object]:
        needed = ("worker_slug", "repository_url", "revision_hash", "configuration", "docker_image_iid")
        if missing := [name for name in needed if not body.get(name)]:
            return 400, {name: ["This field is required."] for name in missing}
        repository, slug = body["repository_url"], body["worker_slug"]
        worker = self._worker(repository, slug)
        if worker is None:
            name, kind = body.get("worker_name", slug), body.get("worker_type", slug)
            described = body.get("worker_description")
            worker = self._new_worker(repository, slug, name=name, type=kind, description=described)
        revision_url = f"{repository}/commit/{body['revision_hash']}"
        if self._version(worker["id"], revision_url):
            return 400, {"__all__": ["A worker version already exists on this revision and this worker slug."]}
        references = body.get("revision_references", [])
        labels = {kind: [item["name"] for item in references if item["type"] == kind] for kind in ("branch", "tag")}
        version = self._new_version(
            worker["id"],
            revision_url=revision_url,
            docker_image_iid=body["docker_image_iid"],
            configuration=body["configuration"],
            branch=next(iter(labels["branch"]), None),
            tag=next(iter(labels["tag"]), None),
        )
        return 201, self._shown(version)

    def _create_worker(self, body: dict[str, Any]) -> tuple[int, object]:
        if missing := [name for name in ("name", "type", "slug", "repository_url") if not body.get(name)]:
            return 400, {name: ["This field is required."] for name in missing}
        found = self._worker(body["repository_url"], body["slug"])
        if found is not None:
            return 200, found
        return 201, self._new_worker(
            body["repository_url"],
            body["slug"],
            name=body["name"],
            type=body["type"],
            description=body.get("description", ""),
        )

    def _create_version(self, worker_id: str, body: dict[str, Any]) -> tuple[int, object]:
        if worker_id not in self.workers:
            return 404, {"detail": "Not found."}
        if missing := [name for name in ("configuration", "revision_url", "docker_image_iid") if name not in body]:
            return 400, {name: ["This field is required."] for name in missing}
        if self._version(worker_id, body["revision_url"]):
            return 400, {"revision_url": ["A worker version already exists with this revision URL."]}
        return 201, self._shown(self._new_version(worker_id, **self._labelled(worker_id, body)))

    def _import_version(self, worker_id: str, body: dict[str, Any]) -> tuple[int, object]:
        if worker_id not in self.workers:
            return 404, {"detail": "Not found."}
        if missing := [name for name in ("yaml", "revision_url", "docker_image_iid") if not body.get(name)]:
            errors = [{"attr": [name], "code": "required", "detail": "This field is required."} for name in missing]
            return 400, {"type": "validation_error", "errors": errors}
        existing = self._version(worker_id, body["revision_url"])
        if existing is None:
            return 201, self._shown(self._new_version(worker_id, **self._labelled(worker_id, body)))
        detail = "A worker version already exists for this worker and revision URL."
        error = {"attr": None, "code": "unique", "detail": detail}
        if self.behaviour.conflict == "400":
            return 400, {"type": "validation_error", "errors": [error]}
        existing_id = existing["id"] if self.behaviour.conflict == "409" else None
        return 409, {"type": "client_error", "errors": [error | {"code": "conflict"}], "existing_id": existing_id}

    def _relabel(self, version_id: str, body: dict[str, Any]) -> tuple[int, object]:
        if version_id not in self.versions:
            return 404, {"detail": "Not found."}
        if not body or not set(body) <= {"tag", "branch"}:
            return 400, {"detail": "Only tag and branch may change."}
        worker_id = self.versions[version_id]["worker_id"]
        self.versions[version_id].update(self._labelled(worker_id, body))
        return 200, self._shown(self.versions[version_id])

    def _labelled(self, worker_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take the labels of a body away from the worker's other versions: a branch moves to the newest."""
        for name in ("branch", "tag"):
            for version in self._versions_of(worker_id):
                if body.get(name) and version[name] == body[name]:
                    self.versions[version["id"]][name] = None
        return body

    def _update(self, table: dict[str, dict[str, Any]], key: str, body: dict[str, Any]) -> tuple[int, object]:
        if key not in table:
            return 404, {"detail": "Not found."}
        table[key].update(body)
        return 200, table[key]

    def _one(self, table: dict[str, dict[str, Any]], key: str) -> tuple[int, object]:
        return (200, self._shown(table[key])) if key in table else (404, {"detail": "Not found."})

    def _page(self, query: str, items: list[dict[str, Any]], path: str) -> tuple[int, object]:
        number = int(dict(parse_qsl(query)).get("page", "1"))
        shown = items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        following = f"{self.url}{path}?page={number + 1}" if number * PAGE_SIZE < len(items) else None
        return 200, {"count": len(items), "next": following, "previous": None, "results": shown}

    def _worker(self, repository_url: str, slug: str) -> dict[str, Any] | None:
        keys = {(worker["repository_url"], worker["slug"]): worker for worker in self.workers.values()}
        return keys.get((repository_url, slug))

    def _new_worker(self, repository_url: str, slug: str, **fields: Any) -> dict[str, Any]:
        worker = {"id": str(uuid4()), "repository_url": repository_url, "slug": slug, **fields}
        self.workers[worker["id"]] = worker
        return worker

    def _version(self, worker_id: str, revision_url: str) -> dict[str, Any] | None:
        found = (version for version in self._versions_of(worker_id) if version["revision_url"] == revision_url)
        return next(found, None)

    def _new_version(self, worker_id: str, **fields: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {"worker_id": worker_id, "branch": None, "tag": None, "state": "available"}
        version = {"id": str(uuid4())} | empty | fields
        self.versions[version["id"]] = version
        return version

    def _versions_of(self, worker_id: str) -> list[dict[str, Any]]:
        """Return the versions as they are shown, newest first."""
        there = [version for version in self.versions.values() if version["worker_id"] == worker_id]
        return [self._shown(version) for version in reversed(there)]

    def _shown(self, version: dict[str, Any]) -> dict[str, Any]:
        hidden = set() if self.behaviour.tells_image else {"docker_image_iid"}
        return {name: value for name, value in version.items() if name not in hidden}

    def clone_behaviour(self, **changes: Any) -> None:
        """Change how the server is built."""
        self.behaviour = replace(self.behaviour, **changes)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], arkindex: ArkindexServer) -> None:
        self.arkindex = arkindex
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients that hang up are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        """Record the request, then answer it as told."""
        arkindex = self.server.arkindex
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        operation, parameters = arkindex.find(self.command, path)
        recorded = Recorded(self.command, self.path, headers, body, operation)
        arkindex.recorded.append(recorded)
        if path == DOCUMENT_PATH and arkindex.behaviour.document is not None:
            self._send(200, arkindex.behaviour.document, {"Content-Type": "application/json"})
            return
        fault = arkindex.next_fault("document" if path == DOCUMENT_PATH else operation)
        if fault is not None:
            self._misbehave(fault, recorded, parameters)
            return
        status, document = arkindex.answer(recorded, parameters)
        cookies = ["other=1; Path=/", f"arkindex.csrf={CSRF}; Path=/"] if arkindex.behaviour.sets_csrf else []
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json"}, cookies)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def _misbehave(self, fault: Fault, recorded: Recorded, parameters: Mapping[str, str]) -> None:
        if fault.applies:
            self.server.arkindex.answer(recorded, parameters)
        if fault.after_s:
            time.sleep(fault.after_s)
        if fault.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        body = json.dumps(dict(recorded.headers)).encode() if fault.echoes else fault.body
        self._send(fault.status, body, fault.headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], cookies: Sequence[str] = ()) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in (*headers.items(), *(("Set-Cookie", cookie) for cookie in cookies)):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture
def arkindex() -> Iterator[ArkindexServer]:
    """A well-behaved server of the generation of the source document; tests change `behaviour` or call `fail`."""
    server = ArkindexServer().start()
    yield server
    server.stop()
