"""The store in memory with everything a remote store can do: repair and uploads in parts."""

from __future__ import annotations

import time
from binascii import crc32
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5

from publisher.errors import CapabilityError, NotFoundError, RejectedError, TransportError
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import (
    Body,
    BodyDigest,
    CompleteAnswer,
    CreateAnswer,
    OpenUpload,
    Progress,
    ReplaceAnswer,
    SentPart,
    UploadGone,
    VersionInfo,
)
from tests.support.memory_objects import Crash, Fault, MemoryObjects, Stored

__all__ = ["Crash", "Fault", "MemoryStore", "Stored", "Upload"]


@dataclass(slots=True)
class Upload:
    """An upload in parts that was neither completed nor aborted."""

    key: str
    metadata: Mapping[str, str]
    at: float
    has_crc32: bool
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(eq=False)
class MemoryStore(MemoryObjects):
    """Implements `ProbedStore`. More virtues to turn off: those of If-Match and of completions."""

    honours_if_match: bool = True
    honours_complete_condition: bool = True
    completes_atomically: bool = True
    forgets_completed_uploads: bool = True
    keeps_upload_metadata: bool = True
    refuses_uploads: bool = False
    uploads: dict[str, Upload] = field(default_factory=dict)

    def replace(self, key: str, body: Body, *, metadata: Mapping[str, str], if_match: str) -> ReplaceAnswer:
        require_key(key)
        fault = self._fault("replace", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE}:
            return ReplaceAnswer.AMBIGUOUS
        with body.open() as source:
            data = source.read()
        with self._lock:
            there = self.objects.get(key)
            matches = there is not None and if_match in {"*", f'"{there.version}"'}
            if fault is Fault.BUSY or (self.honours_if_match and not matches):
                return ReplaceAnswer.CHANGED
            self._check(data, body, f"replacing {key}")
            self._keep(key, data, metadata if self.keeps_metadata else {})
        return ReplaceAnswer.AMBIGUOUS if fault is Fault.LOSE_ANSWER else ReplaceAnswer.REPLACED

    def copy_to_control(self, key: str, control_key: str) -> None:
        require_key(key)
        require_control_key(control_key)
        self._arrive("copy_to_control", key)
        with self._lock:
            stored = self.objects.get(key)
            if stored is None:
                raise NotFoundError(f"copying {key}: memory holds no such object")
            copy = self.objects.setdefault(control_key, stored)
        if len(copy.data) != len(stored.data):
            raise RejectedError(f"copying {key}: another object is at {control_key}")

    def versions(self, key: str) -> Sequence[VersionInfo]:
        require_key(key)
        self._arrive("versions", key)
        with self._lock:
            older = list(reversed(self.older.get(key, [])))
        return [
            VersionInfo(str(each.version), len(each.data), f'"{each.version}"', datetime.fromtimestamp(each.at, UTC))
            for each in older
        ]

    @contextmanager
    def read_version(self, key: str, version_id: str) -> Iterator[Iterator[bytes]]:
        require_key(key)
        fault = self._arrive("read_version", key)
        with self._lock:
            found = [each for each in self.older.get(key, []) if str(each.version) == version_id]
        if not found:
            raise NotFoundError(f"reading an older version of {key}: memory holds no such version")
        yield self._pieces(found[0].data, cut=fault is Fault.CUT)

    def start_upload(self, key: str, *, metadata: Mapping[str, str], digests: Collection[BodyDigest] = ()) -> str:
        require_key(key)
        self._arrive("start_upload", key)
        if self.refuses_uploads:
            raise CapabilityError("memory: answered 501 NotImplemented")
        if self.refuses_crc32 and BodyDigest.CRC32 in digests:
            raise CapabilityError("memory: answered 501 NotImplemented to x-amz-checksum-algorithm")
        with self._lock:
            upload_id = f"upload-{len(self.calls)}"
            kept = metadata if self.keeps_upload_metadata else {}
            self.uploads[upload_id] = Upload(key, kept, time.monotonic(), has_crc32=BodyDigest.CRC32 in digests)
        return upload_id

    def upload_part(
        self, key: str, upload_id: str, number: int, body: Body, progress: Progress | None = None
    ) -> SentPart:
        require_key(key)
        fault = self._fault("upload_part", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE}:
            raise TransportError(f"upload_part {key}: no answer from memory")
        with body.open() as source:
            data = source.read()
        self._check(data, body, f"sending part {number} of {key}")
        with self._lock:
            if upload_id not in self.uploads:
                raise NotFoundError(f"sending part {number} of {key}: memory knows no such upload")
            upload = self.uploads[upload_id]
            if upload.has_crc32 is (body.crc32 is None):
                # As S3 does: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
                raise RejectedError(f"sending part {number} of {key}: memory answered 400 InvalidRequest", status=400)
            upload.parts[number] = data
        if fault is Fault.LOSE_ANSWER:
            raise TransportError(f"upload_part {key}: no answer from memory")
        if progress:
            progress(len(data))
        return _sent(data, has_crc32=body.crc32 is not None)

    def complete_if_absent(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        require_key(key)
        fault = self._fault("complete_if_absent", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE}:
            return CreateAnswer.AMBIGUOUS
        if fault is Fault.BUSY:
            return CreateAnswer.BUSY
        answer = self._complete(key, upload_id, parts)
        return CreateAnswer.AMBIGUOUS if fault is Fault.LOSE_ANSWER else answer

    def put(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        fault = self._fault("put", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE, Fault.BUSY}:
            return CreateAnswer.AMBIGUOUS
        with body.open() as source:
            data = source.read()
        if progress:
            progress(len(data))
        with self._lock:
            self._check(data, body, f"storing {key}")
            self._keep(key, data, metadata if self.keeps_metadata else {})
        return CreateAnswer.AMBIGUOUS if fault is Fault.LOSE_ANSWER else CreateAnswer.CREATED

    def complete(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        require_key(key)
        fault = self._fault("complete", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE, Fault.BUSY}:
            return CreateAnswer.AMBIGUOUS
        answer = self._complete(key, upload_id, parts, is_conditional=False)
        return CreateAnswer.AMBIGUOUS if fault is Fault.LOSE_ANSWER else answer

    def abort_upload(self, key: str, upload_id: str) -> None:
        require_key(key)
        self._arrive("abort_upload", key)
        with self._lock:
            self.uploads.pop(upload_id, None)

    def open_uploads(self, prefix: str) -> Sequence[OpenUpload]:
        self._arrive("open_uploads", prefix)
        with self._lock:
            return [
                OpenUpload(upload.key, upload_id, time.monotonic() - upload.at)
                for upload_id, upload in self.uploads.items()
                if upload.key.startswith(prefix)
            ]

    def _complete(
        self, key: str, upload_id: str, parts: Sequence[SentPart], *, is_conditional: bool = True
    ) -> CompleteAnswer:
        there = key in self.objects
        if not self.completes_atomically:
            time.sleep(0.005)
        with self._lock:
            there = key in self.objects if self.completes_atomically else there
            upload = self.uploads.get(upload_id)
            if upload is None:
                return UploadGone.GONE
            if there and self.honours_complete_condition and is_conditional:
                return CreateAnswer.EXISTS
            held = [upload.parts.get(number, b"") for number in range(1, len(parts) + 1)]
            if [_sent(each, has_crc32=upload.has_crc32) for each in held] != list(parts):
                raise RejectedError(f"completing the upload of {key}: memory answered 400 InvalidPart", status=400)
            self._keep(key, b"".join(held), upload.metadata)
            if self.forgets_completed_uploads:
                del self.uploads[upload_id]
        return CreateAnswer.CREATED


def _sent(data: bytes, *, has_crc32: bool) -> SentPart:
    return SentPart(f'"{md5(data, usedforsecurity=False).hexdigest()}"', crc32(data) if has_crc32 else None)
