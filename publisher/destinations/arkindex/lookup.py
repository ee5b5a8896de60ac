"""Finding the version of a worker at a revision, with the operations that a server may or may not offer. Reads only.

A server that lists neither workers nor versions cannot be asked, and that is an answer of its own. So is a list that
does not tell the workers' repositories, or is too long to be read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import Enum

from publisher.destinations.arkindex.answers import as_id, version_in
from publisher.destinations.arkindex.session import Session, TooManyPagesError
from publisher.destinations.arkindex.values import Version, Wanted


class NoVersion(Enum):
    ABSENT = "absent"
    """The server lists no such worker, or no version of it at this revision."""
    UNSEEN = "unseen"
    """The server cannot be asked."""


class Lookup:
    """What was listed so far, shared by the artifacts of one question. Safe to share between threads."""

    def __init__(self) -> None:
        self._workers: Mapping[tuple[str, str], str] | None = None
        self._is_told = True
        self._versions: dict[str, Mapping[str, Version]] = {}
        self._lock = threading.Lock()

    def find(self, session: Session, wanted: Wanted) -> Version | NoVersion:
        """Return the version of the worker at the revision. Raises what the server refuses or does not answer."""
        offered = session.operations()
        if "ListWorkers" not in offered or "ListWorkerVersions" not in offered:
            return NoVersion.UNSEEN
        with self._lock:
            if self._workers is None:
                self._workers, self._is_told = _list_workers(session)
            worker_id = self._workers.get((wanted.repository_url, wanted.slug))
            if worker_id is None:
                return NoVersion.ABSENT if self._is_told else NoVersion.UNSEEN
            if worker_id not in self._versions:
                self._versions[worker_id] = versions_of(session, worker_id)
        return self._versions[worker_id].get(wanted.revision_url, NoVersion.ABSENT)


def versions_of(session: Session, worker_id: str) -> Mapping[str, Version]:
    """Return the versions of a worker by the address of their revision; the newest listed of several first."""
    found: dict[str, Version] = {}
    for item in session.list("ListWorkerVersions", path={"id": worker_id}):
        version = version_in(item)
        if version.revision_url is not None:
            found.setdefault(version.revision_url, version)
    return found


def _list_workers(session: Session) -> tuple[Mapping[tuple[str, str], str], bool]:
    """Return the ids of the workers by repository and slug, and whether the server tells these of all of them."""
    found: dict[tuple[str, str], str] = {}
    is_told = True
    try:
        for item in session.list("ListWorkers"):
            repository, slug, worker_id = item.get("repository_url"), item.get("slug"), as_id(item.get("id"))
            if isinstance(repository, str) and isinstance(slug, str) and worker_id is not None:
                found[repository, slug] = worker_id
            else:
                is_told = False
    except TooManyPagesError:
        is_told = False
    return found, is_told
