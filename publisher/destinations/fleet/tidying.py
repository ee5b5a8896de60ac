"""Uploads in parts that killed runs left open: aborted once their object is registered, when they can change nothing.

Where an object is there for good, no other upload of its key can ever be completed (DESIGN.md, "The write order"), so
nothing is lost; until then an open upload may be another publisher's at work, and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from publisher.errors import PublisherError
from publisher.model import Outcome, Status
from publisher.stores.port import MultipartStore, ObjectStore

Result = TypeVar("Result")

_REGISTERED = frozenset({Status.PUBLISHED, Status.ADOPTED, Status.SKIPPED})


class Repeat(Protocol):
    """Performs a request that may be repeated, as often as the retry policy says."""

    def __call__(self, action: Callable[[], Result], /) -> Result: ...


def abort_stale_uploads(
    store: ObjectStore, outcomes: Iterable[Outcome], *, repeat: Repeat, is_expected: bool
) -> Iterator[str]:
    """Abort the open uploads of objects that these outcomes say are registered; yield what a person should know.

    Lists once for each stage. `is_expected` says that uploads are sent in parts here, so that not being able to list
    them is worth a word.
    """
    keys = {o.object.key for o in outcomes if o.status in _REGISTERED and o.object is not None and o.object.key}
    if not isinstance(store, MultipartStore):
        return
    aborted = 0
    for prefix in sorted({f"{key.partition('/')[0]}/" for key in keys}):
        try:
            there = repeat(lambda prefix=prefix: store.open_uploads(prefix))  # type: ignore[misc] # bound now, not later
            stale = [upload for upload in there if upload.key in keys]
        except PublisherError as error:
            if is_expected:
                yield f"uploads that killed runs may have left open could not be listed: {error.message}"
            return
        for upload in stale:
            try:
                repeat(lambda upload=upload: store.abort_upload(upload.key, upload.upload_id))  # type: ignore[misc] # ditto
                aborted += 1
            except PublisherError as error:
                yield f"an upload in parts of {upload.key} is left open: {error.message}"
    if aborted:
        yield f"aborted {aborted} uploads in parts that earlier runs left open"
