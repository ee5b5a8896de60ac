"""The ports to an object store: the operations the publish protocol uses, in its own words.

`ObjectStore` is what every publish needs, `RepairStore` what a person's `publish repair` needs on top, `MultipartStore`
what a stream needs. A store implements those it can.

Adapters translate their vendor's errors here and nowhere else:
`CredentialsError` (403, unknown key, clock skew), `TransportError` (no answer, 5xx, throttling after retries),
`RejectedError` (other refusals), `CapabilityError` (the store cannot do it), `ProtocolError` (a nonsense answer).
"Absent" is an answer, never an error, and an error is never "absent".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from publisher.stores.body import Body, BodyDigest, Progress

__all__ = [
    "CONTROL_PREFIX",
    "Body",
    "BodyDigest",
    "CompleteAnswer",
    "CreateAnswer",
    "MultipartStore",
    "ObjectInfo",
    "ObjectStore",
    "OpenUpload",
    "ProbedStore",
    "Progress",
    "RepairStore",
    "ReplaceAnswer",
    "SentPart",
    "UnconditionalStore",
    "UploadGone",
    "VersionInfo",
]

CONTROL_PREFIX = ".publish/"
"""Only keys below this prefix may ever be deleted: probes, escrow records, receipts, claims."""


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
    server: str = ""
    """What the server calls itself (`Server` header), or nothing; decides only whether an old probe still counts."""


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

        The adapter sends the digests that the body knows, so that the store can refuse damaged bytes, and computes
        none. No SDK retry stands between the caller and the answer, so an ambiguous write is seen as one. An error
        that is raised means that this call stored nothing: a `TransportError` could not even connect.
        """

    def read(self, key: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open the object for reading in pieces of at most 1 MiB. `NotFoundError` if nothing is there.

        Errors in the middle of the body are translated too; a short body is a `TransportError`.
        """

    def delete_control(self, key: str) -> None:
        """Delete a small object of our own below `CONTROL_PREFIX`. Absent is fine. ValueError for any other key."""


class ReplaceAnswer(Enum):
    """The answer to a replacement of one certain object."""

    REPLACED = "replaced"
    CHANGED = "changed"
    """Another object is there, none is, or it is being changed right now: nothing was stored."""
    AMBIGUOUS = "ambiguous"
    """No answer, or not a whole one: look which object is there now."""


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """An older version of an object, which the store keeps because versioning is on."""

    version_id: str
    size_bytes: int
    etag: str
    last_modified: datetime


@runtime_checkable
class RepairStore(ObjectStore, Protocol):
    """What `publish repair` needs: the only operations that change or look behind an object that is there."""

    def replace(self, key: str, body: Body, *, metadata: Mapping[str, str], if_match: str) -> ReplaceAnswer:
        """Store `body` under `key` in place of the object whose ETag is `if_match`; send exactly one request.

        `if_match` is the `etag` of `head` as it was, or `*` for whatever is there (never for nothing). An error that
        is raised means that nothing was stored. Only as good as the store: ask the probe's `if_match` beforehand.
        """

    def copy_to_control(self, key: str, control_key: str) -> None:
        """Keep a copy of the object `key`, metadata too, under `control_key`, without moving its bytes through here.

        For a name made of the content's digest: a copy of the same size that is there already is fine, one of another
        size is a `RejectedError`. Nothing ties the copy to an earlier look at `key`: compare before trusting it.
        `NotFoundError` if `key` is absent; ValueError unless `control_key` lies below `CONTROL_PREFIX`.
        """

    def versions(self, key: str) -> Sequence[VersionInfo]:
        """Return the versions of `key` that are not the current one, newest first.

        Empty where versioning is off or not supported; never because of missing rights (`CredentialsError`).
        """

    def read_version(self, key: str, version_id: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open one of `versions` for reading, like `read`."""


@runtime_checkable
class UnconditionalStore(ObjectStore, Protocol):
    """What is needed where conditions are not enough: only for bytes that a claim pins, or on a person's word."""

    def put(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        """Store `body` under `key` whatever is there; send exactly one request. CREATED or AMBIGUOUS.

        An error that is raised means that this call stored nothing.
        """

    def complete(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        """Make the object of all parts, in order, whatever is there; send exactly one request."""


class UploadGone(Enum):
    """The answer to a completion of an upload the store does not know: aborted, expired or completed before."""

    GONE = "gone"


CompleteAnswer = CreateAnswer | UploadGone


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that was neither completed nor aborted. `age_s` by the server's own clock, or None."""

    key: str
    upload_id: str
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class SentPart:
    """What a completion has to say of a part: the ETag it was answered, and the CRC-32 it was sent with, if it was."""

    etag: str
    crc32: int | None = None


@runtime_checkable
class MultipartStore(ObjectStore, Protocol):
    """Objects sent in parts, which appear when the upload is completed, and not before."""

    def start_upload(self, key: str, *, metadata: Mapping[str, str], digests: Collection[BodyDigest] = ()) -> str:
        """Open an upload and return its id. A lost answer (`TransportError`) may leave an open upload behind.

        `digests` are those that all of its parts will know: some stores have to be told of CRC-32 beforehand.
        """

    def upload_part(
        self, key: str, upload_id: str, number: int, body: Body, progress: Progress | None = None
    ) -> SentPart:
        """Send part `number` (from 1) with the digests it knows; another one of that number is replaced.

        So any error may be retried. At least 5 MiB, unless it is the last. `NotFoundError` if there is no such upload.
        """

    def complete_if_absent(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        """Make the object of all parts, in order, only if nothing is there under `key`; send exactly one request.

        As with `create`, what is not certain is AMBIGUOUS and an error means that this call stored nothing.
        """

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload and its parts; one that is gone is fine. Never after `complete_if_absent` was sent, unless
        another object is known to be there."""

    def open_uploads(self, prefix: str) -> Sequence[OpenUpload]:
        """Return the open uploads whose keys begin with `prefix`; some stores list those of one whole key only."""


class ProbedStore(RepairStore, MultipartStore, Protocol):
    """A remote store, whose promises have to be put to the test."""

    @property
    def region(self) -> str:
        """The region requests are signed for, or nothing. What a probe found holds for one location and region."""
