"""One base URL, many bounded requests.

It sends one request and returns one bounded answer. It follows no redirect, reads no environment variable, `.netrc` or
cookie, tries nothing twice, and refuses plain http beyond this machine before anything secret is sent. Its errors never
hold the request, whose body may be a key. The rules are those of DESIGN.md, "HTTP client".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from publisher.errors import ProtocolError, PublisherError, RejectedError, TransportError
from publisher.http.address import header_value, safe_url, tls_context
from publisher.http.answer import Answer, NothingSentError, RedirectError, error_of
from publisher.http.authorization import Authorization
from publisher.http.body import StreamedBody
from publisher.http.pool import Pool, Reply
from publisher.http.wire import Failure, Origin, Patience, WireError
from publisher.secrecy import Masked, sanitise

MAX_ANSWER_BYTES = 1 << 20
PIECE_BYTES = 1 << 20

_SENT_LITERALLY = "!$%&'()*+,/:;=?@[]~"
"""What a path may hold: its caller has quoted what is special in it."""


class HttpClient:
    """Requests below one base URL, from any number of threads; connections are kept and reused.

    `setting` names the setting that holds the URL, for messages. Values of `headers` may be `Masked`. `is_public`
    permits plain http, for downloads that anybody may make.
    All times are in seconds; `total_timeout_s` bounds a whole request, however slowly its answer drips.
    """

    def __init__(
        self,
        base_url: str,
        *,
        setting: str = "the URL",
        headers: Mapping[str, str | Masked] | None = None,
        ca_file: Path | None = None,
        is_public: bool = False,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 60.0,
        total_timeout_s: float = 90.0,
    ) -> None:
        self._url = safe_url(base_url, setting, is_public=is_public)
        self._base = self._url.geturl().rstrip("/")
        sent = {"Accept-Encoding": "identity", "User-Agent": "publish"}
        self._secrets: list[str] = []
        for name, value in (headers or {}).items():
            sent[name] = header_value(name, value)
            if isinstance(value, Masked):
                self._secrets += {value.reveal(), value.reveal().split(" ", 1)[-1]}
        self._read_timeout_s = read_timeout_s
        self._total_timeout_s = total_timeout_s
        is_secure = self._url.scheme == "https"
        origin = Origin(
            host=self._url.hostname or "",
            port=self._url.port or (443 if is_secure else 80),
            tls=tls_context(ca_file) if is_secure else None,
            connect_timeout_s=connect_timeout_s,
        )
        self._pool = Pool(origin, sent)

    @property
    def location(self) -> str:
        """The base URL; it cannot hold credentials."""
        return self._base

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret header values, for `Answer.quote` only."""
        return tuple(self._secrets)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: StreamedBody | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: Authorization | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
        total_timeout_s: float | None = None,
    ) -> Answer:
        """Send exactly one request and return its answer, whatever its status, except for redirects.

        Its body is `json` or `body`, or none. `authorization` is for this request alone, and `total_timeout_s`
        replaces the client's limit.
        Raises `NothingSentError`, `RejectedError` (certificate), `RedirectError`, or `TransportError` (no status came).
        """
        patience = Patience(self._read_timeout_s, total_timeout_s or self._total_timeout_s)
        reply = self._send(method, path, body or _encode(json), _with(headers, authorization), patience)
        with closing(reply):
            return self._answer(reply, method, max_bytes)

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        expected_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: Authorization | None = None,
        total_timeout_s: float = 3600.0,
    ) -> Iterator[Iterator[bytes]]:
        """Open a body of any size for reading in pieces of at most 1 MiB. Any status but 200 raises as `error_of` says.

        Errors in the middle are translated too: a cut body is a `TransportError`, a body longer than `expected_bytes`
        a `ProtocolError`; where Content-Length shows another size, that is said before anything is read.
        """
        host, patience = self._url.hostname, Patience(self._read_timeout_s, total_timeout_s)
        with closing(self._send(method, path, None, _with(headers, authorization), patience)) as reply:
            size = reply.headers.get("content-length", "")
            known = int(size) if re.fullmatch(r"[0-9]{1,18}", size) else None
            if reply.status != 200:
                secrets = [*self._secrets, *(authorization.spellings() if authorization else ())]
                raise error_of(self._answer(reply, method, MAX_ANSWER_BYTES), f"{method} {host}", secrets)
            if expected_bytes is not None and known not in (None, expected_bytes):
                raise ProtocolError(f"{host} offers {known} bytes instead of {expected_bytes}")
            if _is_encoded(reply):
                raise ProtocolError(f"{host} sent a content encoding that was not asked for")
            yield self._pieces(reply, method, expected_bytes)

    def close(self) -> None:
        self._pool.close()

    def _send(
        self,
        method: str,
        path: str,
        body: StreamedBody | bytes | None,
        headers: Mapping[str, str],
        patience: Patience,
    ) -> Reply:
        sent = dict(headers)
        if body is not None:
            sent["Content-Type"] = "application/json" if isinstance(body, bytes) else body.content_type
        if body is not None or method not in ("GET", "HEAD"):
            sent["Content-Length"] = str(body.size_bytes if isinstance(body, StreamedBody) else len(body or b""))
        target = f"{self._url.path.rstrip('/')}/{quote(path.lstrip('/'), safe=_SENT_LITERALLY)}"
        try:
            reply = self._pool.request(method, target, sent, body or b"", patience=patience)
        except WireError as error:
            failure = self._failure(error, method)
        else:
            if 300 <= reply.status < 400:
                reply.close()
                raise RedirectError(
                    f"unexpected redirect ({reply.status}) from {self._url.hostname}"
                    f" to {_redirect_host(reply.headers.get('location', ''))}",
                    hint="redirects are not followed; set the URL of the service itself",
                )
            return reply
        raise failure  # outside of the handler, so that no other error is its context

    def _answer(self, reply: Reply, method: str, max_bytes: int) -> Answer:
        body, problem = self._body(reply, method, max_bytes)
        media_type = reply.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        return Answer(reply.status, media_type, reply.headers, body, problem)

    def _body(self, reply: Reply, method: str, max_bytes: int) -> tuple[bytes, TransportError | None]:
        host = self._url.hostname
        if _is_encoded(reply):
            return b"", ProtocolError(f"{host} compressed its answer although it was asked not to")
        body = bytearray()
        try:
            # A short body is noticed only by the read after its last byte.
            while len(body) <= max_bytes and (piece := reply.read(max_bytes + 1 - len(body))):
                body += piece
        except WireError as error:
            failure = self._failure(error, method)
            return b"", failure if isinstance(failure, TransportError) else TransportError(failure.message)
        if len(body) > max_bytes:
            return b"", ProtocolError(f"the answer of {host} is larger than {max_bytes} bytes")
        return bytes(body), None

    def _pieces(self, reply: Reply, method: str, expected_bytes: int | None) -> Iterator[bytes]:
        host, seen = self._url.hostname, 0
        while True:
            failure: PublisherError | None = None
            piece = b""
            try:
                piece = reply.read(PIECE_BYTES)
            except WireError as error:
                failure = self._failure(error, method)
            seen += len(piece)
            if failure is None and expected_bytes is not None:
                if seen > expected_bytes:
                    failure = ProtocolError(f"{host} sent more than the expected {expected_bytes} bytes")
                elif not piece and seen < expected_bytes:
                    failure = TransportError(f"{host} sent {seen} of {expected_bytes} bytes")
            if failure is not None:
                raise failure
            if not piece:
                return
            yield piece

    def _failure(self, error: WireError, method: str) -> PublisherError:
        host = self._url.hostname
        match error.failure:
            case Failure.UNTRUSTED:
                return RejectedError(
                    f"the certificate of {host} is not trusted: {sanitise(error.detail)}",
                    hint="certificates are always checked; a private authority is named by the CA file setting",
                )
            case Failure.NO_TLS:
                return NothingSentError(
                    f"no TLS connection with {host} could be agreed on (TLS 1.2 or newer is needed)"
                )
            case Failure.NOT_CONNECTED:
                return NothingSentError(f"no connection to {host}", hint="is the service up, and its URL right?")
            case Failure.TOO_SLOW:
                return TransportError(f"{method} {host}: no whole answer within the time limit")
            case Failure.SILENT:
                return TransportError(f"{method} {host}: no answer within {self._read_timeout_s:g} s")
            case Failure.BROKEN:
                return TransportError(f"{method} {host}: the connection broke before the whole answer came")


def _with(headers: Mapping[str, str] | None, authorization: Authorization | None) -> dict[str, str]:
    if authorization is None:
        return dict(headers or {})
    return {**(headers or {}), "Authorization": header_value("Authorization", authorization.header)}


def _encode(document: object) -> bytes | None:
    return None if document is None else json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _is_encoded(reply: Reply) -> bool:
    return reply.headers.get("content-encoding", "identity").lower() not in ("", "identity")


def _redirect_host(location: str) -> str:
    try:
        host = urlsplit(location).hostname
    except ValueError:
        return "an unreadable address"
    return sanitise(host, limit=80) if host else "another path of the same host"
