"""The bare requests by 8 threads, no work of ours and no proof: what publishing would cost if nothing had to be done.

Usage: python -m tests.benchmark.baselines.bare NAME COUNT SIZE same|least, with the settings of `publish` in the
environment. `same` sends for each artifact what `publish apply` sends to a store that needs claims and a registry that
lists its rows, in that order, with bodies of like size, the same conditions, metadata and signed digests:

- HEAD of the object (is it there?), PUT of the escrow record, PUT of the claim, PUT of the object, HEAD (whose is it?)
- POST of the row, GET of all rows (one for each `LIST_EVERY` artifacts, which share it)
- HEAD (is it still there?), PUT of the receipt, DELETE of the escrow record

`least` sends what a script without any proof would: PUT and HEAD of the object, POST of the row. Digests are computed
once, since all bodies of a kind have the same bytes; answers are read and not looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import sys
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

LIST_EVERY = 8
"""How many artifacts share a list of all rows. `publish apply` with 16 jobs was seen to send one for 6 to 10."""

_THREADS = 8
_ONCE = {"if-none-match": "*", "content-type": "application/octet-stream"}
_lines = threading.local()


@dataclass(frozen=True)
class Body:
    """Bytes and what is sent beside them."""

    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sha256: str = hashlib.sha256(b"").hexdigest()

    @classmethod
    def of_control(cls, size: int) -> Body:
        """Make a small object like a record, a claim or a receipt."""
        data = (b'{"v":1}' + b" " * size)[:size]
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        return cls(data, {**_ONCE, "content-md5": b64encode(md5).decode()}, hashlib.sha256(data).hexdigest())

    @classmethod
    def of_object(cls, data: bytes) -> Body:
        """Make a sealed object with its metadata."""
        sha256 = hashlib.sha256(data).hexdigest()
        marks = {"format": "1", "nonce": "0" * 32, "identity": "0" * 64, "compression": "gzip", "source": "0" * 64}
        marks |= {"sha256": sha256, "size": str(len(data))}
        headers = _ONCE | {f"x-amz-meta-publish-{name}": value for name, value in marks.items()}
        headers |= {"cache-control": "public, max-age=31536000, immutable"}
        return cls(
            data, headers | {"x-amz-checksum-crc32": b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()}, sha256
        )


NOTHING = Body()
RECORD, CLAIM, RECEIPT = Body.of_control(530), Body.of_control(203), Body.of_control(510)
"""Sizes as they were seen."""


@lru_cache(maxsize=2)
def signing_key(day: str) -> bytes:
    key = f"AWS4{os.environ['S3_SECRET_KEY']}".encode()
    for part in (day, "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signed(method: str, host: str, path: str, body: Body) -> dict[str, str]:
    """Return all headers of a request. Source: AWS Signature Version 4."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    headers = {**body.headers, "host": host, "x-amz-content-sha256": body.sha256, "x-amz-date": now}
    headers = dict(sorted(headers.items()))
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{body.sha256}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(signing_key(now[:8]), text.encode(), "sha256").hex()
    credential = f"Credential={os.environ['S3_ACCESS_KEY']}/{scope}"
    return headers | {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"}


def request(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
    """Send one request over this thread's connection and read the answer."""
    lines: dict[str, http.client.HTTPConnection] = _lines.__dict__
    line = lines.get(url) or lines.setdefault(url, http.client.HTTPConnection(urlsplit(url).netloc))
    line.request(method, path, body=body, headers=dict(headers))
    answer = line.getresponse()
    answer.read()
    if answer.status >= 300 and (method, answer.status) != ("HEAD", 404):
        raise RuntimeError(f"{method} {path}: {answer.status}")


def store(method: str, key: str, body: Body = NOTHING) -> None:
    url = os.environ["S3_ENDPOINT"]
    path = f"/{os.environ['S3_BUCKET']}/{key}"
    request(url, method, path, signed(method, urlsplit(url).netloc, path, body), body.data or None)


def register(name: str, key: str, size: int) -> None:
    url = os.environ["ADMIN_API_URL"]
    row = {"resource_name": name, "dev_stage": "dev", "architecture": "arm64", "version": "1"}
    row |= {"cdn_url": f"{os.environ['S3_ENDPOINT']}/{os.environ['S3_BUCKET']}/{key}"}
    row |= {"sha256": "0" * 64, "encryption_key": "0" * 64}
    body = json.dumps({**row, "size_bytes": size}).encode()
    said = {"Authorization": f"Bearer {os.environ['ADMIN_API_TOKEN']}", "Content-Type": "application/json"}
    request(url, "POST", f"{urlsplit(url).path}/internal/resources/publish", said, body)


def list_rows() -> None:
    url = os.environ["ADMIN_API_URL"]
    said = {"Authorization": f"Bearer {os.environ['ADMIN_API_TOKEN']}", "Cache-Control": "no-cache"}
    request(url, "GET", f"{urlsplit(url).path}/{os.environ['ADMIN_API_LOOKUP_PATH']}", said)


def send_least(name: str, _number: int, sealed: Body) -> None:
    key = f"dev/{name}-arm64-1.enc"
    store("PUT", key, sealed)
    store("HEAD", key)
    register(name, key, len(sealed.data))


def send_same(name: str, number: int, sealed: Body) -> None:
    key = f"dev/{name}-arm64-1.enc"
    record = f".publish/keys/{name}.json"
    store("HEAD", key)
    store("PUT", record, RECORD)
    store("PUT", f".publish/claims/{key}.json", CLAIM)
    store("PUT", key, sealed)
    store("HEAD", key)
    register(name, key, len(sealed.data))
    if number % LIST_EVERY == 0:
        list_rows()
    store("HEAD", key)
    store("PUT", f".publish/receipts/{key}.json", RECEIPT)
    store("DELETE", record)


def main() -> None:
    name, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    send = {"same": send_same, "least": send_least}[sys.argv[4]]
    sealed = Body.of_object(os.urandom(size))
    with ThreadPoolExecutor(_THREADS) as pool:
        for done in [pool.submit(send, f"{name}-{number}", number, sealed) for number in range(count)]:
            done.result()


if __name__ == "__main__":
    main()
