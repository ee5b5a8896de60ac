"""A channel in a folder of this machine: the stand-in for a handler and the web server behind it.

It keeps the index itself, so that `conda install --channel file:///...` works on it. A file is never replaced. Several
processes may write to one folder: the index is changed under a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from publisher.atomic_file import write_atomically, written_whole
from publisher.destinations.conda.index import read_index
from publisher.destinations.conda.ports import Answered, Listing, Received
from publisher.destinations.port import Finding
from publisher.errors import CredentialsError, LocalResourceError, NotFoundError, ProtocolError
from publisher.model import CondaIdentity
from publisher.sources.conda_package import read_package

_PIECE_BYTES = 1 << 20
_INDEX = "repodata.json"


class FolderChannel:
    """A channel below `folder`, both sides of it. Nothing is made before the first upload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def location(self) -> str:
        return f"file://{quote(str(self._folder.resolve()))}"

    @property
    def only_subdir(self) -> str | None:
        return None

    def listing(self, subdir: str, filenames: Collection[str]) -> Listing:
        path = self._folder / subdir / _INDEX
        try:
            with path.open("rb") as file:
                return read_index(iter(lambda: file.read(_PIECE_BYTES), b""), subdir, filenames)
        except FileNotFoundError:
            return Listing()
        except OSError as error:
            raise _unreadable(path, error) from error

    def url(self, identity: CondaIdentity) -> str:
        return f"{self.location}/{quote(identity.subdir)}/{quote(identity.filename)}"

    @contextlib.contextmanager
    def download(self, identity: CondaIdentity) -> Iterator[Iterator[bytes]]:
        path = self._path(identity)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"{path} is not there") from None
        except OSError as error:
            raise _unreadable(path, error) from error
        with file:
            yield iter(lambda: file.read(_PIECE_BYTES), b"")

    def upload(self, identity: CondaIdentity, size_bytes: int, pieces: Iterable[bytes]) -> Answered:
        path = self._path(identity)
        try:
            with self._locked():
                if not path.exists():
                    self._store(path, size_bytes, pieces)
                elif identity.filename in self.listing(identity.subdir, {identity.filename}).entries:
                    return Answered(Received.DENIED, CredentialsError(f"{path} is there already"))
                self._index(identity)
        except LocalResourceError as error:
            return Answered(Received.FAILED, error)
        return Answered(Received.ACCEPTED)

    def _store(self, path: Path, size_bytes: int, pieces: Iterable[bytes]) -> None:
        with written_whole(path) as file:
            sent_bytes = sum(file.write(piece) for piece in pieces)
            if sent_bytes != size_bytes:
                raise RuntimeError("an upload is not as long as announced")

    def look(self) -> Sequence[Finding]:
        return [Finding("upload handler", "a folder stands in for it", "ok")]

    def _path(self, identity: CondaIdentity) -> Path:
        return self._folder / identity.subdir / identity.filename

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / ".lock").open("w")
        except OSError as error:
            raise LocalResourceError(f"cannot write below {self._folder}: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _index(self, identity: CondaIdentity) -> None:
        """Add a stored package to the index of its subdir; make the one of `noarch`, without which conda refuses."""
        path = self._path(identity)
        index = self._read_whole(identity.subdir)
        section = "packages.conda" if identity.filename.endswith(".conda") else "packages"
        index[section][identity.filename] = _entry(path)
        self._write_whole(identity.subdir, index)
        if not (self._folder / "noarch" / _INDEX).exists():
            self._write_whole("noarch", _empty("noarch"))

    def _read_whole(self, subdir: str) -> dict[str, Any]:
        path = self._folder / subdir / _INDEX
        try:
            index = json.loads(path.read_bytes())
        except FileNotFoundError:
            return _empty(subdir)
        except (OSError, ValueError):
            index = None
        if not isinstance(index, dict):
            raise LocalResourceError(f"{path} is not the index of a channel", hint="move the folder away")
        return {**_empty(subdir), **index}

    def _write_whole(self, subdir: str, index: dict[str, Any]) -> None:
        write_atomically(self._folder / subdir / _INDEX, json.dumps(index, indent=1, sort_keys=True) + "\n")


def _empty(subdir: str) -> dict[str, Any]:
    return {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}, "removed": [], "repodata_version": 1}


def _entry(path: Path) -> dict[str, Any]:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            sha256.update(piece)
            md5.update(piece)
        file.seek(0)
        facts = read_package(file, path.name, path.name, _go_on)
    return {
        **facts.index,
        "sha256": sha256.hexdigest(),
        "md5": md5.hexdigest(),
        "size": path.stat().st_size,
    }


def _go_on() -> None:
    pass


def _unreadable(path: Path, error: OSError) -> ProtocolError:
    return ProtocolError(f"{path} cannot be read: {error.strerror}", hint="check the folder's permissions")
