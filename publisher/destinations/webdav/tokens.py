"""The client of a token service: makes a token that may write below some folders, and revokes it.

The service's wire format is a setting (`TokenOptions`); the defaults are in DESIGN.md, "WebDAV". The CI master's
credentials go to the service's own host and nowhere else: no redirect is followed, and a revocation address elsewhere
is refused. An answer of another shape is refused as a whole, and never quoted: it may hold a token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from publisher.errors import (
    CredentialsError,
    ProtocolError,
    PublisherError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.http import Answer, Authorization, HttpClient, Masked, basic, bearer, error_of

FIELD_NAMES = ("scope", "ttl", "user", "password", "token", "expires_in", "revoke")
"""The names in the service's JSON, in the order of a request (the first two) and of its answer."""

REVOKE_S = 8.0
"""How long one attempt to revoke may take, in seconds: several fit into the time that a run has for its end."""


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """How to speak to the service. `fields` maps names of `FIELD_NAMES` to what this service calls them."""

    url: str
    user: str
    password: Masked
    ttl_s: int = 3600
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    revoke_method: str = "DELETE"
    ca_file: Path | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may write below the folders `scope`, for `lifetime_s` seconds if the service told."""

    authorization: Authorization
    scope: tuple[str, ...]
    revoke_path: str = field(repr=False)
    lifetime_s: float | None = None


class TokenService:
    """Speaks to one service; any number of threads may use it."""

    def __init__(self, options: TokenOptions) -> None:
        self._options = options
        setting = f"{options.prefix}WEBDAV_TOKEN_URL"
        parts = urlsplit(options.url)
        self._path = parts.path or "/"
        self._origin = (parts.scheme, parts.netloc)
        self._master = basic(options.user, options.password.reveal())
        self._http = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            setting=setting,
            ca_file=options.ca_file,
            connect_timeout_s=5.0,
            read_timeout_s=15.0,
            total_timeout_s=20.0,
        )

    @property
    def location(self) -> str:
        return f"{self._http.location}{self._path}"

    @property
    def asked_ttl_s(self) -> float:
        """How long a token was asked to live, in seconds."""
        return float(self._options.ttl_s)

    def make(self, scope: Sequence[str]) -> Token:
        """Ask for a token for these folders: absolute URL paths, decoded, with a slash at the end.

        Raises `CredentialsError`, `RejectedError` (another build has these folders, or the request is refused),
        `TransportError` (busy: nothing was made) or `ProtocolError` (no answer, or one of another shape: a token
        may have been made that nobody knows; it ends by itself).
        """
        wanted = {self._name("scope"): list(scope), self._name("ttl"): self._options.ttl_s}
        answer = self._ask("POST", self._path, wanted)
        match answer.status:
            case 200 | 201:
                return self._token(answer, tuple(scope))
            case 401 | 403:
                raise self._refused(answer)
            case 409 | 423:
                raise RejectedError(
                    f"the token service gives no token for {', '.join(scope)}: another build has one ({answer.status})",
                    hint="wait until it has ended, then run again",
                    status=answer.status,
                )
        error = error_of(answer, f"the token service gave no token for {', '.join(scope)}", self._master.spellings())
        if answer.status >= 500 and answer.status != 503:
            # It may have made one before it failed: asking again would leave that one behind.
            error = ProtocolError(error.message, hint=self._ends_by_itself)
        raise error

    def revoke(self, token: Token) -> None:
        """End a token. One that the service does not know any more has ended.

        Raises `CredentialsError`, `RejectedError`, `ProtocolError` or, where asking again may help, `TransportError`.
        """
        answer = self._http.request(
            self._options.revoke_method, token.revoke_path, authorization=self._master, total_timeout_s=REVOKE_S
        )
        match answer.status:
            case 200 | 202 | 204 | 404 | 410:
                return
            case 401 | 403:
                raise self._refused(answer)
        raise error_of(
            answer, "the token was not revoked", [*self._master.spellings(), *token.authorization.spellings()]
        )

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, document: object) -> Answer:
        try:
            return self._http.request(method, path, json=document, authorization=self._master)
        except ProtocolError:
            raise
        except TransportError as error:
            if type(error) is not TransportError:  # nothing was sent
                raise
            failure = ProtocolError(f"the token service did not answer: {error.message}", hint=self._ends_by_itself)
        raise failure

    @property
    def _ends_by_itself(self) -> str:
        return f"a token that it may have made ends by itself after {self._options.ttl_s} s; run again"

    def _token(self, answer: Answer, scope: tuple[str, ...]) -> Token:
        """Read the answer; a token that cannot be used is revoked at once, if the answer says how."""
        where: str | None = None
        try:
            where = self._path_on_service(answer.headers.get("location"))
            document = answer.json()
            if not isinstance(document, dict):
                raise self._shapeless("it is not an object")
            where = self._path_on_service(document.get(self._name("revoke"))) or where
            if where is None:
                raise self._shapeless(f"neither `{self._name('revoke')}` nor a Location header says where to revoke it")
            authorization = self._authorization(document)
            _require_no_secret(where, authorization)
            return Token(authorization, scope, where, self._lifetime_s(document))
        except PublisherError:
            if where is not None:
                self._end_quietly(where)
            raise

    def _authorization(self, document: Mapping[str, object]) -> Authorization:
        user, password, token = (document.get(self._name(name)) for name in ("user", "password", "token"))
        try:
            if isinstance(user, str) and isinstance(password, str) and token is None:
                return basic(user, password)
            if isinstance(token, str) and user is None and password is None:
                return bearer(token)
        except SettingsError as error:
            problem = error.message
        else:
            problem = (
                f"it has neither `{self._name('user')}` and `{self._name('password')}` nor `{self._name('token')}`"
            )
        raise self._shapeless(problem)

    def _lifetime_s(self, document: Mapping[str, object]) -> float | None:
        value = document.get(self._name("expires_in"))
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            return float(value)
        raise self._shapeless(f"`{self._name('expires_in')}` is not a number of seconds")

    def _path_on_service(self, address: object) -> str | None:
        """Return the path of a revocation address, which is an absolute path or a URL of the service's own host."""
        if address is None:
            return None
        problem = "the address to revoke the token at is no absolute path and no address on the service's own host"
        if not isinstance(address, str) or not _is_plain(address):
            raise self._shapeless(problem)
        try:
            parts = urlsplit(address)
        except ValueError:
            raise self._shapeless(problem) from None
        if (parts.scheme, parts.netloc) not in {("", ""), self._origin} or not parts.path.startswith("/"):
            raise self._shapeless(problem)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _end_quietly(self, where: str) -> None:
        try:
            self._http.request(self._options.revoke_method, where, authorization=self._master, total_timeout_s=REVOKE_S)
        except PublisherError:
            return  # what is wrong with the answer is the error to tell

    def _shapeless(self, problem: str) -> ProtocolError:
        return ProtocolError(
            f"the token service's answer cannot be used: {problem}",
            hint=f"see {self._options.prefix}WEBDAV_TOKEN_FIELDS; a token that was made ends by itself",
        )

    def _refused(self, answer: Answer) -> CredentialsError:
        prefix = self._options.prefix
        return CredentialsError(
            f"the token service refused the CI master's credentials ({answer.status})",
            hint=f"check {prefix}WEBDAV_TOKEN_USER and {prefix}WEBDAV_TOKEN_PASSWORD",
        )

    def _name(self, ours: str) -> str:
        return self._options.fields.get(ours, ours)


def _is_plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and " " not in address and "\\" not in address


def _require_no_secret(where: str, authorization: Authorization) -> None:
    """Refuse a revocation address that holds the token itself: addresses are logged by everybody on the way."""
    if any(secret in unquote(where) or secret in where for secret in authorization.spellings()):
        raise ProtocolError(
            "the token service's answer cannot be used: the address to revoke the token at holds the token itself",
            hint="let the service use a handle that is no secret; the token ends by itself",
        )
