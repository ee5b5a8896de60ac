"""What stands in for a server in a rehearsal: the same operations, kept as files in a folder.

A worker and a version are a file each, whose name follows from what makes it unique, and which is made by a link that
fails if the name is taken. So two rehearsals at once make one version, as at a server. Nothing is made unless `writes`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from publisher.destinations.arkindex.api import OPERATIONS, Reply
from publisher.destinations.arkindex.openapi import Operation, Operations
from publisher.errors import LocalResourceError

_EXISTS = "A worker version already exists on this revision and this worker slug."
Document = dict[str, Any]


class LocalArkindex:
    """An Arkindex server of every generation at once, below `folder`."""

    def __init__(self, folder: Path, *, writes: bool) -> None:
        self._folder = folder
        self._writes = writes
        self._operations = Operations(
            {
                name: Operation(name, "LOCAL", "".join(f"/{{{parameter}}}" for parameter in parameters))
                for name, parameters in OPERATIONS.items()
            }
        )

    @property
    def location(self) -> str:
        return str(self._folder)

    def operations(self) -> Operations:
        return self._operations

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """Do what a server does. Raises `LocalResourceError` for what the disk refuses."""
        key, sent = (path or {}).get("id", ""), body if isinstance(body, dict) else {}
        handlers: Mapping[str, Callable[[], tuple[int, object]]] = {
            "CreateDockerWorkerVersion": lambda: self._docker_version(sent),
            "CreateWorker": lambda: (200, self._worker(sent)),
            "PartialUpdateWorker": lambda: self._update("workers", key, sent),
            "ListWorkers": lambda: _page(self._all("workers")),
            "CreateWorkerVersion": lambda: self._version(key, sent, {"revision_url": [_EXISTS]}),
            "ImportWorkerVersion": lambda: self._version(key, sent, None),
            "ListWorkerVersions": lambda: _page(self._versions(key)),
            "RetrieveWorkerVersion": lambda: self._found("versions", key),
            "PartialUpdateWorkerVersion": lambda: self._relabel(key, sent),
            "RetrieveUser": lambda: (200, {"id": "rehearsal"}),
        }
        try:
            status, document = handlers[operation.name]()
        except OSError as error:
            raise LocalResourceError(
                f"cannot write below {self._folder}: {error.strerror}", hint="choose another --local DIR"
            ) from error
        return Reply(status, document, json.dumps(document)[:200])

    def close(self) -> None:
        """Nothing is held open."""

    def _docker_version(self, body: Document) -> tuple[int, object]:
        worker = self._worker(
            {
                "name": body["worker_name"],
                "type": body["worker_type"],
                "slug": body["worker_slug"],
                "repository_url": body["repository_url"],
                "description": body.get("worker_description", ""),
            }
        )
        labels: dict[str, str] = {}
        for reference in body["revision_references"]:
            labels.setdefault(reference["type"], reference["name"])
        address = f"{body['repository_url']}/commit/{body['revision_hash']}"
        version = {**body, **labels, "revision_url": address}
        return self._version(worker["id"], version, {"__all__": [_EXISTS]})

    def _worker(self, body: Document) -> Document:
        key = _key(body["repository_url"], body["slug"])
        self._create("workers", key, {"id": key, **body})
        return self._read("workers", key)

    def _version(self, worker_id: str, body: Document, refusal: Document | None) -> tuple[int, object]:
        key = _key(worker_id, body["revision_url"])
        if not self._create("versions", key, {"branch": None, "tag": None, **body, "id": key, "worker_id": worker_id}):
            conflict = {"type": "client_error", "errors": [], "existing_id": key}
            return (409, conflict) if refusal is None else (400, refusal)
        self._take_labels(worker_id, key, body)
        return 201, self._read("versions", key)

    def _relabel(self, key: str, labels: Document) -> tuple[int, object]:
        status, version = self._update("versions", key, labels)
        if status == 200 and isinstance(version, dict):
            self._take_labels(version["worker_id"], key, labels)
        return status, version

    def _take_labels(self, worker_id: str, owner: str, labels: Document) -> None:
        """Take a branch and a tag from the other versions: each is at one version of a worker."""
        for version in self._versions(worker_id):
            moved = [name for name in ("branch", "tag") if labels.get(name) and version[name] == labels[name]]
            if moved and version["id"] != owner:
                self._update("versions", version["id"], dict.fromkeys(moved))

    def _versions(self, worker_id: str) -> list[Document]:
        return [version for version in self._all("versions") if version["worker_id"] == worker_id]

    def _found(self, table: str, key: str) -> tuple[int, object]:
        document = self._read(table, key)
        return (200, document) if document else (404, {"detail": "Not found."})

    def _update(self, table: str, key: str, changes: Document) -> tuple[int, object]:
        document = self._read(table, key)
        if not document:
            return 404, {"detail": "Not found."}
        document |= changes
        self._put(table, key, document, Path.replace)
        return 200, document

    def _create(self, table: str, key: str, document: Document) -> bool:
        """Make a file that is not there yet; False if it is."""
        try:
            self._put(table, key, document, os.link)
        except FileExistsError:
            return False
        return True

    def _put(self, table: str, key: str, document: Document, move: Callable[[Path, Path], object]) -> None:
        if not self._writes:
            raise LocalResourceError("a command that only looks was about to write", hint="this is a fault of publish")
        place = self._place(table, key)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = place.with_name(f".{secrets.token_hex(8)}")
        try:
            with beside.open("x", encoding="utf-8") as file:
                json.dump(document, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            move(beside, place)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()

    def _read(self, table: str, key: str) -> Document:
        try:
            found: Document = json.loads(self._place(table, key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise LocalResourceError(f"{self._place(table, key)} is damaged", hint="remove it, or the folder") from None
        return found

    def _all(self, table: str) -> list[Document]:
        paths = sorted((self._folder / table).glob("*.json"))
        return [self._read(table, path.stem) for path in paths]

    def _place(self, table: str, key: str) -> Path:
        return self._folder / table / f"{key}.json"


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _page(results: list[Document]) -> tuple[int, object]:
    return 200, {"count": len(results), "next": None, "previous": None, "results": results}
