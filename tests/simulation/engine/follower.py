"""The model's transitions, as a table that every process must follow request by request (DESIGN.md, "Model").

Where `rules` says what the world must look like, this says what a process may do next, and on which premises.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Literal

from publisher.destinations.fleet.values import Receipt
from publisher.registries.port import Row
from tests.simulation.engine.rules import Rules
from tests.simulation.engine.world import World

Request = Literal[
    "lookup",
    "head",
    "read receipt",
    "escrow get",
    "check store",
    "start upload",
    "upload part",
    "escrow put",
    "put claim",
    "create",
    "overwrite",
    "abort upload",
    "list uploads",
    "read back",
    "register",
    "write receipt",
    "escrow drop",
]
_Place = Literal["look", "esc", "claim", "pinned", "put", "foreign", "fetch", "post", "close", "done"]

_NEXT: Mapping[_Place, Mapping[Request, _Place]] = {
    "look": {
        "start upload": "look",
        "upload part": "look",
        "lookup": "look",
        "head": "look",
        "read receipt": "look",
        "escrow get": "look",
        "check store": "look",
        "escrow put": "esc",
        "read back": "fetch",
    },
    "esc": {"escrow put": "esc", "escrow get": "esc", "create": "put", "put claim": "claim"},
    "claim": {
        "put claim": "claim",
        "create": "put",
        "head": "pinned",
        "escrow drop": "claim",
        "escrow get": "pinned",
        "lookup": "foreign",
        "read receipt": "foreign",
    },
    "pinned": {
        "head": "pinned",
        "escrow get": "pinned",
        "start upload": "pinned",
        "upload part": "pinned",
        "overwrite": "pinned",
        "read back": "fetch",
        "lookup": "foreign",
        "read receipt": "foreign",
    },
    "put": {
        "head": "put",
        "create": "put",
        "start upload": "put",
        "upload part": "put",
        "escrow put": "esc",
        "escrow drop": "put",
        "lookup": "foreign",
        "read receipt": "foreign",
        "read back": "fetch",
        "register": "post",
    },
    "foreign": {
        "escrow drop": "foreign",
        "lookup": "foreign",
        "head": "foreign",
        "read receipt": "foreign",
        "escrow get": "foreign",
        "read back": "fetch",
    },
    "fetch": {"read back": "fetch", "register": "post"},
    "post": {"lookup": "post", "register": "post", "read back": "post", "head": "close", "write receipt": "close"},
    "close": {
        "read back": "close",
        "head": "close",
        "write receipt": "close",
        "read receipt": "close",
        "escrow drop": "done",
    },
    "done": {"escrow drop": "done"},
}

_WITHOUT_ESCROW: Mapping[_Place, Mapping[Request, _Place]] = {
    **_NEXT,
    "look": {**_NEXT["look"], "create": "put", "put claim": "claim"},
}


class Follower:
    """Follows one process. Each method returns what is wrong with the request that is about to be sent, or None."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._next = _WITHOUT_ESCROW if world.scenario.escrow == "none" else _NEXT
        self._place: _Place = "look"
        self._bodies: dict[str, bytes] = {}
        self._completed: set[str] = set()
        self._row: tuple[object, ...] | None = None

    def request(self, request: Request) -> str | None:
        if request in {"abort upload", "list uploads"}:
            # What `abort` allows; a clean-up is possible at every point.
            return None
        place = self._next[self._place].get(request)
        if place is None:
            return f"the model has no {request} at {self._place}"
        self._place = place
        return None

    def create(self, data: bytes, nonce: str, object_key: str) -> str | None:
        # Once an object is there, whoever finished it may have dropped the record: this create stores nothing.
        can_store = object_key not in self._world.store.objects
        if can_store and self._world.scenario.escrow != "none" and not self._world.has_record(nonce):
            return "a create without an escrow record"
        if self._bodies.setdefault(nonce, data) != data:
            return "another body in a repeated create"
        return None

    def overwrite(self, data: bytes, object_key: str) -> str | None:
        """Without a condition only the bytes are sent that a claim pins; an upload that is gone has none."""
        if not data:
            return None
        claim = self._world.claim_of(object_key)
        if claim is None or not claim.is_pinned:
            return "an unconditional upload without a claim"
        if sha256(data).hexdigest() != claim.sha256:
            return "an unconditional upload of other bytes than the claimed ones"
        return None

    def completed(self, upload_id: str) -> None:
        """Hear that the completion of an upload was sent, and not refused."""
        self._completed.add(upload_id)

    def abort(self, upload_id: str, object_key: str) -> str | None:
        """An upload whose completion was sent may become the object: only one that cannot any more is aborted."""
        if upload_id in self._completed and object_key not in self._world.store.objects:
            return "an abort of an upload whose completion was sent"
        return None

    def register(self, row: Row) -> str | None:
        if not self._rules.is_openable(row):
            return "a registration of what is not there"
        key = row.encryption_key.reveal() if row.encryption_key else None
        values = (row.identity, row.cdn_url, row.sha256, row.size_bytes, key)
        if self._row not in (None, values):
            return "other values in a repeated registration"
        self._row = values
        return None

    def write_receipt(self, data: bytes) -> str | None:
        receipt = Receipt.from_bytes(data)
        if not any(row.sha256.hex == receipt.sha256 for row in self._world.rows):
            return "a receipt without a row"
        if self._row is None:
            return "a receipt without a registration"
        return None

    def drop(self, nonce: str, object_key: str) -> str | None:
        stored = self._world.store.objects.get(object_key)
        if stored is not None and stored.metadata.get("publish-nonce") != nonce:
            return None
        if any(row.identity.object_key == object_key for row in self._world.rows):
            return None
        claim = self._world.claim_of(object_key)
        if claim is not None and claim.nonce != nonce and nonce not in self._bodies:
            # Claimed for other bytes before these were sent anywhere: they never will be.
            return None
        return "a dropped escrow record that may still be needed"
