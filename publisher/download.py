"""Download what a registered `cdn_url` names: http(s), or a file URL of a rehearsal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.device import Download
from publisher.errors import NotFoundError, ProtocolError

_PIECE_BYTES = 1 << 20


def downloader(ca_file: Path | None, *, files_below: Path | None, cancellation: Cancellation) -> Download:
    """Return a function that opens a URL for reading in pieces of at most 1 MiB. No credentials are sent.

    Reading raises `Cancelled` once a stop was requested.

    File URLs are refused unless they lie below `files_below`: a registry must not make us read local files.
    """

    @contextlib.contextmanager
    def download(url: str) -> Iterator[Iterator[bytes]]:
        with opened(url) as pieces:
            yield _while_wanted(pieces, cancellation)

    def opened(url: str) -> AbstractContextManager[Iterator[bytes]]:
        parts = urlsplit(url)
        if parts.scheme == "file" and files_below is not None:
            return _file(Path(unquote(parts.path)).resolve(), files_below.resolve())
        return _http(url, ca_file)

    return download


def _while_wanted(pieces: Iterator[bytes], cancellation: Cancellation) -> Iterator[bytes]:
    for piece in pieces:
        cancellation.check()
        yield piece


@contextlib.contextmanager
def _file(path: Path, folder: Path) -> Iterator[Iterator[bytes]]:
    if not path.is_relative_to(folder):
        raise ProtocolError("the registered cdn_url leads out of the local objects", hint="look at resources.db")
    try:
        opened = path.open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"{path} is not there", hint="the registered object is gone") from None
    with opened:
        yield iter(lambda: opened.read(_PIECE_BYTES), b"")


@contextlib.contextmanager
def _http(url: str, ca_file: Path | None) -> Iterator[Iterator[bytes]]:
    from publisher.http import HttpClient

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ProtocolError("the registered cdn_url is not an http(s) URL", hint="look at the row in the registry")
    client = HttpClient(
        f"{parts.scheme}://{parts.netloc}", setting="the registered cdn_url", ca_file=ca_file, is_public=True
    )
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with contextlib.closing(client), client.stream("GET", path) as pieces:
        yield pieces
