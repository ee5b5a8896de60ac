"""What every publish asks of an S3 bucket: look, create, read.

Keeps the promise of the port that a create is one request: whatever the answer leaves open is AMBIGUOUS, never
guessed. Refuses to overwrite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from publisher.cancellation import Cancellation
from publisher.errors import ProtocolError, TransportError
from publisher.http.pool import Reply
from publisher.http.wire import WireError
from publisher.retry import RetryPolicy
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectInfo, Progress
from publisher.stores.s3_answers import Element, NotS3Error, RefusedError, S3Answer, decoded, document_of, http_date
from publisher.stores.s3_bucket import Bucket, Query
from publisher.stores.s3_errors import FAILURES, Site, code_of, no_bucket
from publisher.stores.s3_options import S3Options

Result = TypeVar("Result")

OPEN = 0
"""Stands for the status of an answer that did not come, or not whole: what was asked may have been done."""

_IMMUTABLE = "public, max-age=31536000, immutable"
_META = "x-amz-meta-"
_PIECE = 1024 * 1024
_MAX_SERVER = 100
_DRIP = 1024
"""Bytes a second: a download that stays below is given up once it took longer than the read time-out."""


class S3Objects:
    """The port `ObjectStore` over one bucket. Safe to share between threads; connects when first used."""

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._site = Site(options.location)
        self._bucket_seen = False
        self._made: Bucket | None = None
        self._lock = threading.Lock()
        self._never = Cancellation()
        self._retry = RetryPolicy(attempts=options.read_attempts, base_s=0.2, cap_s=2.0, retry_after_cap_s=2.0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.location!r})"

    @property
    def location(self) -> str:
        return self._site.location

    @property
    def region(self) -> str:
        return self._options.region

    @property
    def _bucket(self) -> Bucket:
        with self._lock:
            if self._made is None:
                self._made = Bucket(self._options)
            return self._made

    def head(self, key: str) -> ObjectInfo | None:
        require_key(key)
        info = self._asked(f"looking up {key}", lambda: self._head(key))
        if info is None:
            self._require_bucket()
        self._bucket_seen = True
        return info

    def _head(self, key: str) -> ObjectInfo | None:
        asked = time.time()
        try:
            answer = self._bucket.ask("HEAD", key)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return _info(answer, local_time=(asked + time.time()) / 2)

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        headers = object_headers(key, metadata) | {"if-none-match": "*"}
        status = self._put(key, body, headers, progress=progress, refusals={409, 412}, action=f"storing {key}")
        answers = {200: CreateAnswer.CREATED, 412: CreateAnswer.EXISTS, 409: CreateAnswer.BUSY}
        return answers.get(status, CreateAnswer.AMBIGUOUS)

    def put(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        headers = object_headers(key, metadata)
        status = self._put(key, body, headers, progress=progress, refusals={409}, action=f"storing {key}")
        return CreateAnswer.CREATED if status == 200 else CreateAnswer.AMBIGUOUS

    def _put(
        self,
        key: str,
        body: Body,
        headers: Mapping[str, str],
        *,
        progress: Progress | None,
        refusals: set[int],
        action: str,
    ) -> int:
        def put() -> bool:
            answer = self._bucket.store(key, body, headers=headers, progress=progress, may_be_refused=True)
            # Without an ETag, or with a web page, it is no answer of a store that has the object.
            return bool(answer.headers.get("etag")) and not answer.body.strip()

        return self._once(put, refusals=refusals, action=action)

    def _once(self, send: Callable[[], bool], *, refusals: set[int], action: str) -> int:
        """Send one request that makes an object. Return 200, a status of `refusals`, or `OPEN`; raise the rest."""
        try:
            return 200 if send() else OPEN
        except FAILURES as error:
            if isinstance(error, RefusedError) and error.status in refusals and code_of(error) != "NoSuchBucket":
                return error.status
            translated = self._site.translate(error, action)
            if isinstance(translated, TransportError) and not (isinstance(error, WireError) and error.is_unsent):
                return OPEN
        raise translated

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        require_key(key)
        with self._opened(key, query=(), action=f"reading {key}") as pieces:
            yield pieces

    @contextmanager
    def _opened(self, key: str, *, query: Query, action: str) -> Iterator[Iterator[bytes]]:
        with closing(self._asked(action, lambda: self._bucket.opened(key, query=query))) as reply:
            size = reply.headers.get("content-length", "")
            if not size.isdecimal():
                raise ProtocolError(f"{action}: {self.location} does not say how long the object is")
            yield self._pieces(reply, size=int(size), action=action)

    def _pieces(self, reply: Reply, *, size: int, action: str) -> Iterator[bytes]:
        received, waited = 0, 0.0
        while received < size:
            with self._site.translated(action):
                started = time.monotonic()
                # What has come so far: waiting for a whole piece, a dripping server would never run into a time-out.
                piece = reply.read_some(min(_PIECE, size - received))
                waited += time.monotonic() - started
            if not piece:
                break
            received += len(piece)
            yield piece
            if waited > self._options.read_timeout_s and received < waited * _DRIP:
                raise TransportError(f"{action}: {self.location} sends less than {_DRIP} bytes a second")
        if received != size:
            raise TransportError(f"{action}: {received} of {size} bytes came from {self.location}")

    def delete_control(self, key: str) -> None:
        require_control_key(key)
        self._asked(f"deleting {key}", lambda: self._unless_absent("DELETE", key))

    def close(self) -> None:
        """Release idle connections."""
        if self._made is not None:
            self._made.close()

    def _unless_absent(self, method: str, key: str | None, *, query: Query = ()) -> None:
        """Send a request for which it is fine that there is nothing."""
        try:
            self._bucket.ask(method, key, query=query)
        except RefusedError as error:
            if error.status != 404:
                raise

    def _asked(self, action: str, ask: Callable[[], Result]) -> Result:
        """Ask something that changes nothing, or nothing more when it is sent again, as often as the options allow."""

        def translated() -> Result:
            with self._site.translated(action):
                return ask()

        return self._retry.call(translated, cancellation=self._never, notice=_quiet)

    def _listed(self, query: Query, name: str, markers: tuple[str, str]) -> Iterator[tuple[Mapping[str, str], Element]]:
        """Yield the headers and the document of each page of a list. Raises like `Bucket.ask`, and `NotS3Error`."""
        asked = [*query, ("encoding-type", "url")]
        at: list[tuple[str, str]] = []
        while True:
            answer = self._bucket.ask("GET", query=[*asked, *at])
            page = document_of(answer, name)
            yield answer.headers, page
            if page.texts.get("IsTruncated") != "true":
                return
            key, other = (page.texts.get(_next(marker), "") for marker in markers)
            before, at = at, list(zip(markers, (decoded(key, page), other), strict=True))
            if at == before or not key:
                raise NotS3Error

    def _require_bucket(self) -> None:
        """Raise unless the bucket was seen once: HEAD of an object says 404 for a missing bucket, too."""
        if not self._bucket_seen:
            self._asked("looking for the bucket", self._head_bucket)

    def _head_bucket(self) -> None:
        try:
            self._bucket.ask("HEAD")
        except RefusedError as error:
            if error.status == 404:
                raise no_bucket(self.location) from None
            # Without the right to list, the bucket answers 403: it is there.
            if error.status != 403:
                raise


def object_headers(key: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what to set for a new object; control objects are deleted one day, the others never change."""
    headers = {"content-type": "application/octet-stream"}
    if not key.startswith(CONTROL_PREFIX):
        headers["cache-control"] = _IMMUTABLE
    return headers | {_META + name.lower(): value for name, value in metadata.items()}


def _info(answer: S3Answer, *, local_time: float) -> ObjectInfo:
    headers = answer.headers
    server, modified = http_date(headers.get("date", "")), http_date(headers.get("last-modified", ""))
    size = headers.get("content-length", "")
    if not size.isdecimal():
        raise NotS3Error
    return ObjectInfo(
        size_bytes=int(size),
        etag=headers.get("etag", ""),
        metadata={name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)},
        age_s=(server - modified).total_seconds() if server and modified else None,
        clock_offset_s=(server - datetime.fromtimestamp(local_time, UTC)).total_seconds() if server else None,
        server=headers.get("server", "")[:_MAX_SERVER],
    )


def _next(marker: str) -> str:
    """Return the element that says where the next page begins: `NextKeyMarker` for `key-marker`."""
    return "Next" + "".join(word.capitalize() for word in marker.split("-"))


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
