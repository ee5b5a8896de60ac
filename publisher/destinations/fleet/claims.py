"""Claims beside the objects: one small write-once object for each object key (DESIGN.md, "Claims")."""

from __future__ import annotations

import json

from publisher.errors import ProtocolError
from publisher.registries.port import ClaimRecord
from publisher.stores.control import write_control_once
from publisher.stores.port import ObjectStore

CLAIM_VERSION = 1


class ObjectClaims:
    """Claims below `.publish/claims/`, for stores whose create-if-absent of a single object is proved."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @property
    def location(self) -> str:
        return f"{self._store.location}/.publish/claims"

    def put(self, claim: ClaimRecord) -> ClaimRecord:
        document = {"v": CLAIM_VERSION, **{name: getattr(claim, name) for name in claim.__slots__}}
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        return read_claim(write_control_once(self._store, f".publish/claims/{claim.object_key}.json", data))


def read_claim(data: bytes) -> ClaimRecord:
    """Return a claim from its object. Raises `ProtocolError` for anything else."""
    try:
        document = json.loads(data)
        version = document.pop("v")
        claim = ClaimRecord(**document)
    except (ValueError, TypeError, KeyError, AttributeError):
        version = None
    if version != CLAIM_VERSION or not isinstance(claim.size_bytes, int):
        raise ProtocolError(
            "a claim is not readable", hint="a newer publisher may have written it; update and run again"
        )
    return claim
