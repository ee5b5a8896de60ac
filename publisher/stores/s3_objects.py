"""What every publish asks of an S3 bucket: look, create, read. boto3 behind the port.

Keeps the promise of the port that a create is one request: whatever the answer leaves open is AMBIGUOUS, never
guessed. Refuses to follow redirects, to read settings from the environment and to overwrite.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from publisher.errors import ProtocolError, TransportError
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectInfo, Progress
from publisher.stores.s3_client import Clients, make_clients
from publisher.stores.s3_errors import NEVER_SENT, Site, code_of, no_bucket, server_time, status_of
from publisher.stores.s3_options import S3Options
from publisher.stores.upload_body import UploadBody, crc32_text

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, HeadObjectOutputTypeDef, PutObjectRequestTypeDef

SDK_ERRORS = (ClientError, BotoCoreError, HTTPError, ResponseParserError)
OPEN = 0
"""Stands for the status of an answer that did not come, or not whole: what was asked may have been done."""

_IMMUTABLE = "public, max-age=31536000, immutable"
_PIECE = 1024 * 1024
_MAX_SERVER = 100
_DRIP = 1024
"""Bytes a second: a download that stays below is given up once it took longer than the read time-out."""


class ObjectHeaders(TypedDict, total=False):
    """What is set when an object begins, be it with its bytes or with an upload."""

    ContentType: str
    CacheControl: str
    Metadata: Mapping[str, str]


class DigestHeaders(TypedDict, total=False):
    """What a body says of itself beside its signature."""

    ContentMD5: str
    ChecksumCRC32: str


class S3Objects:
    """The port `ObjectStore` over one bucket. Safe to share between threads; connects when first used."""

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._site = Site(options.location)
        self._bucket_seen = False
        self._made: Clients | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.location!r})"

    @property
    def location(self) -> str:
        return self._site.location

    @property
    def region(self) -> str:
        return self._options.region

    @property
    def _clients(self) -> Clients:
        with self._lock:
            if self._made is None:
                with self._site.translated("preparing requests"):
                    self._made = make_clients(self._options)
            return self._made

    @property
    def _reading(self) -> S3Client:
        return self._clients.repeating

    def head(self, key: str) -> ObjectInfo | None:
        require_key(key)
        with self._site.translated(f"looking up {key}"):
            asked = time.time()
            try:
                answer = self._reading.head_object(Bucket=self._options.bucket, Key=key)
            except ClientError as error:
                if status_of(error) != 404:
                    raise
            else:
                self._bucket_seen = True
                return _info(answer, local_time=(asked + time.time()) / 2)
        self._require_bucket()
        return None

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        request = self._put_request(key, body, metadata=metadata)
        request["IfNoneMatch"] = "*"
        status = self._put(request, body, progress=progress, refusals={409, 412}, action=f"storing {key}")
        answers = {200: CreateAnswer.CREATED, 412: CreateAnswer.EXISTS, 409: CreateAnswer.BUSY}
        return answers.get(status, CreateAnswer.AMBIGUOUS)

    def put(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        request = self._put_request(key, body, metadata=metadata)
        status = self._put(request, body, progress=progress, refusals={409}, action=f"storing {key}")
        return CreateAnswer.CREATED if status == 200 else CreateAnswer.AMBIGUOUS

    def _put_request(self, key: str, body: Body, *, metadata: Mapping[str, str]) -> PutObjectRequestTypeDef:
        """Return a request that still lacks its condition and its body."""
        request: PutObjectRequestTypeDef = {"Bucket": self._options.bucket, "Key": key}
        request |= object_headers(key, metadata)  # type: ignore[typeddict-item]  # a part of it
        request |= digest_headers(body)  # type: ignore[typeddict-item]  # a part of it
        return request

    def _put(
        self,
        request: PutObjectRequestTypeDef,
        body: Body,
        *,
        progress: Progress | None,
        refusals: set[int],
        action: str,
    ) -> int:
        with closing(UploadBody(body, progress)) as upload:
            request["Body"] = upload  # type: ignore[typeddict-item]  # the SDK wants no more than read, seek and a length
            return self._once(
                lambda: self._clients.once.put_object(**request), upload=upload, refusals=refusals, action=action
            )

    def _once(
        self,
        send: Callable[[], Mapping[str, object]],
        *,
        action: str,
        refusals: set[int],
        upload: UploadBody | None = None,
    ) -> int:
        """Send one request that makes an object. Return 200, a status of `refusals`, or `OPEN`; raise the rest."""
        try:
            answer = send()
        except SDK_ERRORS as error:
            if upload is not None and upload.failure is not None:
                raise upload.failure from None
            if isinstance(error, ClientError) and status_of(error) in refusals and code_of(error) != "NoSuchBucket":
                return status_of(error)
            translated = self._site.translate(error, action)
            if isinstance(translated, TransportError) and not isinstance(error, NEVER_SENT):
                return OPEN
            raise translated from None
        # A cut header block looks like a success without an ETag. Ceph leaves the ETag of a completion empty.
        return 200 if answer.get("ETag") or answer.get("Key") else OPEN

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        require_key(key)
        with self._opened(key, version_id=None, action=f"reading {key}") as pieces:
            yield pieces

    @contextmanager
    def _opened(self, key: str, *, version_id: str | None, action: str) -> Iterator[Iterator[bytes]]:
        request: GetObjectRequestTypeDef = {"Bucket": self._options.bucket, "Key": key}
        if version_id is not None:
            request["VersionId"] = version_id
        with self._site.translated(action):
            answer = self._reading.get_object(**request)
        size = answer.get("ContentLength")
        with closing(answer["Body"]) as stream:
            if size is None:
                raise ProtocolError(f"{action}: {self.location} does not say how long the object is")
            yield self._pieces(stream, size=size, action=action)

    def _pieces(self, stream: StreamingBody, *, size: int, action: str) -> Iterator[bytes]:
        received, waited = 0, 0.0
        raw = stream.__enter__()
        # Returns what has come so far: waiting for a whole piece, a dripping server would never run into a time-out.
        read = getattr(raw, "read1", raw.read)
        while received < size:
            with self._site.translated(action):
                started = time.monotonic()
                piece = read(min(_PIECE, size - received))
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
        with self._site.translated(f"deleting {key}"):
            try:
                self._reading.delete_object(Bucket=self._options.bucket, Key=key)
            except ClientError as error:
                if status_of(error) != 404:
                    raise

    def _require_bucket(self) -> None:
        """Raise unless the bucket was seen once: HEAD of an object says 404 for a missing bucket, too."""
        if self._bucket_seen:
            return
        with self._site.translated("looking for the bucket"):
            try:
                self._reading.head_bucket(Bucket=self._options.bucket)
            except ClientError as error:
                if status_of(error) == 404:
                    raise no_bucket(self.location) from None
                # Without the right to list, the bucket answers 403: it is there.
                if status_of(error) != 403:
                    raise
        self._bucket_seen = True


def object_headers(key: str, metadata: Mapping[str, str]) -> ObjectHeaders:
    """Return what to set for a new object; control objects are deleted one day, the others never change."""
    headers: ObjectHeaders = {"ContentType": "application/octet-stream", "Metadata": metadata}
    if not key.startswith(CONTROL_PREFIX):
        headers["CacheControl"] = _IMMUTABLE
    return headers


def digest_headers(body: Body) -> DigestHeaders:
    """Return the digests a body knows, but for the one that is signed."""
    headers: DigestHeaders = {}
    if body.md5 is not None:
        headers["ContentMD5"] = b64encode(body.md5).decode()
    if body.crc32 is not None:
        headers["ChecksumCRC32"] = crc32_text(body.crc32)
    return headers


def _info(answer: HeadObjectOutputTypeDef, *, local_time: float) -> ObjectInfo:
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    server = server_time(headers)
    modified = answer.get("LastModified")
    return ObjectInfo(
        size_bytes=answer["ContentLength"],
        etag=answer.get("ETag", ""),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        age_s=(server - modified).total_seconds() if server and modified else None,
        clock_offset_s=(server - datetime.fromtimestamp(local_time, UTC)).total_seconds() if server else None,
        server=headers.get("server", "")[:_MAX_SERVER],
    )
