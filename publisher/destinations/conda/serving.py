"""What a channel serves, compared with what its index says: what a client of conda does before it unpacks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from publisher.destinations.conda.ports import Channel, Entry
from publisher.destinations.port import Fetched
from publisher.errors import DamagedObjectError, NotFoundError, ProtocolError
from publisher.model import CondaIdentity, Digest


def download_checked(
    channel: Channel,
    identity: CondaIdentity,
    entry: Entry,
    write: Callable[[bytes], object],
    *,
    check: Callable[[], None],
) -> Fetched:
    """Download a listed file, hand it to `write`, and compare it with its entry at the end.

    Raises `DamagedObjectError` for another file or none, `ProtocolError` for an entry that says nothing of the content.
    """
    if entry.sha256 is None and entry.md5 is None:
        raise ProtocolError(f"the index lists {identity.path} without a digest", hint="index the channel again")
    try:
        with channel.download(identity) as pieces:
            return _compare(pieces, identity, entry, write, check)
    except NotFoundError:
        pass
    raise DamagedObjectError(f"the index lists {identity.path}, but the channel does not serve it")


def _compare(
    pieces: Iterable[bytes],
    identity: CondaIdentity,
    entry: Entry,
    write: Callable[[bytes], object],
    check: Callable[[], None],
) -> Fetched:
    sha256, md5, size_bytes = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for piece in pieces:
        check()
        sha256.update(piece)
        md5.update(piece)
        size_bytes += len(piece)
        if entry.size_bytes is not None and size_bytes > entry.size_bytes:
            break
        write(piece)
    found, wanted = sha256.hexdigest(), entry.sha256
    is_same = found == wanted if wanted is not None else md5.hexdigest() == entry.md5
    if not is_same or entry.size_bytes not in (None, size_bytes):
        raise DamagedObjectError(f"the channel serves another file for {identity.path} than its index lists")
    return Fetched(size_bytes, Digest(found))
