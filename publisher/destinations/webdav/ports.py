"""The port to a repository of files, in our words: what the recipe's driver needs of a WebDAV server or a folder.

Paths are decoded and pass `path_problem`. Every method raises `CredentialsError`, `RejectedError`,
`CapabilityError` or `TransportError`; *absent* is an answer, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from publisher.http import StreamedBody


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. `size_bytes` is None where the server does not say."""

    size_bytes: int | None


class MoveAnswer(StrEnum):
    """What came of a move that must not overwrite."""

    MOVED = "moved"
    OCCUPIED = "occupied"
    """Something is there already; nothing was changed."""


class Repository(Protocol):
    @property
    def location(self) -> str:
        """Where files go, for messages. No credentials."""

    def url(self, path: str) -> str:
        """Return the address under which anyone may read a file, percent-encoded."""

    def look(self, path: str) -> Found | None:
        """Say whether a file is there; None if it certainly is not."""

    def read(self, path: str, *, size_bytes: int) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file for reading in pieces. `size_bytes` is what is expected, for the time limit alone.

        Raises `NotFoundError`; a cut transfer is a `TransportError`, also in the middle of the pieces.
        """

    def enter(self, folder: str) -> None:
        """Get what lets us write below a folder, so that the methods below have it; repeats by itself what may be."""

    def make_folder(self, path: str) -> None:
        """Make a folder with its parents if need be, as far as that is permitted; being there is fine."""

    def upload(self, path: str, body: Callable[[], StreamedBody]) -> None:
        """Write a file under a name that nobody else uses. `body` is asked again where a request has to be repeated.

        After an error something may be there: never take it for the file.
        """

    def move(self, source: str, target: str) -> MoveAnswer:
        """Rename a file unless something is at `target`. After a `TransportError` it may have happened."""

    def discard(self, path: str) -> bool:
        """Delete one file of one's own; False if it was not there. Never a folder."""

    def close(self) -> None:
        """Release connections."""
