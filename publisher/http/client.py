"""One base URL, many bounded requests.

It sends one request and returns one bounded answer. It follows no redirect, reads no environment variable, `.netrc` or
cookie, tries nothing twice, and refuses plain http beyond this machine before anything secret is sent. Its errors never
hold the request, whose body may be a key. The rules are those of DESIGN.md, "HTTP client".
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from publisher.errors import ProtocolError, PublisherError, RejectedError, TransportError
from publisher.http.address import header_value, safe_url, tls_context
from publisher.http.answer import Answer, NothingSentError, RedirectError, error_of
from publisher.http.authorization import Authorization
from publisher.http.body import StreamedBody
from publisher.http.transport import Deadline, TimedAdapter
from publisher.secrecy import Masked, sanitise

MAX_ANSWER_BYTES = 1 << 20
PIECE_BYTES = 1 << 20

_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


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
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "publish"}
        self._secrets: list[str] = []
        for name, value in (headers or {}).items():
            self._headers[name] = header_value(name, value)
            if isinstance(value, Masked):
                self._secrets += {value.reveal(), value.reveal().split(" ", 1)[-1]}
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._total_timeout_s = total_timeout_s
        self._adapter = TimedAdapter(tls_context(ca_file))

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
        with Deadline(total_timeout_s or self._total_timeout_s) as deadline:
            response = self._send(method, path, body or _encode(json), _with(headers, authorization), deadline)
            try:
                content, problem = self._body(response, method, deadline, max_bytes)
            finally:
                response.close()
            return Answer(response.status_code, _media_type(response), _lower(response), content, problem)

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
        with Deadline(total_timeout_s) as deadline:
            response = self._send(method, path, None, _with(headers, authorization), deadline)
            try:
                size = response.headers.get("content-length", "")
                known = int(size) if re.fullmatch(r"[0-9]{1,18}", size) else None
                if response.status_code != 200:
                    body, problem = self._body(response, method, deadline, MAX_ANSWER_BYTES)
                    answer = Answer(response.status_code, _media_type(response), _lower(response), body, problem)
                    secrets = [*self._secrets, *(authorization.spellings() if authorization else ())]
                    raise error_of(answer, f"{method} {self._url.hostname}", secrets)
                if expected_bytes is not None and known not in (None, expected_bytes):
                    raise ProtocolError(f"{self._url.hostname} offers {known} bytes instead of {expected_bytes}")
                if _is_encoded(response):
                    raise ProtocolError(f"{self._url.hostname} sent a content encoding that was not asked for")
                yield self._pieces(response, deadline, expected_bytes)
            finally:
                response.close()

    def close(self) -> None:
        self._adapter.close()

    def _send(
        self,
        method: str,
        path: str,
        body: StreamedBody | bytes | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> requests.Response:
        send = {**self._headers, **headers}
        if body is not None:
            send["Content-Type"] = "application/json" if isinstance(body, bytes) else body.content_type
        data = body if isinstance(body, bytes) else None
        try:
            prepared = requests.Request(method, f"{self._base}/{path.lstrip('/')}", send, data=data).prepare()
            if isinstance(body, StreamedBody):
                # Not by `data`: without a length of its own the library would send it chunked, an empty one too.
                prepared.headers["Content-Length"] = str(body.size_bytes)
                prepared.body = iter(body)  # type: ignore[assignment] # the stub knows less than the adapter sends
            # The adapter alone, without a Session: nothing is merged in from the environment, no redirect is followed.
            response = self._adapter.send(prepared, stream=True, timeout=self._timeouts)
        except _NETWORK_ERRORS as error:
            failure = self._failure(error, method, deadline)
        else:
            if 300 <= response.status_code < 400:
                response.close()
                target = _redirect_host(response.headers.get("location", ""))
                raise RedirectError(
                    f"unexpected redirect ({response.status_code}) from {self._url.hostname} to {target}",
                    hint="redirects are not followed; set the URL of the service itself",
                )
            return response
        raise failure  # outside of the handler, so that the error that holds the request is not its context

    def _body(
        self, response: requests.Response, method: str, deadline: Deadline, max_bytes: int
    ) -> tuple[bytes, TransportError | None]:
        host = self._url.hostname
        if _is_encoded(response):
            return b"", ProtocolError(f"{host} compressed its answer although it was asked not to")
        body = bytearray()
        try:
            # A short body is noticed only by the read after its last byte.
            while len(body) <= max_bytes:
                piece = response.raw.read(max_bytes + 1 - len(body), decode_content=False)
                if not piece:
                    break
                body += piece
        except _NETWORK_ERRORS as error:
            failure = self._failure(error, method, deadline)
            return b"", failure if isinstance(failure, TransportError) else TransportError(failure.message)
        if deadline.expired:
            return b"", self._too_slow(method)
        if len(body) > max_bytes:
            return b"", ProtocolError(f"the answer of {host} is larger than {max_bytes} bytes")
        return bytes(body), None

    def _pieces(self, response: requests.Response, deadline: Deadline, expected_bytes: int | None) -> Iterator[bytes]:
        seen = 0
        while True:
            failure: PublisherError | None = None
            piece = b""
            try:
                piece = response.raw.read(PIECE_BYTES, decode_content=False)
            except _NETWORK_ERRORS as error:
                failure = self._failure(error, "GET", deadline)
            if failure is None and deadline.expired:
                failure = self._too_slow("GET")
            seen += len(piece)
            if failure is None and expected_bytes is not None:
                if seen > expected_bytes:
                    failure = ProtocolError(f"{self._url.hostname} sent more than the expected {expected_bytes} bytes")
                elif not piece and seen < expected_bytes:
                    failure = TransportError(f"{self._url.hostname} sent {seen} of {expected_bytes} bytes")
            if failure is not None:
                raise failure
            if not piece:
                return
            yield piece

    def _failure(self, error: Exception, method: str, deadline: Deadline) -> PublisherError:
        host = self._url.hostname
        certificate = _within(error, ssl.SSLCertVerificationError)
        if isinstance(certificate, ssl.SSLCertVerificationError):
            why = sanitise(certificate.verify_message)
            return RejectedError(
                f"the certificate of {host} is not trusted: {why}",
                hint="certificates are always checked; a private authority is named by the CA file setting",
            )
        if not deadline.connected:
            if _within(error, ssl.SSLError) and not deadline.expired:
                return NothingSentError(
                    f"no TLS connection with {host} could be agreed on (TLS 1.2 or newer is needed)"
                )
            return NothingSentError(f"no connection to {host}", hint="is the service up, and its URL right?")
        if deadline.expired:
            return self._too_slow(method)
        if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
            return TransportError(f"{method} {host}: no answer within {self._timeouts[1]:g} s")
        return TransportError(f"{method} {host}: the connection broke before the whole answer came")

    def _too_slow(self, method: str) -> TransportError:
        return TransportError(f"{method} {self._url.hostname}: no whole answer within the time limit")


def _with(headers: Mapping[str, str] | None, authorization: Authorization | None) -> dict[str, str]:
    if authorization is None:
        return dict(headers or {})
    return {**(headers or {}), "Authorization": header_value("Authorization", authorization.header)}


def _encode(document: object) -> bytes | None:
    return None if document is None else json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _media_type(response: requests.Response) -> str:
    return response.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def _lower(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _is_encoded(response: requests.Response) -> bool:
    return response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


def _redirect_host(location: str) -> str:
    try:
        host = urlsplit(location).hostname
    except ValueError:
        return "an unreadable address"
    return sanitise(host, limit=80) if host else "another path of the same host"


def _within(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """Find an error of `kind` among what vendors wrapped: their arguments, reasons and causes."""
    todo: list[object] = [error]
    for _ in range(20):
        if not todo:
            break
        item = todo.pop(0)
        if isinstance(item, kind):
            return item
        if isinstance(item, BaseException):
            todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return None
