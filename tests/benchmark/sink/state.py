"""What the sink remembers: small objects whole, large ones by size and metadata, uploads in parts.

Honest about conditions, whatever the size, and about the digests of bodies that it keeps: it passes the publisher's
own probe. Knows no HTTP.
"""

from __future__ import annotations

import threading
import uuid
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http import HTTPStatus
from zlib import crc32

KEPT_BYTES = 1 << 20
"""Bodies up to this size are kept and checked; larger ones are read and thrown away."""


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Sent:
    """A body as it arrived; `data` is None where it was too large to keep."""

    size: int
    data: bytes | None

    def check(self, headers: Mapping[str, str]) -> None:
        """Compare a kept body with the digests that came with it. Raises `RefusedError`."""
        if self.data is None:
            return
        said_md5, said_crc32 = headers.get("content-md5"), headers.get("x-amz-checksum-crc32")
        said_sha256 = headers.get("x-amz-content-sha256", "")
        if said_md5 is not None and said_md5 != b64encode(md5(self.data).digest()).decode():
            raise RefusedError(HTTPStatus.BAD_REQUEST, "BadDigest")
        if said_crc32 is not None and said_crc32 != b64encode(crc32(self.data).to_bytes(4, "big")).decode():
            raise RefusedError(HTTPStatus.BAD_REQUEST, "BadDigest")
        if len(said_sha256) == 64 and said_sha256 != sha256(self.data).hexdigest():
            raise RefusedError(HTTPStatus.BAD_REQUEST, "XAmzContentSHA256Mismatch")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object, or one part of an upload."""

    sent: Sent
    metadata: Mapping[str, str] = field(default_factory=dict)
    etag: str = field(default_factory=lambda: f'"{uuid.uuid4().hex}"')
    modified: float = 0.0


@dataclass(slots=True)
class Upload:
    """An upload in parts that was neither completed nor aborted."""

    key: str
    metadata: Mapping[str, str]
    started: float
    parts: dict[int, Stored] = field(default_factory=dict)


class State:
    """All buckets in one name space. Safe to share between threads; each operation happens at once or not at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, Stored] = {}
        self._uploads: dict[str, Upload] = {}

    def get(self, key: str) -> Stored:
        with self._lock:
            return self._present(key)

    def put(self, key: str, stored: Stored, conditions: Mapping[str, str]) -> Stored:
        with self._lock:
            self._require(key, conditions)
            self._objects[key] = stored
        return stored

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def keys(self, prefix: str) -> Sequence[tuple[str, Stored]]:
        with self._lock:
            return sorted((key, stored) for key, stored in self._objects.items() if key.startswith(prefix))

    def begin(self, key: str, metadata: Mapping[str, str], now: float) -> str:
        upload_id = uuid.uuid4().hex
        with self._lock:
            self._uploads[upload_id] = Upload(key, metadata, now)
        return upload_id

    def put_part(self, key: str, upload_id: str, number: int, part: Stored) -> Stored:
        with self._lock:
            self._upload(key, upload_id).parts[number] = part
        return part

    def complete(
        self, key: str, upload_id: str, wanted: Sequence[tuple[int, str]], conditions: Mapping[str, str], now: float
    ) -> Stored:
        with self._lock:
            upload = self._upload(key, upload_id)
            self._require(key, conditions)
            parts = [upload.parts.get(number) for number, _ in wanted]
            found = [part for part in parts if part is not None]
            if not wanted or [part.etag if part else "" for part in parts] != [etag for _, etag in wanted]:
                raise RefusedError(HTTPStatus.BAD_REQUEST, "InvalidPart")
            kept = [part.sent.data for part in found if part.sent.data is not None]
            data = b"".join(kept) if len(kept) == len(found) else None
            sent = Sent(sum(part.sent.size for part in found), data)
            etag = f'"{md5("".join(part.etag for part in found).encode()).hexdigest()}-{len(found)}"'
            self._objects[key] = Stored(sent, upload.metadata, etag, now)
            del self._uploads[upload_id]
            return self._objects[key]

    def abort(self, key: str, upload_id: str) -> None:
        with self._lock:
            self._upload(key, upload_id)
            del self._uploads[upload_id]

    def uploads(self, prefix: str) -> Sequence[tuple[str, Upload]]:
        with self._lock:
            return [(upload_id, upload) for upload_id, upload in self._uploads.items() if upload.key.startswith(prefix)]

    def _present(self, key: str) -> Stored:
        stored = self._objects.get(key)
        if stored is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "NoSuchKey")
        return stored

    def _upload(self, key: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise RefusedError(HTTPStatus.NOT_FOUND, "NoSuchUpload")
        return upload

    def _require(self, key: str, conditions: Mapping[str, str]) -> None:
        """Honour If-None-Match and If-Match as AWS does."""
        if conditions.get("if-none-match") == "*" and key in self._objects:
            raise RefusedError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed")
        if_match = conditions.get("if-match")
        if if_match is not None and if_match not in {"*", self._present(key).etag}:
            raise RefusedError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed")
