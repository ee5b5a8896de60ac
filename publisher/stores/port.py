"""The port to an object store: the handful of operations the publish protocol uses, in its own words.

Adapters translate their vendor's errors here and nowhere else:
`CredentialsError` (403, unknown key, clock skew), `TransportError` (no answer, 5xx, throttling after retries),
`RejectedError` (other refusals), `CapabilityError` (the store cannot do it), `ProtocolError` (a nonsense answer).
"Absent" is an answer, never an error, and an error is never "absent".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from hashlib import md5, sha256
from typing import BinaryIO, Protocol

from publisher.model import Digest

CONTROL_PREFIX = ".publish/"
"""Only keys below this prefix may ever be deleted: probes, escrow records, receipts, claims."""

Progress = Callable[[int], None]
"""Called with the number of bytes sent since the last call; negative when a request starts over."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What HEAD says. Metadata names are lower case, without the `x-amz-meta-` prefix; `etag` is a hint only."""

    size_bytes: int
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    age_s: float | None = None
    """Age by the server's own clock (`Date` minus `Last-Modified` of one answer), or None."""
    clock_offset_s: float | None = None
    """Server clock minus ours, seconds, or None where the store has no clock of its own."""


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to store whose size and digests are known beforehand; `open` may be called once per attempt."""

    open: Callable[[], BinaryIO]
    size_bytes: int
    sha256: Digest
    md5: bytes

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Wrap a small in-memory body."""
        return cls(
            open=lambda: io.BytesIO(data),
            size_bytes=len(data),
            sha256=Digest(sha256(data).hexdigest()),
            md5=md5(data, usedforsecurity=False).digest(),
        )


class CreateAnswer(Enum):
    """The answer to a put-if-absent, before anybody looked what is there."""

    CREATED = "created"
    EXISTS = "exists"
    BUSY = "busy"
    """409: a concurrent operation on the same key; look, then try again."""
    AMBIGUOUS = "ambiguous"
    """No answer, or not a whole one: the object may be there now, later, or never."""


class ObjectStore(Protocol):
    """An object store in which one bucket (or directory) is ours."""

    @property
    def location(self) -> str:
        """Where this is, for messages: endpoint and bucket, or a directory. No credentials."""

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is stored under `key`, or None if the store says that nothing is."""

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        """Store `body` under `key` only if nothing is there, atomically; send exactly one request.

        The adapter sends the body's digests so that the store can refuse damaged bytes. No SDK retry stands
        between the caller and the answer, so an ambiguous write is seen as one. An error that is raised means that
        this call stored nothing: a `TransportError` could not even connect.
        """

    def read(self, key: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open the object for reading in pieces of at most 1 MiB. `NotFoundError` if nothing is there.

        Errors in the middle of the body are translated too; a short body is a `TransportError`.
        """

    def delete_control(self, key: str) -> None:
        """Delete a small object of our own below `CONTROL_PREFIX`. Absent is fine. ValueError for any other key."""
