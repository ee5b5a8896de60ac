"""A small real token service: makes ephemeral tokens for the CI master, and answers nginx's `auth_request`.

Its wire format is the default one of DESIGN.md, "WebDAV". It can be told to misbehave, to let a token expire without
anybody waiting, and to be an arbiter that gives a folder to one build at a time.
"""

from __future__ import annotations

import base64
import json
import posixpath
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

MASTER_USER = "ci-master"
MASTER_PASSWORD = "fake-master-password-for-tests"
TOKENS_PATH = "/tokens"
CHECK_PATH = "/check"


@dataclass
class Token:
    """One token and what became of it. `scope` are folders, decoded, with a slash at the end."""

    id: str
    user: str
    password: str
    scope: tuple[str, ...]
    expires_at: float
    is_revoked: bool = False

    @property
    def is_live(self) -> bool:
        return not self.is_revoked and time.monotonic() < self.expires_at

    def admits(self, path: str) -> bool:
        return any(path.startswith(folder) for folder in self.scope)


@dataclass(frozen=True)
class Reply:
    """An answer to give instead of the right one. `acts`: the request is carried out before."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    acts: bool = False
    hangs_up: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class TokenService:
    """The service. `asked` holds every request but the checks, `checked` what nginx asked about."""

    def __init__(self) -> None:
        self.bearer = False
        """Give out bearer tokens instead of users with passwords."""
        self.exclusive = False
        """Refuse a token for a folder for which another one lives."""
        self.names: dict[str, str] = {}
        """Names in JSON that differ from the default ones."""
        self.ttl_s: float | None = None
        """How long a token lives, whatever was asked for."""
        self.tells_expiry = True
        self.limits_scope = True
        """Check where a token may write, too, and not only whose it is."""
        self.checked_one: Callable[[Request], None] = _nothing
        """Called after each check, before its answer is sent."""
        self.asked: list[Request] = []
        self.checked: list[Request] = []
        self.tokens: list[Token] = []
        self._replies: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return self.origin + TOKENS_PATH

    @property
    def settings(self) -> dict[str, str]:
        return {
            "WEBDAV_TOKEN_URL": self.url,
            "WEBDAV_TOKEN_USER": MASTER_USER,
            "WEBDAV_TOKEN_PASSWORD": MASTER_PASSWORD,
        }

    def start(self) -> TokenService:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, method: str, *replies: Reply) -> None:
        """Give these answers to the next requests with this method (`POST` makes a token, `DELETE` revokes)."""
        with self._lock:
            self._replies.setdefault(method, []).extend(replies)

    def expire(self) -> None:
        """Let every token that was made so far expire now."""
        for token in self.tokens:
            token.expires_at = 0.0

    @property
    def live(self) -> list[Token]:
        return [token for token in self.tokens if token.is_live]

    def secrets(self) -> list[str]:
        """Return every secret of the service, in the forms in which they travel."""
        users = [(MASTER_USER, MASTER_PASSWORD), *((token.user, token.password) for token in self.tokens)]
        pairs = [base64.b64encode(f"{user}:{password}".encode()).decode() for user, password in users]
        return [*pairs, *(password for _, password in users)]

    def take_reply(self, request: Request) -> Reply | None:
        with self._lock:
            planned = self._replies.get(request.method)
            return planned.pop(0) if planned else None

    def answer(self, request: Request) -> tuple[int, object]:
        """Do what a well-behaved service does; returns a status and a JSON document (None: no body)."""
        if request.path == CHECK_PATH:
            status = self._check(request)
            self.checked_one(request)
            return status, None
        if _basic(request) != (MASTER_USER, MASTER_PASSWORD):
            return 401, {"error": "only the CI master gets tokens"}
        if request.method == "POST" and request.path == TOKENS_PATH:
            return self._make(json.loads(request.body))
        if request.method in {"DELETE", "POST"} and request.path.startswith(TOKENS_PATH + "/"):
            return self._revoke(request.path.rsplit("/", 1)[1])
        return 404, {"error": "not found"}

    def _make(self, wanted: Mapping[str, Any]) -> tuple[int, object]:
        scope = tuple(wanted[self._name("scope")])
        ttl_s = float(wanted[self._name("ttl")]) if self.ttl_s is None else self.ttl_s
        if not scope or any(not folder.startswith("/") or not folder.endswith("/") for folder in scope):
            return 422, {"error": "scope is a list of folders"}
        with self._lock:
            taken = [token for token in self.tokens if token.is_live and _overlap(token.scope, scope)]
            if self.exclusive and taken:
                return 409, {"error": "another build has a token for this folder"}
            token = Token(
                id=secrets.token_hex(4),
                user=f"job-{len(self.tokens) + 1}",
                password=secrets.token_urlsafe(24),
                scope=scope,
                expires_at=time.monotonic() + ttl_s,
            )
            self.tokens.append(token)
        answer: dict[str, object] = {self._name("revoke"): f"{TOKENS_PATH}/{token.id}"}
        if self.bearer:
            answer[self._name("token")] = token.password
        else:
            answer |= {self._name("user"): token.user, self._name("password"): token.password}
        if self.tells_expiry:
            answer[self._name("expires_in")] = ttl_s
        return 201, answer

    def _revoke(self, token_id: str) -> tuple[int, object]:
        for token in self.tokens:
            if token.id == token_id and not token.is_revoked:
                token.is_revoked = True
                return 204, None
        return 404, {"error": "no such token"}

    def _check(self, request: Request) -> int:
        """Say whether nginx may carry out a request: anyone may read, tokens write below their folders."""
        method, path = request.headers["x-original-method"], request.headers["x-original-uri"]
        if method in {"GET", "HEAD"}:
            return 204
        token = self._bearer_of(request)
        if token is None or not token.is_live:
            return 401
        places = [path]
        if "x-destination" in request.headers:
            # The header arrives as the client wrote it; nginx decodes it once, and so must the check.
            places.append(_normalised(unquote(urlsplit(request.headers["x-destination"]).path)))
        return 204 if not self.limits_scope or all(token.admits(place) for place in places) else 403

    def _bearer_of(self, request: Request) -> Token | None:
        given = request.headers.get("authorization", "")
        pair = _basic(request)
        for token in self.tokens:
            if given == f"Bearer {token.password}" or pair == (token.user, token.password):
                return token
        return None

    def _name(self, ours: str) -> str:
        return self.names.get(ours, ours)


def _nothing(_request: Request) -> None:
    pass


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return user, password


def _overlap(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return any(one.startswith(other) or other.startswith(one) for one in left for other in right)


def _normalised(path: str) -> str:
    return posixpath.normpath(path) + ("/" if path.endswith("/") else "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], service: TokenService) -> None:
        self.service = service
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients that hang up are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, service = Request(self.command, self.path, headers, body), self.server.service
        is_check = self.path == CHECK_PATH
        (service.checked if is_check else service.asked).append(request)
        planned = None if is_check else service.take_reply(request)
        if planned is not None:
            if planned.acts:
                service.answer(request)
            if planned.hangs_up:
                self.close_connection = True
                return
            self._send(planned.status, planned.body, dict(planned.headers or {}))
            return
        status, document = service.answer(request)
        self._send(status, b"" if document is None else json.dumps(document).encode(), _JSON)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_MOVE = do_MKCOL = handle_any  # noqa: N815 - http.server's names

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="publish"')
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_JSON = {"Content-Type": "application/json"}


@pytest.fixture
def token_service() -> Iterator[TokenService]:
    """A well-behaved token service without tokens; tests change it or tell it what to answer."""
    service = TokenService().start()
    yield service
    service.stop()
