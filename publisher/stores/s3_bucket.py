"""Requests to one bucket: addressed, signed, sent exactly once, answered. Knows no operation of S3.

Nothing of the process's surroundings has a say: no AWS_* variable, profile, netrc or proxy variable, and no redirect is
followed. No body is hashed here: what its maker knows of it is signed and sent.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from urllib.parse import quote

from publisher.http.pool import Pool, Reply
from publisher.http.wire import SENT_AT_ONCE_BYTES, Origin, Patience
from publisher.stores.body import Body, Progress
from publisher.stores.s3_address import address_of, authorities_of, proxy_of
from publisher.stores.s3_answers import MAX_ANSWER_BYTES, NotS3Error, S3Answer, refusal_of
from publisher.stores.s3_options import S3Options
from publisher.stores.s3_signature import EMPTY_SHA256, UNSIGNED, Signer
from publisher.stores.upload_body import crc32_text, upload_pieces

Query = Sequence[tuple[str, str]]

_ASK_BEFORE_BYTES = 1 << 20
"""Larger bodies wait for the store to ask for them (`100 Continue`), so that a refusal saves the upload."""

_UNSIGNED_NAMES = frozenset({"content-length", "expect", "user-agent", "accept-encoding"})


class Bucket:
    """One bucket of one endpoint. Safe to share between threads; connects when first used.

    Every method raises `WireError` where no whole answer came, and `RefusedError` for every status but 2xx.
    """

    def __init__(self, options: S3Options) -> None:
        """Raise `SettingsError` for an unusable endpoint, proxy or CA file, `RejectedError` for a bucket's name."""
        self._options = options
        address = address_of(options)
        self._path = address.path
        origin = Origin(
            address.host,
            address.port,
            tls=authorities_of(options) if address.is_secure else None,
            proxy=proxy_of(options.proxy) if options.proxy else None,
            connect_timeout_s=options.connect_timeout_s,
        )
        always = {"User-Agent": "publish", "Accept-Encoding": "identity"}
        self._pool = Pool(origin, always, max_idle=options.max_connections)
        self._authority = origin.authority
        self._signer = Signer(options.access_key, options.secret_key, options.region)

    def ask(
        self,
        method: str,
        key: str | None = None,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> S3Answer:
        """Send a request about the bucket, or an object in it, and return the whole answer."""
        payload = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
        reply = self._sent(method, key, query, headers or {}, payload=payload, body=body, size_bytes=len(body))
        with closing(reply):
            return _whole(reply)

    def store(
        self,
        key: str,
        body: Body,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        may_be_refused: bool = False,
    ) -> S3Answer:
        """Send bytes with the digests that are known of them. Raises `LocalResourceError` if they cannot be read.

        `may_be_refused` lets the store answer before it gets a large body.
        """
        sent = dict(headers or {})
        if body.md5 is not None:
            sent["content-md5"] = b64encode(body.md5).decode()
        if body.crc32 is not None:
            sent["x-amz-checksum-crc32"] = crc32_text(body.crc32)
        if may_be_refused and body.size_bytes > _ASK_BEFORE_BYTES:
            sent["expect"] = "100-continue"
        payload = body.sha256.hex if body.sha256 else UNSIGNED
        pieces = upload_pieces(body, progress)
        data = b"".join(pieces) if body.size_bytes <= SENT_AT_ONCE_BYTES else pieces
        reply = self._sent("PUT", key, query, sent, payload=payload, body=data, size_bytes=body.size_bytes)
        with closing(reply):
            return _whole(reply)

    def opened(self, key: str, *, query: Query = ()) -> Reply:
        """Open an object for reading; whoever asked closes it."""
        reply = self._sent("GET", key, query, {}, payload=EMPTY_SHA256)
        if 200 <= reply.status < 300:
            return reply
        with closing(reply):
            raise refusal_of(_read(reply))

    def close(self) -> None:
        self._pool.close()

    def _sent(
        self,
        method: str,
        key: str | None,
        query: Query,
        headers: Mapping[str, str],
        *,
        payload: str,
        body: bytes | Iterable[bytes | memoryview] = b"",
        size_bytes: int = 0,
    ) -> Reply:
        path = self._path if key is None else f"{self._path}/{quote(key, safe='/~')}"
        pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query)
        signed = {name: value for name, value in headers.items() if name not in _UNSIGNED_NAMES}
        proved = self._signer.signed(
            method,
            path or "/",
            "&".join([f"{name}={value}" for name, value in pairs]),
            {"host": self._authority, **signed},
            payload=payload,
            now=time.time(),
        )
        del proved["host"]
        if body or method in ("PUT", "POST"):
            proved["content-length"] = str(size_bytes)
        expect = headers.get("expect")
        if expect:
            proved["expect"] = expect
        target = path or "/"
        if pairs:
            target += "?" + "&".join([f"{name}={value}" if value else name for name, value in pairs])
        patience = Patience(self._options.read_timeout_s, self._options.answer_timeout_s, counts_body=False)
        return self._pool.request(method, target, proved, body, patience=patience, wait_for_continue=bool(expect))


def _whole(reply: Reply) -> S3Answer:
    answer = _read(reply)
    if not 200 <= answer.status < 300:
        raise refusal_of(answer)
    return answer


def _read(reply: Reply) -> S3Answer:
    body = bytearray()
    while len(body) <= MAX_ANSWER_BYTES and (piece := reply.read(MAX_ANSWER_BYTES + 1 - len(body))):
        body += piece
    if len(body) > MAX_ANSWER_BYTES:
        raise NotS3Error
    return S3Answer(reply.status, reply.headers, bytes(body))
