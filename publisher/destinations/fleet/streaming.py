"""Sealed bytes that go to the store in parts while they are still being made (DESIGN.md, "Spool or stream").

The bytes of a part wait in a buffer until the store acknowledged them. Buffers are few and shared by all artifacts in
flight, so memory does not grow with sizes or numbers, and a slow network slows the sealing down.
An upload does not exist as an object before `create`; one that never gets there is aborted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from hashlib import md5, sha256
from typing import Protocol, TypeVar

from publisher.destinations.fleet.spool import sealed_bound
from publisher.errors import Cancelled, NotFoundError, PublisherError, UploadLostError
from publisher.model import Digest
from publisher.sealing.checksums import crc32_function
from publisher.sealing.seal import Sealed as Made
from publisher.stores.port import Body, BodyDigest, CompleteAnswer, MultipartStore, ObjectStore, Progress, SentPart


class Repeat(Protocol):
    """Performs a request that may be repeated, as often as the retry policy says."""

    def __call__(self, action: Callable[[], Result], /) -> Result: ...


Result = TypeVar("Result")

MIB = 1 << 20
_PARTS_PLANNED = 900
"""Parts are sized for this many, so that a source which seals to more than was thought stays below 1,000 parts, the
limit of the strictest store known."""


def part_size(source_bytes: int) -> int:
    """Return the size of all parts but the last, in bytes: 16 MiB, or more whole MiB for sources above 14 GiB."""
    return max(16 * MIB, -(-sealed_bound(source_bytes) // (_PARTS_PLANNED * MIB)) * MIB)


class PartBuffers:
    """At most `limit` buffers at once, reused. A taker waits until one is given back."""

    def __init__(self, limit: int) -> None:
        self._permits = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._free: list[bytearray] = []

    def take(self, size_bytes: int) -> bytearray:
        self._permits.acquire()
        with self._lock:
            buffer = next((free for free in self._free if len(free) == size_bytes), None)
            if buffer is not None:
                self._free.remove(buffer)
                return buffer
            self._free.clear()
        return bytearray(size_bytes)

    def give_back(self, buffer: bytearray) -> None:
        with self._lock:
            self._free.append(buffer)
        self._permits.release()


def body_of(part: memoryview, digests: frozenset[BodyDigest]) -> Body:
    """Return the bytes of one part as a body that knows the digests which the store checks."""
    return Body.of_buffers(
        [part],
        sha256=Digest(sha256(part).hexdigest()) if BodyDigest.SHA256 in digests else None,
        md5=md5(part, usedforsecurity=False).digest() if BodyDigest.MD5 in digests else None,
        crc32=crc32_function()(part, 0) if BodyDigest.CRC32 in digests else None,
    )


class StreamedUpload:
    """One upload in parts: begun with the first full part, completed by `create`, aborted by `discard` before that.

    An object that fits into one part is sent by a single conditional PUT instead. With `threads` 0 parts are sent in
    the caller's thread.
    """

    def __init__(
        self,
        store: MultipartStore,
        key: str,
        *,
        metadata: Mapping[str, str],
        digests: frozenset[BodyDigest],
        part_bytes: int,
        buffers: PartBuffers,
        threads: int,
        repeat: Repeat,
    ) -> None:
        self._store = store
        self._key = key
        self._metadata = metadata
        self._digests = digests
        self._part_bytes = part_bytes
        self._buffers = buffers
        self._repeat = repeat
        self._senders = ThreadPoolExecutor(threads, thread_name_prefix="part") if threads else None
        self._buffer: bytearray | None = None
        self._filled = 0
        self._upload_id: str | None = None
        self._parts: list[Future[SentPart]] = []
        self._sent: list[SentPart] = []
        self._failed: BaseException | None = None
        self._may_exist = False
        self.is_streamed = False
        self.body: Body | None = None

    def write(self, piece: memoryview) -> None:
        while piece:
            if self._filled == self._part_bytes:
                self._ship()
            if self._buffer is None:
                self._buffer = self._buffers.take(self._part_bytes)
                self._raise_failure()
            count = min(len(piece), self._part_bytes - self._filled)
            self._buffer[self._filled : self._filled + count] = piece[:count]
            self._filled += count
            piece = piece[count:]

    def finish(self, made: Made) -> None:
        if not self.is_streamed:
            whole = memoryview(self._buffer or b"")[: self._filled]
            described = body_of(whole, self._digests)
            self.body = replace(described, sha256=made.object_sha256)
            return
        self._ship()
        self._sent = [part.result() for part in self._parts]

    def create(
        self, store: ObjectStore, key: str, *, metadata: Mapping[str, str], progress: Progress | None
    ) -> CompleteAnswer:
        if self._upload_id is None:
            if self.body is None:
                raise RuntimeError("only finished bytes can be created")
            return store.create(key, self.body, metadata=metadata, progress=progress)
        before, self._may_exist = self._may_exist, True
        try:
            return self._store.complete_if_absent(self._key, self._upload_id, self._sent)
        except PublisherError:
            # An error, unlike an ambiguous answer, means that this request made nothing.
            self._may_exist = before
            raise

    def discard(self) -> str | None:
        """Abort the upload, unless its completion was sent: then it may be the object by now, or become it."""
        self._release()
        self.body = None
        if self._senders is not None:
            # Parts that wait for a thread end at once: each still has to give its buffer back.
            self._failed = self._failed or Cancelled("the upload was given up")
            self._senders.shutdown(wait=True)
        return None if self._may_exist else self.abort()

    def abort(self) -> str | None:
        """Abort the upload also after its completion was sent, because another object is known to be there."""
        upload_id, self._upload_id = self._upload_id, None
        if upload_id is None:
            return None
        try:
            self._store.abort_upload(self._key, upload_id)
        except PublisherError as error:
            return f"an upload in parts of {self._key} is left open: {error.message}"
        return None

    def _ship(self) -> None:
        """Send what is in the buffer as the next part."""
        buffer, size = self._buffer, self._filled
        self._buffer, self._filled = None, 0
        if buffer is None:
            return
        try:
            self._raise_failure()
            if self._upload_id is None:
                self._upload_id = self._begin()
                self.is_streamed = True
        except BaseException:
            self._buffers.give_back(buffer)
            raise
        number = len(self._parts) + 1
        if self._senders is not None:
            self._parts.append(self._senders.submit(self._send, self._upload_id, number, buffer, size))
            return
        sent: Future[SentPart] = Future()
        self._parts.append(sent)
        sent.set_result(self._send(self._upload_id, number, buffer, size))

    def _begin(self) -> str:
        return self._repeat(lambda: self._store.start_upload(self._key, metadata=self._metadata, digests=self._digests))

    def _send(self, upload_id: str, number: int, buffer: bytearray, size: int) -> SentPart:
        try:
            self._raise_failure()
            body = body_of(memoryview(buffer)[:size], self._digests)
            return self._repeat(lambda: self._store.upload_part(self._key, upload_id, number, body))
        except NotFoundError:
            self._failed = UploadLostError(f"the upload in parts of {self._key} is gone: somebody aborted it")
            raise self._failed from None
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._buffers.give_back(buffer)

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _release(self) -> None:
        buffer, self._buffer, self._filled = self._buffer, None, 0
        if buffer is not None:
            self._buffers.give_back(buffer)
