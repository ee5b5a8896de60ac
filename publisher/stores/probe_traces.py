"""What a probe leaves in a store while it asks, and takes away afterwards: small objects below `.publish/probe/`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from publisher.errors import NotFoundError, PublisherError, TransportError
from publisher.stores.port import CONTROL_PREFIX, BodyDigest, MultipartStore, ObjectStore

FIRST, SECOND = b"the first writer's bytes", b"the second writer's bytes"
METADATA = {"publish-format": "1", "publish-nonce": "0123456789abcdef", "publish-probe": "A+b/c=d e;f"}


class Traces:
    """The keys and uploads of one probe; `new_id` makes a name that nobody used before."""

    def __init__(self, store: ObjectStore, *, new_id: Callable[[], str]) -> None:
        self._store = store
        self._prefix = f"{CONTROL_PREFIX}probe/{new_id()}"
        self._lock = Lock()
        self._keys: list[str] = []
        self._uploads: list[tuple[MultipartStore, str, str]] = []

    def new_key(self) -> str:
        with self._lock:
            key = f"{self._prefix}-{len(self._keys)}"
            self._keys.append(key)
        return key

    def start_upload(self, store: MultipartStore, key: str, digests: Collection[BodyDigest] = ()) -> str:
        upload_id = store.start_upload(key, metadata=METADATA, digests=digests)
        with self._lock:
            self._uploads.append((store, key, upload_id))
        return upload_id

    def bytes_of(self, key: str) -> bytes | None:
        try:
            with self._store.read(key) as pieces:
                return b"".join(pieces)
        except NotFoundError:
            return None

    def remove(self) -> tuple[str, ...]:
        """Abort and delete everything; return a sentence about what could not be, if anything."""
        aborts = [lambda each=each: each[0].abort_upload(each[1], each[2]) for each in self._uploads]
        deletes = [lambda key=key: self._store.delete_control(key) for key in self._keys]
        with ThreadPoolExecutor(16, thread_name_prefix="probe-cleaning") as pool:
            open_uploads = sum(not done for done in pool.map(_done, aborts))
            left = sum(not done for done in pool.map(_done, deletes))
        where = f"below {CONTROL_PREFIX}probe/"
        return (
            *([f"{open_uploads} small uploads {where} could not be aborted"] if open_uploads else []),
            *([f"{left} small objects {where} could not be deleted"] if left else []),
        )


def unclear(store: ObjectStore) -> TransportError:
    """Return the error of a probe whose questions were not answered."""
    return TransportError(
        f"{store.location} gave no clear answers while it was probed", hint="check the network, then try again"
    )


def _done(action: Callable[[], None]) -> bool:
    try:
        action()
    except PublisherError:
        return False
    return True
