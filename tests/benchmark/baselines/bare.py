"""The bare requests: a PUT, a HEAD and a POST for each artifact by 8 threads, no work of ours and no proof.

Usage: python -m tests.benchmark.baselines.bare NAME COUNT SIZE, with the settings of `publish` in the environment.
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
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

_THREADS = 8
_lines = threading.local()


def signed(method: str, host: str, path: str) -> dict[str, str]:
    """Return the headers of a request whose body is not signed. Source: AWS Signature Version 4."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{os.environ['S3_SECRET_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={os.environ['S3_ACCESS_KEY']}/{scope}"
    return headers | {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"}


def request(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
    """Send one request over this thread's connection and read the answer."""
    lines: dict[str, http.client.HTTPConnection] = _lines.__dict__
    line = lines.get(url) or lines.setdefault(url, http.client.HTTPConnection(urlsplit(url).netloc))
    line.request(method, path, body=body, headers=dict(headers))
    answer = line.getresponse()
    answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status}")


def publish(name: str, sealed: bytes) -> None:
    store, registry = os.environ["S3_ENDPOINT"], os.environ["ADMIN_API_URL"]
    path, host = f"/{os.environ['S3_BUCKET']}/dev/{name}-arm64-1.enc", urlsplit(store).netloc
    request(store, "PUT", path, signed("PUT", host, path), sealed)
    request(store, "HEAD", path, signed("HEAD", host, path))
    row = {"resource_name": name, "dev_stage": "dev", "architecture": "arm64", "version": "1", "cdn_url": store + path}
    row |= {"sha256": "0" * 64, "encryption_key": "0" * 64}
    said = {"Authorization": f"Bearer {os.environ['ADMIN_API_TOKEN']}", "Content-Type": "application/json"}
    body = json.dumps({**row, "size_bytes": len(sealed)}).encode()
    request(registry, "POST", f"{urlsplit(registry).path}/internal/resources/publish", said, body)


def main() -> None:
    name, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sealed = os.urandom(size)
    with ThreadPoolExecutor(_THREADS) as pool:
        for done in [pool.submit(publish, f"{name}-{number}", sealed) for number in range(count)]:
            done.result()


if __name__ == "__main__":
    main()
