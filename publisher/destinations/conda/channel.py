"""A channel as a web server serves it: what every conda client reads. No credentials are sent.

Caches on the way are asked for the newest index. What cannot be read is an error, never "not there".
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from urllib.parse import quote

from publisher.destinations.conda.index import read_index
from publisher.destinations.conda.ports import Listing
from publisher.errors import NotFoundError, ProtocolError, SettingsError
from publisher.http import HttpClient
from publisher.model import CondaIdentity

MAX_INDEX_BYTES = 2 << 30
"""The largest public channels have indexes of some hundred megabytes."""
INDEX_TIMEOUT_S = 600.0

_FRESH = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
_COMMON = ("noarch", "linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")


class HttpChannel:
    """One channel below the client's base URL; tries nothing twice."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._indexed: set[str] = set()

    @property
    def location(self) -> str:
        return self._client.location

    def listing(self, subdir: str, filenames: Collection[str]) -> Listing:
        """Read the index of one subdir.

        404 is an empty subdir only if an index of another subdir is there, and if this one was not seen before:
        a wrong address answers 404 to everything, and an index that is being replaced may be away for a moment.
        """
        try:
            return self._read(subdir, filenames)
        except NotFoundError:
            pass
        if subdir in self._indexed:
            raise ProtocolError(f"{subdir}/repodata.json was there and is gone", hint="run the same command again")
        if not self._indexed and not self._is_there():
            raise ProtocolError(
                f"no index of a channel is below {self.location}",
                hint="is CONDA_CHANNEL_URL right? a new channel needs a noarch/repodata.json, which conda wants, too",
            )
        return Listing()

    def url(self, identity: CondaIdentity) -> str:
        return f"{self.location}/{_path(identity.subdir, identity.filename)}"

    def download(self, identity: CondaIdentity) -> AbstractContextManager[Iterator[bytes]]:
        return self._client.stream("GET", _path(identity.subdir, identity.filename), headers=_FRESH)

    def _is_there(self) -> bool:
        for subdir in _COMMON:
            with contextlib.suppress(NotFoundError):
                self._read(subdir, ())
                return True
        return False

    def _read(self, subdir: str, filenames: Collection[str]) -> Listing:
        path = _path(subdir, "repodata.json")
        with self._client.stream("GET", path, headers=_FRESH, total_timeout_s=INDEX_TIMEOUT_S) as pieces:
            found = read_index(_bounded(pieces, subdir), subdir, filenames)
        self._indexed.add(subdir)
        return found


class UnknownChannel:
    """Stands for a channel whose address nobody gave. What it has is unknown, and so nothing is published blindly."""

    def __init__(self, env_prefix: str) -> None:
        self._setting = f"{env_prefix}CONDA_CHANNEL_URL"

    @property
    def location(self) -> str:
        return "a channel of unknown address"

    def listing(self, subdir: str, filenames: Collection[str]) -> Listing:
        raise self._error()

    def url(self, identity: CondaIdentity) -> str:
        raise self._error()

    def download(self, identity: CondaIdentity) -> AbstractContextManager[Iterator[bytes]]:
        raise self._error()

    def _error(self) -> SettingsError:
        return SettingsError(
            f"{self._setting} is not set: what the channel has is unknown",
            hint="set it to the address from which conda reads the channel; only that can tell what is published",
        )


def _bounded(pieces: Iterator[bytes], subdir: str) -> Iterator[bytes]:
    left = MAX_INDEX_BYTES
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise ProtocolError(f"{subdir}/repodata.json is larger than {MAX_INDEX_BYTES >> 30} GiB")
        yield piece


def _path(subdir: str, filename: str) -> str:
    return f"{quote(subdir, safe='')}/{quote(filename, safe='')}"
