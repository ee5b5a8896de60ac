"""A repository behind a WebDAV server (RFC 4918), as far as nginx's DAV module goes: PUT, MKCOL, MOVE, DELETE.

It never asks a server to overwrite, deletes single files only, and neither locks nor lists: nginx can do neither.
Conditional headers are not used either, since nginx ignores them on PUT.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publisher.destinations.webdav.access import Access
from publisher.destinations.webdav.answers import refusal, unreadable
from publisher.destinations.webdav.paths import encoded, folder_of
from publisher.destinations.webdav.ports import Found, MoveAnswer
from publisher.errors import CredentialsError, NotFoundError, ProtocolError
from publisher.http import Answer, Authorization, HttpClient, RedirectError, StreamedBody

_BYTES_PER_SECOND = 64 * 1024
"""The slowest transfer that is waited for."""


class DavRepository:
    """Speaks to one server below `url`; any number of threads may use it."""

    def __init__(self, url: str, access: Access, *, setting: str = "WEBDAV_URL", ca_file: Path | None = None) -> None:
        self._http = HttpClient(url, setting=setting, ca_file=ca_file)
        self._access = access
        self._base_path = urlsplit(self._http.location).path.rstrip("/")
        self._made: set[str] = set()
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return self._http.location

    def url(self, path: str) -> str:
        return f"{self._http.location}/{encoded(path)}"

    def look(self, path: str) -> Found | None:
        authorization = self._access.for_reading()
        what = f"HEAD {path}"
        try:
            answer = self._http.request("HEAD", encoded(path), authorization=authorization)
        except RedirectError as error:
            raise _a_folder_perhaps(error) from None
        match answer.status:
            case 200:
                return Found(_size_of(answer))
            case 404 | 410:
                return None
        raise unreadable(answer, what, _spellings(authorization), is_public=authorization is None)

    @contextlib.contextmanager
    def read(self, path: str, *, size_bytes: int) -> Iterator[Iterator[bytes]]:
        authorization = self._access.for_reading()
        try:
            with self._http.stream(
                "GET", encoded(path), authorization=authorization, total_timeout_s=_limit_s(size_bytes)
            ) as pieces:
                yield pieces
        except NotFoundError:
            raise NotFoundError(f"{path} is not at {self.location}") from None

    def enter(self, folder: str) -> None:
        self._access.for_writing(folder)

    def make_folder(self, path: str) -> None:
        """Make the folder before anything large is sent; that also shows early whether the credentials are good.

        What is not permitted is left to the upload: nginx makes folders by itself, and a token may cover only the
        last one.
        """
        with self._lock:
            if path not in self._made:
                self._ensure(path, path)
                self._made.add(path)

    def upload(self, path: str, body: Callable[[], StreamedBody]) -> None:
        size_bytes = body().size_bytes
        answer, secrets = self._write("PUT", path, body=body, total_timeout_s=_limit_s(size_bytes))
        if answer.status not in {200, 201, 204}:
            raise refusal(answer, f"PUT {path}", secrets)

    def move(self, source: str, target: str) -> MoveAnswer:
        # A path alone: behind a proxy the server may know itself by another name than we do.
        destination = f"{self._base_path}/{encoded(target)}"
        answer, secrets = self._write("MOVE", source, headers={"Destination": destination, "Overwrite": "F"})
        match answer.status:
            case 201 | 204:
                return MoveAnswer.MOVED
            case 412:
                return MoveAnswer.OCCUPIED
        raise refusal(answer, f"MOVE {source} to {target}", secrets)

    def discard(self, path: str) -> bool:
        authorization = self._access.at_hand(folder_of(path))
        if authorization is None:
            raise CredentialsError(f"DELETE {path}: there is no token any more")
        answer = self._http.request("DELETE", encoded(path), authorization=authorization, total_timeout_s=15.0)
        match answer.status:
            case 200 | 204:
                return True
            case 404 | 410:
                return False
        raise refusal(answer, f"DELETE {path}", authorization.spellings())

    def try_upload(self, path: str, authorization: Authorization | None) -> int:
        """Upload an empty file with these credentials, or none, and return the status: for `publish doctor` only."""
        return self._http.request("PUT", encoded(path), body=StreamedBody(0, []), authorization=authorization).status

    def close(self) -> None:
        self._http.close()

    def _ensure(self, folder: str, wanted: str) -> None:
        """Make `folder`, and what it lies in if that is missing; `wanted` is what the credentials are for."""
        answer, secrets = self._write("MKCOL", f"{folder}/", folder=wanted)
        if answer.status == 401 or (answer.status >= 500 and answer.status != 501):
            raise refusal(answer, f"MKCOL {folder}/", secrets)
        outer = folder_of(folder)
        if answer.status in {404, 409} and outer:
            self._ensure(outer, wanted)
            self._write("MKCOL", f"{folder}/", folder=wanted)

    def _write(
        self,
        method: str,
        path: str,
        *,
        folder: str | None = None,
        body: Callable[[], StreamedBody] | None = None,
        headers: Mapping[str, str] | None = None,
        total_timeout_s: float | None = None,
    ) -> tuple[Answer, list[str]]:
        """Send a request with what lets us write to its folder; again after a 401 if there is something else to try.

        A 401 says that nothing was done: it is answered before a body is taken.
        """
        folder = folder_of(path) if folder is None else folder

        def send(authorization: Authorization) -> Answer:
            return self._http.request(
                method,
                encoded(path),
                body=body() if body else None,
                headers=headers,
                authorization=authorization,
                total_timeout_s=total_timeout_s,
            )

        authorization = self._access.for_writing(folder)
        answer = send(authorization)
        if answer.status == 401:
            other = self._access.instead_of(authorization, folder)
            if other is not None:
                authorization, answer = other, send(other)
        if answer.status != 401:
            self._access.worked(authorization)
        return answer, authorization.spellings()


def base_path_of(url: str) -> str:
    """Return the path of a repository's address as a token service sees it: decoded, with a slash at the end."""
    return unquote(urlsplit(url).path).rstrip("/") + "/"


def _size_of(answer: Answer) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _limit_s(size_bytes: int) -> float:
    return 120.0 + size_bytes / _BYTES_PER_SECOND


def _spellings(authorization: Authorization | None) -> list[str]:
    return authorization.spellings() if authorization else []


def _a_folder_perhaps(error: RedirectError) -> ProtocolError:
    return RedirectError(error.message, hint="is there a folder of this name? Or is WEBDAV_URL not the service itself?")
