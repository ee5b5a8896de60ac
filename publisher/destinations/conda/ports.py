"""The two sides of a conda server: the channel that is read, and the handler that is written to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from publisher.destinations.port import Finding
from publisher.errors import PublisherError
from publisher.model import CondaIdentity


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a channel's index lists it; digests are lowercase hexadecimal. Old indexers leave out sha256."""

    size_bytes: int | None
    sha256: str | None
    md5: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index of one subdir says of the files that were asked for; a file in neither is not listed.

    `removed` files were taken out of the index by the channel's owners and may still lie in the folder.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


class Channel(Protocol):
    """Reading a channel. Every method raises `PublisherError`s; an error is never "not there"."""

    @property
    def location(self) -> str:
        """The channel's address. No credentials."""

    def listing(self, subdir: str, filenames: Collection[str]) -> Listing:
        """Ask the index of one subdir, freshly. A subdir that is not there is empty if the channel itself answers."""

    def url(self, identity: CondaIdentity) -> str:
        """Return the address of one file."""

    def download(self, identity: CondaIdentity) -> AbstractContextManager[Iterator[bytes]]:
        """Open one file for reading in pieces. Raises `NotFoundError` if it is proved not to be there."""


class Received(Enum):
    """What is known after an upload was tried."""

    ACCEPTED = "accepted"
    """The server says that it stored and indexed the file."""
    UNCLEAR = "unclear"
    """A page or a pointer elsewhere, as another kind of server gives it."""
    DENIED = "denied"
    """401: the token is wrong, or (second generation of the handler) a file of this name is there."""
    REFUSED = "refused"
    """The request itself is refused, and so it will be again. Nothing was stored."""
    FAILED = "failed"
    """The server failed; it may have stored the file before."""
    LOST = "lost"
    """No answer, and the server may have the whole file."""
    UNSENT = "unsent"
    """The server cannot have the whole file, so nothing was stored."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of one upload. `error` tells it to a person; None only for `ACCEPTED`."""

    received: Received
    error: PublisherError | None = None


class Handler(Protocol):
    """The server that takes packages, one after the other."""

    @property
    def location(self) -> str:
        """The server's address. No credentials."""

    @property
    def only_subdir(self) -> str | None:
        """The one subdir that this server writes to, or None where it sorts packages itself."""

    def upload(self, identity: CondaIdentity, size_bytes: int, pieces: Iterable[bytes]) -> Answered:
        """Send one file, once. What the iterator of pieces raises ends the request and is raised unchanged."""

    def look(self) -> Sequence[Finding]:
        """Say whether the server answers, for `publish doctor`. Stores nothing."""
