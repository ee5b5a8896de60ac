"""An S3 bucket as an object store: boto3 behind the port. Knows requests and answers, no protocol.

Keeps the promise of the port that a create is one request: whatever the answer leaves open is AMBIGUOUS, never
guessed. Refuses to follow redirects, to read settings from the environment and to overwrite.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from publisher.errors import ProtocolError, TransportError
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectInfo, Progress
from publisher.stores.s3_client import Clients, make_clients
from publisher.stores.s3_errors import NEVER_SENT, Site, no_bucket, server_time, status_of
from publisher.stores.s3_options import S3Options
from publisher.stores.upload_body import UploadBody

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, PutObjectRequestTypeDef

_IMMUTABLE = "public, max-age=31536000, immutable"
_PIECE = 1024 * 1024
_DRIP = 1024
"""Bytes a second: a download that stays below is given up once it took longer than the read time-out."""


class S3Store:
    """One bucket of an S3-compatible service. Safe to share between threads; connects when first used."""

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._site = Site(options.location)
        self._bucket_seen = False
        self._made: Clients | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"S3Store({self.location!r})"

    @property
    def location(self) -> str:
        return self._site.location

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
        upload = UploadBody(body, progress)
        request: PutObjectRequestTypeDef = {
            "Bucket": self._options.bucket,
            "Key": key,
            "Body": upload,  # type: ignore[typeddict-item]  # the SDK wants no more than read, seek and a length
            "ContentMD5": b64encode(body.md5).decode(),
            "ContentType": "application/octet-stream",
            "Metadata": metadata,
            "IfNoneMatch": "*",
        }
        if not key.startswith(CONTROL_PREFIX):
            request["CacheControl"] = _IMMUTABLE
        with closing(upload):
            return self._send(request, upload, action=f"storing {key}")

    def _send(self, request: PutObjectRequestTypeDef, upload: UploadBody, *, action: str) -> CreateAnswer:
        try:
            answer = self._clients.once.put_object(**request)
        except (ClientError, BotoCoreError, HTTPError, ResponseParserError) as error:
            if upload.failure is not None:
                raise upload.failure from None
            if isinstance(error, ClientError) and status_of(error) in {409, 412}:
                return CreateAnswer.EXISTS if status_of(error) == 412 else CreateAnswer.BUSY
            translated = self._site.translate(error, action)
            if isinstance(translated, TransportError) and not isinstance(error, NEVER_SENT):
                return CreateAnswer.AMBIGUOUS
            raise translated from None
        # A cut header block looks like a success without an ETag.
        return CreateAnswer.CREATED if answer.get("ETag") else CreateAnswer.AMBIGUOUS

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        require_key(key)
        action = f"reading {key}"
        with self._site.translated(action):
            answer = self._reading.get_object(Bucket=self._options.bucket, Key=key)
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


def _info(answer: HeadObjectOutputTypeDef, *, local_time: float) -> ObjectInfo:
    server = server_time(answer["ResponseMetadata"]["HTTPHeaders"])
    modified = answer.get("LastModified")
    return ObjectInfo(
        size_bytes=answer["ContentLength"],
        etag=answer.get("ETag", ""),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        age_s=(server - modified).total_seconds() if server and modified else None,
        clock_offset_s=(server - datetime.fromtimestamp(local_time, UTC)).total_seconds() if server else None,
    )
