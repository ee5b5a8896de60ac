"""Stored bytes looked at again: length and SHA-256 over everything, and where asked also decrypted and unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from publisher.destinations.fleet.values import Sealed
from publisher.errors import DamagedObjectError, NotFoundError
from publisher.model import Digest
from publisher.sealing.unseal import unseal
from publisher.sources.fingerprints import Fingerprint
from publisher.stores.port import ObjectStore

NOT_REGISTERED = "nothing was registered; the object stays as it is for a person to look at"


def checked(pieces: Iterable[bytes], *, size_bytes: int, digest: Digest) -> Iterator[bytes]:
    """Pass pieces on and raise `DamagedObjectError` at the end unless their length and SHA-256 are the given ones."""
    seen, running = 0, sha256()
    for piece in pieces:
        seen += len(piece)
        if seen > size_bytes:
            raise DamagedObjectError(f"the object is longer than the {size_bytes} bytes it should have")
        running.update(piece)
        yield piece
    if seen != size_bytes:
        raise DamagedObjectError(f"the object has {seen} bytes instead of {size_bytes}")
    if running.hexdigest() != digest.hex:
        raise DamagedObjectError(
            f"the object's sha256 is {running.hexdigest()[:12]}... instead of {digest.hex[:12]}..."
        )


def read_back(
    store: ObjectStore, object_key: str, sealed: Sealed, *, opened: bool, fingerprint: Callable[[], Fingerprint]
) -> None:
    """Download the object through the store and compare it with `sealed`; never through a CDN, which may be stale.

    With `opened` the bytes are also decrypted and unpacked, and their `fingerprint` is compared. Raises
    `DamagedObjectError`.
    """
    found = fingerprint()
    try:
        with store.read(object_key) as pieces:
            whole = checked(pieces, size_bytes=sealed.size_bytes, digest=sealed.sha256)
            if not opened:
                for _ in whole:
                    pass
                return
            unseal(whole, found.update, key=sealed.key, compression=sealed.compression, limit_bytes=None)
    except NotFoundError:
        raise DamagedObjectError("the object is gone from the store", hint=NOT_REGISTERED) from None
    except DamagedObjectError as error:
        error.hint = error.hint or NOT_REGISTERED
        raise
    digest = found.digest()
    if digest is None or digest.hex != sealed.source_sha256:
        raise DamagedObjectError("the object opens, but is not what its metadata says", hint=NOT_REGISTERED)
