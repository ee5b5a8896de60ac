"""Both generations of the conda upload handler as real servers, written from their contract on the same framework.

What they answer in which case is the contract's table, hazards included: the first generation overwrites in silence and
stores whatever it is sent, the second answers 401 to a wrong token and to a file that is there. The index is written
inside the request, by py-rattler. Faults are switched on by name and hold for the next requests.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from tests.support.conda_packages import index_channel

SALT = "42679ad04d44c96ed27470c02bfb28c3"
"""The salt is fixed in the code of both generations."""

Fault = Literal["index-fails", "fails", "html", "redirect", "ok-without-storing", "busy", "gateway", "other-content"]


def token_hash(token: str) -> str:
    """Return what the server is started with."""
    return hashlib.sha256(f"{SALT}{token}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Received:
    """One form as it came in. `headers` have lower-case names."""

    fields: Mapping[str, str]
    filenames: tuple[str, ...]
    body: bytes
    path: str
    headers: Mapping[str, str]


class UploadHandler:
    """One handler; a context manager. `write_dir` is its option `-d`; `channel` is the folder that is indexed."""

    def __init__(
        self,
        generation: Literal[1, 2],
        write_dir: Path,
        *,
        token: str,
        channel: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        write_dir.mkdir(parents=True, exist_ok=True)
        self.generation = generation
        self.write_dir = write_dir
        self.channel = channel or write_dir
        self.expected = token_hash(token)
        self.received: list[Received] = []
        self.expires_after: int | None = None
        """After this many uploads that were stored the token is refused."""
        self.stored = 0
        self._faults: list[Fault] = []
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._indexer = ThreadPoolExecutor(1)
        self._sockets = bind_sockets(0, "127.0.0.1")
        self.port = int(self._sockets[0].getsockname()[1])
        self._server: HTTPServer | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def uploads(self) -> list[str]:
        """The file names of the uploads that arrived, in order."""
        return [name for received in self.received for name in received.filenames]

    def fail(self, *faults: Fault) -> None:
        """Misbehave so for the next requests, one after the other."""
        self._faults += faults

    def next_fault(self) -> Fault | None:
        return self._faults.pop(0) if self._faults else None

    def is_token(self, token: str) -> bool:
        if self.expires_after is not None and self.stored >= self.expires_after:
            return False
        return hmac.compare_digest(self.expected, token_hash(token))

    def index(self) -> None:
        """Index the channel, blocking the server as the real one does."""
        self._indexer.submit(index_channel, self.channel).result()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._indexer.shutdown()

    async def _start(self) -> None:
        handler = _First if self.generation == 1 else _Second
        application = Application([("/", handler, {"server": self})], log_function=_quiet)
        self._server = HTTPServer(application, ssl_options=self._tls)
        self._server.add_sockets(self._sockets)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()


def _quiet(_handler: RequestHandler) -> None:
    """Log nothing."""


class _Handler(RequestHandler):
    def initialize(self, server: UploadHandler) -> None:
        self.server = server

    def post(self) -> None:
        uploads = [upload for several in self.request.files.values() for upload in several]
        self.server.received.append(
            Received(
                {name: values[-1].decode() for name, values in self.request.body_arguments.items()},
                tuple(upload["filename"] for upload in uploads),
                uploads[0]["body"] if uploads else b"",
                self.request.uri or "",
                {name.lower(): value for name, value in self.request.headers.get_all()},
            )
        )
        fault = self.server.next_fault()
        match fault:
            case "fails":
                raise HTTPError(500)
            case "busy":
                self.set_header("Retry-After", "0")
                raise HTTPError(503)
            case "gateway":
                raise HTTPError(502)
            case "html":
                self.set_header("Content-Type", "text/html")
                self.write("<html><title>Sign in</title></html>")
                return
            case "redirect":
                self.redirect("https://login.example.com/", status=307)
                return
            case "ok-without-storing":
                return
        self.take(fault)
        self.server.stored += 1

    def take(self, fault: Fault | None) -> None:
        raise NotImplementedError

    def store(self, target: Path, body: bytes, fault: Fault | None) -> None:
        target.write_bytes(b"of another run" if fault == "other-content" else body)
        if fault == "index-fails":
            raise HTTPError(500)
        self.server.index()

    def one_artifact(self) -> Any:
        (artifact,) = self.request.files["artifact"]
        return artifact

    def log_exception(self, *_: object) -> None:
        """Say nothing: tests look at answers."""


class _First(_Handler):
    """Stores anything under any name, and overwrites in silence."""

    def take(self, fault: Fault | None) -> None:
        token = self.get_body_argument("token")
        arch = self.get_body_argument("arch", "none")
        artifact = self.one_artifact()
        if not self.server.is_token(token):
            self.send_error(401)
            raise _Done
        folder = self.server.write_dir / ("" if arch == "none" else arch)
        self.store(folder / artifact["filename"], artifact["body"], fault)


class _Second(_Handler):
    """Sorts packages by their own subdir, takes `.tar.bz2` only, and never overwrites: 401, as for a bad token."""

    def take(self, fault: Fault | None) -> None:
        token = self.get_body_argument("token", None)
        artifact = self.one_artifact()
        subdir = _subdir_of(artifact["body"])
        if token is None or not self.server.is_token(token):
            self._deny()
        target = self.server.write_dir / subdir / artifact["filename"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            self._deny()
        self.store(target, artifact["body"], fault)

    def _deny(self) -> None:
        self.set_status(401)
        self.finish()
        raise _Done


class _Done(Exception):  # noqa: N818 - the answer is written, nothing is wrong
    """Ends a request whose answer is written."""


def _subdir_of(body: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:bz2") as tar:
        member = tar.extractfile("info/index.json")
        index = json.loads(member.read()) if member else {}
    return str(index["subdir"])
