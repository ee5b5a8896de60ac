"""Asks a channel about artifacts: its index first, and what the index does not list, as a file.

The second question is what an index alone cannot answer: a server that failed after writing leaves a file that is not
indexed, and a cache may show an index from before. No file that is there is ever taken for absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from publisher.cancellation import Cancellation
from publisher.destinations.conda import seen
from publisher.destinations.conda.door import identity_of
from publisher.destinations.conda.ports import Channel, Entry, Listing
from publisher.destinations.conda.seen import Look
from publisher.errors import NotFoundError, ProtocolError, PublisherError
from publisher.model import CondaIdentity, ReadyArtifact, Source, UnreadySource
from publisher.retry import RetryPolicy
from publisher.sources.opening import open_source

Result = TypeVar("Result")

_PIECE_BYTES = 1 << 20


class Looker:
    """Looks at one channel. Every question is a read and is repeated as the policy says."""

    def __init__(self, channel: Channel, retry: RetryPolicy, cancellation: Cancellation) -> None:
        self._channel = channel
        self._retry = retry
        self._cancellation = cancellation

    def check(self) -> None:
        """Raise `Cancelled` if a stop was requested."""
        self._cancellation.check()

    def retried(self, action: Callable[[], Result]) -> Result:
        """Ask once or several times, as the policy says. Raises the last error."""
        return self._retry.call(action, cancellation=self._cancellation, notice=_quiet)

    def listing(self, identity: CondaIdentity) -> Listing:
        """Return what the index says of one file, read just now. Raises `PublisherError`."""
        return self._listing(identity.subdir, {identity.filename})

    def listings(self, items: Iterable[ReadyArtifact | UnreadySource]) -> Mapping[str, Listing | PublisherError]:
        """Return what the index of each subdir says of these artifacts: each index is read once."""
        names: dict[str, set[str]] = {}
        for item in items:
            identity = identity_of(item)
            names.setdefault(identity.subdir, set()).add(identity.filename)

        def ask(subdir: str) -> Listing | PublisherError:
            try:
                return self._listing(subdir, names[subdir])
            except PublisherError as error:
                return error

        return {subdir: ask(subdir) for subdir in names}

    def look(self, item: ReadyArtifact, listing: Listing | None = None, *, is_proof: bool = False) -> Look:
        """Compare an artifact with what the channel has. Raises `PublisherError` for what cannot be known.

        `listing` is an index read just now; without it the index is read. With `is_proof`, an index that gives no
        sha256 is not enough: the file is downloaded and compared.
        """
        identity = identity_of(item)
        if listing is None:
            listing = self.listing(identity)
        entry = listing.entries.get(identity.filename)
        if entry is not None:
            return self._compare(item, entry, is_proof=is_proof)
        if identity.filename in listing.removed:
            return seen.removed()
        stored = self.stored(item)
        return seen.absent(identity) if stored is None else seen.unlisted(is_same=stored)

    def _compare(self, item: ReadyArtifact, entry: Entry, *, is_proof: bool) -> Look:
        source = item.source
        if entry.sha256 is not None:
            return seen.listed(entry, is_same=entry.sha256 == source.sha256.hex, by="sha256")
        if is_proof:
            return seen.listed(entry, is_same=self.stored(item) is True, by="its content")
        if entry.size_bytes is not None and entry.size_bytes != source.size_bytes:
            return seen.listed(entry, is_same=False, by="size")
        if entry.md5 is None or entry.size_bytes is None:
            raise ProtocolError(
                f"the index lists {identity_of(item).filename} without a digest", hint="index the channel again"
            )
        same = entry.md5 == _md5(item.artifact.source, self._cancellation)
        return seen.listed(entry, is_same=same, by="md5 and size: this index has no sha256")

    def stored(self, item: ReadyArtifact) -> bool | None:
        """Say whether the channel serves our content under this name; None if it serves no such file.

        Raises `PublisherError`.
        """

        def ask() -> bool | None:
            try:
                with self._channel.download(identity_of(item)) as pieces:
                    return self._is_ours(item, pieces)
            except NotFoundError:
                return None

        return self.retried(ask)

    def _is_ours(self, item: ReadyArtifact, pieces: Iterator[bytes]) -> bool:
        digest, size_bytes = hashlib.sha256(), 0
        for piece in pieces:
            self._cancellation.check()
            digest.update(piece)
            size_bytes += len(piece)
            if size_bytes > item.source.size_bytes:
                return False
        return digest.hexdigest() == item.source.sha256.hex

    def _listing(self, subdir: str, filenames: Collection[str]) -> Listing:
        return self.retried(lambda: self._channel.listing(subdir, filenames))


def _md5(source: Source, cancellation: Cancellation) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # what old indexes have; the size is compared, too
    buffer = memoryview(bytearray(_PIECE_BYTES))
    with open_source(source) as file:
        while count := file.read_into(buffer):
            cancellation.check()
            digest.update(buffer[:count])
    return digest.hexdigest()


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
