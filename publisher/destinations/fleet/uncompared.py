"""Look at an artifact whose source cannot be read: everything but the source is compared. Pure."""

from __future__ import annotations

from publisher.destinations.fleet.helping import Looked, look
from publisher.destinations.fleet.states import Seen, Wanted
from publisher.destinations.stepping import Steps
from publisher.model import FleetIdentity


def look_uncompared(identity: FleetIdentity, *, compression: str, registry: str) -> Steps[tuple[Wanted, Looked]]:
    """Return what is there, classified as if the source were the one that the object or its receipt names.

    The first look finds out which source that is, the second one means it.
    """
    unknown = Wanted(identity, "", compression)
    looked = yield from look(unknown, registry=registry)
    wanted = _as_stored(unknown, looked.seen)
    if wanted != unknown:
        looked = yield from look(wanted, registry=registry)
    return wanted, looked


def _as_stored(wanted: Wanted, seen: Seen) -> Wanted:
    known = seen.marks or seen.receipt
    if known is None or known.identity_sha256 != wanted.identity.sha256:
        return wanted
    sources = [mark.source_sha256 for mark in (seen.marks, seen.receipt, seen.escrowed) if mark is not None]
    source = next(filter(None, sources), wanted.source_sha256)
    return Wanted(wanted.identity, source, known.compression or wanted.compression)
