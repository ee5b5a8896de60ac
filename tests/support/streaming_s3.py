"""An S3 API over `MemoryStore`, with atomic conditional completions and checked parts: no installable store has both.

A real HTTP server with the answers that the publisher and boto3 know, for one process of tests. It checks no
signatures; whether requests are signed right is tested against SeaweedFS, Ceph and rclone.
"""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from publisher.errors import CapabilityError, NotFoundError, RejectedError
from publisher.model import Digest
from publisher.stores.body import Body, BodyDigest
from publisher.stores.port import CreateAnswer, SentPart, UploadGone
from tests.support.memory_store import MemoryStore
from tests.support.s3_servers import S3Server, direct_client

_STATUS = {
    CreateAnswer.CREATED: 200,
    CreateAnswer.EXISTS: 412,
    CreateAnswer.BUSY: 409,
    CreateAnswer.AMBIGUOUS: 500,
    UploadGone.GONE: 404,
}
_CODES = {412: "PreconditionFailed", 409: "ConditionalRequestConflict", 404: "NoSuchUpload", 500: "InternalError"}


@dataclass(eq=False)
class StreamingS3:
    """The server. `buckets` holds what is stored, for tests to look at and to tamper with."""

    buckets: dict[str, MemoryStore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="streaming-s3", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def streaming_s3() -> Iterator[S3Server]:
    """Run the server once for each test process."""
    running = StreamingS3()
    running.start()
    yield S3Server(running.endpoint, running, direct_client(running.endpoint))  # type: ignore[arg-type] # stopped here
    running.stop()


def _handler_of(site: StreamingS3) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        buckets = site.buckets

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StreamingS3"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    buckets: dict[str, MemoryStore]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        pass

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._head)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(self, act: Callable[[], None]) -> None:
        target = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(target.path).lstrip("/").partition("/")
        self.bucket, self.key = bucket, key
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_making = self.command == "PUT" and not key and not self.query
        if bucket not in self.buckets and not is_making:
            self._error(404, "NoSuchBucket")
            return
        self.store = self.buckets.setdefault(bucket, MemoryStore())
        try:
            act()
        except RejectedError as error:
            self._error(error.status or 400, "BadDigest")
        except CapabilityError:
            self._error(501, "NotImplemented")
        except NotFoundError:
            self._error(404, "NoSuchUpload" if "uploadId" in self.query else "NoSuchKey")

    def _head(self) -> None:
        if not self.key:
            self._send(200)
            return
        stored = self.store.head(self.key)
        if stored is None:
            self._send(404)
            return
        metadata = {f"x-amz-meta-{name}": value for name, value in stored.metadata.items()}
        modified = formatdate(usegmt=True)
        self._send(200, {"ETag": stored.etag, "Last-Modified": modified, **metadata}, length=stored.size_bytes)

    def _get(self) -> None:
        if self.key:
            with self.store.read(self.key) as pieces:
                data = b"".join(pieces)
            self._send(200, {"ETag": '"x"'}, data)
        elif "uploads" in self.query:
            listed = [
                f"<Upload><Key>{each.key}</Key><UploadId>{each.upload_id}</UploadId>"
                f"<Initiated>{_instant(each.age_s)}</Initiated></Upload>"
                for each in self.store.open_uploads(self.query.get("prefix", ""))
            ]
            self._xml(f"<ListMultipartUploadsResult>{''.join(listed)}</ListMultipartUploadsResult>")
        else:
            prefix = self.query.get("prefix", "")
            listed = [
                f"<Contents><Key>{quote(key)}</Key><Size>{len(stored.data)}</Size></Contents>"
                for key, stored in sorted(self.store.objects.items())
                if key.startswith(prefix)
            ]
            self._xml(f"<ListBucketResult>{''.join(listed)}<IsTruncated>false</IsTruncated></ListBucketResult>")

    def _put(self) -> None:
        if not self.key:
            self._send(200)
        elif "partNumber" in self.query:
            sent = self.store.upload_part(
                self.key, self.query["uploadId"], int(self.query["partNumber"]), self._described()
            )
            self._send(200, {"ETag": sent.etag})
        elif self.headers.get("If-None-Match") == "*":
            self._made(self.store.create(self.key, self._described(), metadata=self._metadata()))
        elif self.headers.get("If-Match"):
            answer = self.store.replace(
                self.key, self._described(), metadata=self._metadata(), if_match=self.headers["If-Match"]
            )
            self._made(CreateAnswer.CREATED if answer.value == "replaced" else CreateAnswer.EXISTS)
        else:
            self._made(self.store.put(self.key, self._described(), metadata=self._metadata()))

    def _post(self) -> None:
        if "uploads" in self.query:
            is_crc32 = self.headers.get("x-amz-checksum-algorithm") == "CRC32"
            digests = (BodyDigest.CRC32,) if is_crc32 else ()
            upload_id = self.store.start_upload(self.key, metadata=self._metadata(), digests=digests)
            self._xml(
                f"<InitiateMultipartUploadResult><UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
            )
            return
        parts = [_listed(part) for part in ElementTree.fromstring(self.body) if part.tag.endswith("Part")]
        complete = self.store.complete_if_absent if self.headers.get("If-None-Match") == "*" else self.store.complete
        answer = complete(self.key, self.query["uploadId"], parts)
        if answer is CreateAnswer.CREATED:
            self._xml(
                f"<CompleteMultipartUploadResult><Key>{quote(self.key)}</Key><ETag>&quot;{uuid.uuid4().hex}-1&quot;"
                "</ETag></CompleteMultipartUploadResult>"
            )
        else:
            self._error(_STATUS[answer])

    def _delete(self) -> None:
        if "uploadId" in self.query:
            self.store.abort_upload(self.key, self.query["uploadId"])
        else:
            self.store.objects.pop(self.key, None)
        self._send(204)

    def _described(self) -> Body:
        signed = self.headers.get("x-amz-content-sha256", "")
        md5, crc32 = self.headers.get("Content-MD5"), self.headers.get("x-amz-checksum-crc32")
        return Body.of_buffers(
            [self.body],
            sha256=Digest(signed) if len(signed) == 64 else None,
            md5=base64.b64decode(md5) if md5 else None,
            crc32=int.from_bytes(base64.b64decode(crc32), "big") if crc32 else None,
        )

    def _metadata(self) -> dict[str, str]:
        names = {name.lower(): value for name, value in self.headers.items()}
        start = "x-amz-meta-"
        return {name.removeprefix(start): value for name, value in names.items() if name.startswith(start)}

    def _made(self, answer: CreateAnswer) -> None:
        if answer is CreateAnswer.CREATED:
            self._send(200, {"ETag": f'"{uuid.uuid4().hex}"'})
        else:
            self._error(_STATUS[answer])

    def _error(self, status: int, code: str = "") -> None:
        code = code or _CODES.get(status, "InternalError")
        self._xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)

    def _xml(self, text: str, status: int = 200) -> None:
        self._send(status, {"Content-Type": "application/xml"}, b'<?xml version="1.0"?>' + text.encode())

    def _send(
        self, status: int, headers: dict[str, str] | None = None, data: bytes = b"", *, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()


def _instant(age_s: float | None) -> str:
    return (datetime.now(UTC) - timedelta(seconds=age_s or 0)).isoformat()


def _listed(part: ElementTree.Element) -> SentPart:
    found = {child.tag.rpartition("}")[2]: child.text or "" for child in part}
    crc32 = found.get("ChecksumCRC32")
    return SentPart(found["ETag"], int.from_bytes(base64.b64decode(crc32), "big") if crc32 else None)
