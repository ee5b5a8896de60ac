"""Sealed bytes that go to the store in parts while they are still being made (DESIGN.md, "Spool or stream").

The bytes of a part wait in a buffer until the store acknowledged them. Buffers are few and shared by all artifacts in
flight, so memory does not grow with sizes or numbers, and a slow network slows the sealing down.
An upload does not exist as an object before `create`; one that never gets there is aborted.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import cast

from publisher.destinations.fleet.spool import sealed_bound
from publisher.destinations.fleet.tidying import Repeat
from publisher.errors import Cancelled, NotFoundError, PublisherError, UploadLostError
from publisher.sealing.parts import DigestName, Part, PartBuffers, PartWriter
from publisher.sealing.seal import Sealed as Made
from publisher.stores.port import (
    Body,
    BodyDigest,
    CompleteAnswer,
    MultipartStore,
    ObjectStore,
    Progress,
    SentPart,
    UnconditionalStore,
)

MIB = 1 << 20
_PARTS_PLANNED = 900
"""Parts are sized for this many, so that a source which seals to more than was thought stays below 1,000 parts, the
limit of the strictest store known."""


def part_size(source_bytes: int) -> int:
    """Return the size of all parts but the last, in bytes: 16 MiB, or more whole MiB for sources above 14 GiB."""
    return max(16 * MIB, -(-sealed_bound(source_bytes) // (_PARTS_PLANNED * MIB)) * MIB)


class StreamedUpload:
    """One upload in parts: begun with the first full part, completed by `create`, aborted by `discard` before that.

    An object that fits into one part is sent by a single conditional PUT instead. With `threads` 0 parts are sent in
    the caller's thread. Without `is_conditional` the completion replaces whatever is there: for pinned bytes only.
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
        is_conditional: bool = True,
    ) -> None:
        self._store = store
        self._key = key
        self._metadata = metadata
        self._digests = digests
        self._repeat = repeat
        self._is_conditional = is_conditional
        self._senders = ThreadPoolExecutor(threads, thread_name_prefix="part") if threads else None
        names: list[DigestName] = [digest.value for digest in digests]
        self._writer = PartWriter(part_bytes, buffers=buffers, ship=self._ship, digests=names)
        self._upload_id: str | None = None
        self._sending: list[Future[SentPart]] = []
        self._sent: list[SentPart] = []
        self._whole: Part | None = None
        self._is_given_up = False
        self._may_exist = False
        self.is_streamed = False
        self.body: Body | None = None

    def write(self, piece: memoryview) -> None:
        self._writer.write(piece)

    def finish(self, made: Made) -> None:
        last = self._writer.finish()
        if not self.is_streamed:
            self._whole = last
            self.body = replace(_body(last), sha256=made.object_sha256)
            return
        self._send_last(last)

    def finish_parts(self) -> None:
        """Send what is left as the last part, also if it is the only one, and wait until all are acknowledged."""
        self._send_last(self._writer.finish())

    def create(
        self, store: ObjectStore, key: str, *, metadata: Mapping[str, str], progress: Progress | None
    ) -> CompleteAnswer:
        if self._upload_id is None:
            if self.body is None:
                raise RuntimeError("only finished bytes can be created")
            return store.create(key, self.body, metadata=metadata, progress=progress)
        before, self._may_exist = self._may_exist, True
        try:
            if self._is_conditional:
                return self._store.complete_if_absent(self._key, self._upload_id, self._sent)
            return cast("UnconditionalStore", self._store).complete(self._key, self._upload_id, self._sent)
        except PublisherError:
            # An error, unlike an ambiguous answer, means that this request made nothing.
            self._may_exist = before
            raise

    def discard(self) -> str | None:
        """Abort the upload, unless its completion was sent: then it may be the object by now, or become it."""
        self.body = None
        self._is_given_up = True
        self._writer.close()
        if self._senders is not None:
            self._senders.shutdown(wait=True)
        whole, self._whole = self._whole, None
        if whole is not None:
            whole.release()
        return None if self._may_exist else self.abort()

    def abort(self) -> str | None:
        """Abort the upload also after its completion was sent, because another object is known to be there."""
        upload_id, self._upload_id = self._upload_id, None
        if upload_id is None:
            return None
        try:
            self._repeat(lambda: self._store.abort_upload(self._key, upload_id))
        except PublisherError as error:
            return f"an upload in parts of {self._key} is left open: {error.message}"
        return None

    def _send_last(self, last: Part) -> None:
        self._ship(last)
        self._sent = [part.result() for part in self._sending]

    def _ship(self, part: Part) -> None:
        try:
            upload_id = self._begun()
        except BaseException:
            part.release()
            raise
        if self._senders is not None:
            self._sending.append(self._senders.submit(self._send, upload_id, part))
            return
        sent: Future[SentPart] = Future()
        self._sending.append(sent)
        sent.set_result(self._send(upload_id, part))

    def _begun(self) -> str:
        if self._upload_id is None:
            self._upload_id = self._repeat(
                lambda: self._store.start_upload(self._key, metadata=self._metadata, digests=self._digests)
            )
            self.is_streamed = True
        return self._upload_id

    def _send(self, upload_id: str, part: Part) -> SentPart:
        try:
            self._require_wanted()
            body = _body(part)
            return self._repeat(lambda: self._store.upload_part(self._key, upload_id, part.number, body))
        except NotFoundError:
            lost = UploadLostError(f"the upload in parts of {self._key} is gone: somebody aborted it")
            self._fail(lost)
            raise lost from None
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            part.release()

    def _require_wanted(self) -> None:
        """Parts that still wait for a thread end at once where the upload was given up: each gives its buffer back."""
        if self._is_given_up:
            raise Cancelled("the upload was given up")

    def _fail(self, error: BaseException) -> None:
        self._is_given_up = True
        self._writer.fail(error)


def _body(part: Part) -> Body:
    return Body.of_buffers([part.data], sha256=part.sha256, md5=part.md5, crc32=part.crc32)
