"""The port to an Arkindex server: which operations there are, and one request at a time.

Two implementations: `client.ArkindexClient` over HTTP, `local.LocalArkindex` in a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from publisher.destinations.arkindex.openapi import Operation, Operations
from publisher.errors import RejectedError

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "CreateDockerWorkerVersion": (),
    "CreateWorker": (),
    "PartialUpdateWorker": ("id",),
    "ListWorkers": (),
    "CreateWorkerVersion": ("id",),
    "ImportWorkerVersion": ("id",),
    "ListWorkerVersions": ("id",),
    "RetrieveWorkerVersion": ("id",),
    "PartialUpdateWorkerVersion": ("id",),
    "RetrieveUser": (),
}
"""Every operation this room may call, and the parameters in its path. Nothing else in a document is looked at."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: 2xx, or a refusal that says why. `text` is what a message may quote of it."""

    status: int
    document: object = field(repr=False)
    text: str = ""
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def refusal(self, what: str) -> RejectedError:
        """Return the error for an answer that is no success."""
        return RejectedError(f"the server refused {what}: {self.text}", status=self.status)


class Api(Protocol):
    """A server, or what stands in for one."""

    @property
    def location(self) -> str:
        """The server's address, for messages. No credentials."""

    def operations(self) -> Operations:
        """Return what the server offers; asked for once, then remembered. Raises `PublisherError`."""

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """Send one request and return its answer, with any status below 500 but 401 and 403.

        Raises `CredentialsError` for those, `NothingSentError` where the server cannot have seen the request,
        `RedirectError` for a redirect, and `TransportError` where no answer came, a 5xx, or no JSON with a 2xx.
        """

    def close(self) -> None:
        """Release connections."""
