"""The part of the S3 API that publishing uses, over the sink's state. It believes every signature.

Refuses, with 501, whatever it does not know; a large object cannot be read back, because it was not kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from xml.sax.saxutils import escape

from tests.benchmark.sink.state import RefusedError, Sent, State, Stored
from tests.benchmark.sink.wire import Answer, Request

_PART = re.compile(rb"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_ETAG = re.compile(rb"<ETag>(?:&quot;|\")?([^<&\"]+)(?:&quot;|\")?</ETag>")
_META = "x-amz-meta-"


class S3Sink:
    """Answers requests. `used_s` of the process and nothing else shows how little it matters."""

    def __init__(self) -> None:
        self._state = State()

    def answer(self, request: Request) -> Answer:
        bucket, _, key = request.path.partition("/")
        # A server says what time it is: the publisher compares clocks.
        said = {"Date": formatdate(time.time(), usegmt=True), "Server": "benchmark-sink"}
        try:
            request.sent.check(request.headers)
            answer = self._of_object(request, f"{bucket}/{key}") if key else self._of_bucket(request, bucket)
        except RefusedError as refused:
            body = f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>".encode()
            answer = Answer(refused.status, {"Content-Type": "application/xml"}, body)
        return Answer(answer.status, {**said, **answer.headers}, answer.body, answer.announced)

    def _of_object(self, request: Request, key: str) -> Answer:
        upload_id = request.query.get("uploadId")
        match request.method:
            case "HEAD":
                return Answer(headers=_described(found := self._state.get(key)), announced=found.sent.size)
            case "GET":
                found = self._state.get(key)
                if found.sent.data is None:
                    raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "TooLargeToBeKept")
                return Answer(headers=_described(found), body=found.sent.data)
            case "PUT" if upload_id is not None:
                part = Stored(request.sent)
                self._state.put_part(key, upload_id, int(request.query["partNumber"]), part)
                return Answer(headers={"ETag": part.etag})
            case "PUT" if "x-amz-copy-source" not in request.headers:
                stored = Stored(request.sent, _metadata(request.headers), modified=time.time())
                return Answer(headers={"ETag": self._state.put(key, stored, request.headers).etag})
            case "POST" if "uploads" in request.query:
                begun = self._state.begin(key, _metadata(request.headers), time.time())
                return _document("InitiateMultipartUploadResult", f"<UploadId>{begun}</UploadId>")
            case "POST" if upload_id is not None:
                parts = _wanted_parts(request.sent)
                done = self._state.complete(key, upload_id, parts, request.headers, time.time())
                return _document("CompleteMultipartUploadResult", f"<ETag>{escape(done.etag)}</ETag>")
            case "DELETE":
                if upload_id is not None:
                    self._state.abort(key, upload_id)
                else:
                    self._state.delete(key)
                return Answer(HTTPStatus.NO_CONTENT)
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")

    def _of_bucket(self, request: Request, bucket: str) -> Answer:
        prefix = f"{bucket}/{request.query.get('prefix', '')}"
        if request.method in {"HEAD", "PUT"}:
            return Answer()
        if request.method != "GET":
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")
        if "uploads" in request.query:
            entries = "".join(
                f"<Upload><Key>{escape(upload.key.removeprefix(bucket + '/'))}</Key><UploadId>{upload_id}</UploadId>"
                f"<Initiated>{_time(upload.started)}</Initiated></Upload>"
                for upload_id, upload in self._state.uploads(prefix)
            )
            return _document("ListMultipartUploadsResult", f"<IsTruncated>false</IsTruncated>{entries}")
        entries = "".join(
            f"<Contents><Key>{escape(key.removeprefix(bucket + '/'))}</Key><ETag>{escape(stored.etag)}</ETag>"
            f"<Size>{stored.sent.size}</Size><LastModified>{_time(stored.modified)}</LastModified></Contents>"
            for key, stored in self._state.keys(prefix)
        )
        return _document("ListBucketResult", f"<IsTruncated>false</IsTruncated>{entries}")


def _described(stored: Stored) -> Mapping[str, str]:
    metadata = {f"{_META}{name}": value for name, value in stored.metadata.items()}
    return {"ETag": stored.etag, "Last-Modified": formatdate(stored.modified, usegmt=True), **metadata}


def _metadata(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}


def _wanted_parts(sent: Sent) -> list[tuple[int, str]]:
    parts = []
    for part in _PART.findall(sent.data or b""):
        number, etag = _NUMBER.search(part), _ETAG.search(part)
        if number is None or etag is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "MalformedXML")
        parts.append((int(number[1]), f'"{etag[1].decode()}"'))
    return parts


def _document(name: str, content: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode()
    return Answer(headers={"Content-Type": "application/xml"}, body=body)


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
