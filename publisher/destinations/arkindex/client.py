"""An Arkindex server over HTTP. One request a call; it never repeats one by itself.

The OpenAPI document is fetched without a token, or read from a local file. Operations go to the host of the configured
address and nowhere else, whatever a document says.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from publisher.destinations.arkindex.api import OPERATIONS, Reply
from publisher.destinations.arkindex.openapi import Operation, Operations, read_operations
from publisher.errors import CredentialsError, InputError, ProtocolError, SettingsError, TransportError
from publisher.http import Answer, Authorization, HttpClient, error_of
from publisher.regular_file import read_regular
from publisher.secrecy import Masked

SCHEMA_PATH = "api/v1/openapi/?format=json"
SCHEMA_LIMIT_BYTES = 16 << 20
_CSRF_COOKIE = re.compile(r"(?:^|[,;]\s*)arkindex\.csrf=([A-Za-z0-9]{1,128})(?=[,;\s]|$)")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class ArkindexOptions:
    """`url` is the server's address; of its path nothing is used, as the operations' paths are absolute.

    `schema` is an address of the same host or the path of a local file, or None for the server's own document.
    `scheme` is the word before the token: `Token` for people, `Ponos` for tasks of Arkindex. Times are in seconds.
    `prefix` is put before the names of settings in messages.
    """

    url: str
    token: Masked
    scheme: str = "Token"
    schema: str | None = None
    ca_file: Path | None = None
    prefix: str = ""
    connect_timeout_s: float = 30.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 120.0

    def setting(self, name: str) -> str:
        return f"{self.prefix}{name}"


class ArkindexClient:
    """Safe to share between threads."""

    def __init__(self, options: ArkindexOptions) -> None:
        self._options = options
        parts = urlsplit(options.url)
        self._client = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            setting=options.setting("ARKINDEX_API_URL"),
            headers={"Accept": "application/json", "Referer": options.url},
            ca_file=options.ca_file,
            connect_timeout_s=options.connect_timeout_s,
            read_timeout_s=options.read_timeout_s,
            total_timeout_s=options.total_timeout_s,
        )
        self._authorization = _authorization(options)
        self._schema = _schema_place(options, self._client.location)
        self._operations: Operations | None = None
        self._csrf: str | None = None
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return self._client.location

    def operations(self) -> Operations:
        with self._lock:
            if self._operations is None:
                self._operations = read_operations(self._document(), OPERATIONS)
            return self._operations

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        target = operation.filled(path or {}) + (f"?{urlencode(query)}" if query else "")
        answer = self._client.request(
            operation.method,
            target,
            json=body,
            headers=self._csrf_headers(operation.method),
            authorization=self._authorization,
        )
        if found := _CSRF_COOKIE.search(answer.headers.get("set-cookie", "")):
            self._csrf = found[1]
        return self._reply(answer, operation.name)

    def close(self) -> None:
        self._client.close()

    def _csrf_headers(self, method: str) -> dict[str, str]:
        """Return what a server that set its cookie wants to see with a request that changes something."""
        if self._csrf is None or method in _SAFE_METHODS:
            return {}
        return {"X-CSRFToken": self._csrf, "Cookie": f"arkindex.csrf={self._csrf}"}

    def _reply(self, answer: Answer, name: str) -> Reply:
        secrets = self._authorization.spellings()
        if answer.status in (401, 403):
            raise CredentialsError(
                f"the server refused the token ({name}): {answer.quote(*secrets)}",
                hint=f"is {self._options.setting('ARKINDEX_API_TOKEN')} right, and not expired? "
                "Its user needs the right to create worker versions",
            )
        if answer.status >= 500:
            raise error_of(answer, f"the server failed ({name})", secrets)
        document: object = None
        if 200 <= answer.status < 300 or answer.content_type == "application/json":
            try:
                document = answer.json() if answer.body.strip() or answer.problem else None
            except ProtocolError as error:
                if answer.status < 300:
                    raise ProtocolError(
                        f"unexpected answer to {name}: {error.message}",
                        hint="is this an Arkindex server, and nothing but it in between?",
                    ) from None
            except TransportError:
                if answer.status < 300:
                    raise
        return Reply(answer.status, document, answer.quote(*secrets), answer.retry_after_s())

    def _document(self) -> object:
        if isinstance(self._schema, Path):
            return _read_file(self._schema, self._options.setting("ARKINDEX_API_SCHEMA_URL"))
        answer = self._client.request("GET", self._schema, max_bytes=SCHEMA_LIMIT_BYTES)
        what = "cannot read what the server offers"
        if answer.status != 200:
            raise error_of(answer, what, self._authorization.spellings())
        try:
            return answer.json()
        except ProtocolError as error:
            message = error.message
        raise ProtocolError(
            f"{what}: {message}",
            hint=f"is {self._options.setting('ARKINDEX_API_URL')} the address of an Arkindex server?",
        )


def _authorization(options: ArkindexOptions) -> Authorization:
    token = options.token.reveal()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise SettingsError(
            f"{options.setting('ARKINDEX_API_TOKEN')} is empty or has characters that a token cannot have",
            hint="look for a line break at the end of the secret",
        )
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", options.scheme):
        raise SettingsError(f"{options.setting('ARKINDEX_API_AUTH_SCHEME')} is no word such as Token")
    return Authorization(Masked(f"{options.scheme} {token}"), (options.token,))


def _schema_place(options: ArkindexOptions, origin: str) -> str | Path:
    """Return the path to ask for at the server, or a local file. Raises `SettingsError` for another host."""
    if options.schema is None:
        return SCHEMA_PATH
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", options.schema):
        return Path(options.schema)
    parts = urlsplit(options.schema)
    if parts.scheme == "file" and not parts.netloc:
        return Path(parts.path)
    if f"{parts.scheme}://{parts.netloc}" != origin:
        raise SettingsError(
            f"{options.setting('ARKINDEX_API_SCHEMA_URL')} is neither a file nor at the server itself",
            hint="the document says where the token goes: it comes from the same host, or from a file you looked at",
        )
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _read_file(path: Path, setting: str) -> object:
    try:
        data = read_regular(path, SCHEMA_LIMIT_BYTES + 1, shown=f"what {setting} names")
        if len(data) <= SCHEMA_LIMIT_BYTES:
            document: object = json.loads(data.decode())
            return document
    except (InputError, OSError, ValueError, RecursionError):
        pass
    raise SettingsError(f"the file that {setting} names is not an OpenAPI document in JSON")
