"""Registered bytes brought here: from an older version, from quarantine, or sealed again. Each lies in a spool.

Refuses everything whose SHA-256 is not the registered one, so that nothing else can ever be put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import md5, sha256
from pathlib import Path

from publisher.destinations.fleet.repair_effects import Found, Target
from publisher.destinations.fleet.spool import Spool
from publisher.errors import DamagedObjectError, NotFoundError
from publisher.model import ReadyArtifact
from publisher.sealing.seal import seal
from publisher.sealing.unseal import unseal
from publisher.sources.fingerprints import fingerprint_like
from publisher.sources.opening import open_source
from publisher.stores.port import Body

Open = Callable[[], AbstractContextManager[Iterator[bytes]]]
"""Open stored bytes for reading in pieces. Raises `NotFoundError` if there are none."""

Check = Callable[[], None]
"""Raises to cancel."""


class Copies:
    """Bodies by their SHA-256, each in a spool. Close it: the spools go with it."""

    def __init__(self, spool_folder: Path | None, item: ReadyArtifact) -> None:
        self._spool_folder = spool_folder
        self._item = item
        self._held: dict[str, tuple[Spool, Body]] = {}

    def close(self) -> None:
        for spool, _ in self._held.values():
            spool.discard()
        self._held.clear()

    def body(self, sha256_hex: str) -> Body:
        """Return the body with this digest. Raises KeyError."""
        return self._held[sha256_hex][1]

    def spool(self, target: Target, opened: Open, *, check: Check) -> bool:
        """Spool what `opened` reads; False, and nothing is kept, unless it is the target."""
        spool = Spool.make(self._spool_folder, source_bytes=target.size_bytes)
        try:
            body = _copied(opened, spool, target, check=check)
        except BaseException:
            spool.discard()
            raise
        if body is None:
            spool.discard()
            return False
        self._hold(target, spool, body)
        return True

    def opened(self, target: Target) -> Found:
        """Return what the spooled target was made from. Raises `DamagedObjectError` if the row's key does not open it.

        The format does not say whether gzip is inside: what gives the source at hand is right, else the first that
        opens, beginning with what the manifest says.
        """
        if target.key is None:
            return Found("", "")
        wanted = self._item.artifact.compression.wire
        first: Found | None = None
        for compression in (wanted, "none" if wanted == "gzip" else "gzip"):
            try:
                with self.body(target.sha256.hex).open() as file:
                    pieces = iter(lambda: file.read(1 << 20), b"")
                    fingerprint = fingerprint_like(self._item.artifact.source)
                    unseal(pieces, fingerprint.update, key=target.key, compression=compression, limit_bytes=None)
            except DamagedObjectError:
                continue
            digest = fingerprint.digest()
            found = Found(digest.hex if digest else "", compression)
            if digest == self._item.source.sha256:
                return found
            first = first or found
        if first is None:
            raise DamagedObjectError("the registered bytes were found, but the key in the row does not open them")
        return first

    def rebuild(self, target: Target, *, check: Check, progress: Callable[[int], None]) -> Found | None:
        """Seal the source again with the target's key; None, and nothing is kept, unless the same bytes come out."""
        facts, artifact = self._item.source, self._item.artifact
        if target.key is None:
            return None
        spool = Spool.make(self._spool_folder, source_bytes=facts.size_bytes)
        try:
            with open_source(artifact.source, check) as source:
                made = seal(
                    source.read_into,
                    spool.write,
                    key=target.key,
                    compression=artifact.compression,
                    check=check,
                    progress=progress,
                )
                source.check_unchanged(made.source_sha256, facts)
            spool.finish(made)
        except BaseException:
            spool.discard()
            raise
        if made.object_sha256 != target.sha256:
            spool.discard()
            return None
        self._hold(target, spool, Body(spool.open, made.object_size, made.object_sha256, made.object_md5))
        return Found(facts.sha256.hex, artifact.compression.wire)

    def _hold(self, target: Target, spool: Spool, body: Body) -> None:
        former = self._held.pop(target.sha256.hex, None)
        if former is not None:
            former[0].discard()
        self._held[target.sha256.hex] = (spool, body)


def _copied(opened: Open, spool: Spool, target: Target, *, check: Check) -> Body | None:
    """Write the target's bytes to the spool; None as soon as they are other ones, or nothing is there."""
    seen, running, for_store = 0, sha256(), md5(usedforsecurity=False)
    try:
        with opened() as pieces:
            for piece in pieces:
                check()
                seen += len(piece)
                if seen > target.size_bytes:
                    return None
                running.update(piece)
                for_store.update(piece)
                spool.write(memoryview(piece))
    except NotFoundError:
        return None
    if seen != target.size_bytes or running.hexdigest() != target.sha256.hex:
        return None
    return Body(spool.open, seen, target.sha256, for_store.digest())
