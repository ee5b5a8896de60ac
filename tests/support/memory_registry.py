"""A registry and an escrow in memory that implement the ports and keep every rule of the real ones.

`fail_at` tells either to misbehave at its n-th call (from 1): lose the request, lose the answer, or refuse.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from hashlib import sha256

from publisher.errors import PublisherError, RejectedError, TransportError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.registries.port import (
    Accepted,
    ClaimRecord,
    Duplicate,
    EscrowRecord,
    Lookup,
    NoAnswer,
    NoRow,
    Refused,
    RegisterAnswer,
    Row,
)


def sample_identity(number: int = 1) -> FleetIdentity:
    """Return the identity with this number; neighbours share stage and architecture."""
    return FleetIdentity(f"model_{number}", "dev", "arm64", f"2026-04-{number % 28 + 1:02}")


def sample_row(number: int = 1, *, seed: str = "") -> Row:
    """Return a row of `sample_identity(number)`; another seed gives another key and another object."""
    secret = sha256(f"key {number} {seed}".encode()).digest()
    return Row(
        identity=sample_identity(number),
        cdn_url=f"https://cdn.example.com/{sample_identity(number).object_key}",
        sha256=Digest(sha256(f"object {number} {seed}".encode()).hexdigest()),
        size_bytes=64 + number,
        encryption_key=DataKey(secret),
    )


def plain(row: Lookup) -> tuple[object, ...]:
    """Return a row as comparable values, its key in hexadecimal; keys do not compare by themselves."""
    if not isinstance(row, Row):
        return (row,)
    key = row.encryption_key.reveal_hex() if row.encryption_key else None
    return (row.identity, row.cdn_url, row.sha256, row.size_bytes, key)


class Fault(Enum):
    """What happens to one call."""

    LOSE_REQUEST = "lose-request"
    """Nothing is done, and no answer comes."""
    LOSE_ANSWER = "lose-answer"
    """It is done, and no answer comes."""
    REFUSE = "refuse"
    """Nothing is done, and the answer says so."""


class _Faulty:
    def __init__(self) -> None:
        self._calls = itertools.count(1)
        self._faults: dict[int, Fault] = {}
        self._lock = threading.Lock()
        self.calls: list[str] = []

    def fail_at(self, call: int, fault: Fault) -> None:
        """Misbehave at the call with this number, counted over all operations from 1."""
        self._faults[call] = fault

    def _next(self, name: str) -> Fault | None:
        self.calls.append(name)
        return self._faults.get(next(self._calls))


class MemoryRegistry(_Faulty):
    """Rows in a list, so that an appending registry can hold two of one identity."""

    location = "memory:registry"

    def __init__(self, *, has_lookup: bool = True, on_duplicate: str = "reject", shows_keys: bool = True) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._has_lookup = has_lookup
        self._on_duplicate = on_duplicate
        self._shows_keys = shows_keys

    @property
    def lookup_batch(self) -> int:
        return 500 if self._has_lookup else 0

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        if not self._has_lookup:
            return dict.fromkeys(identities, NoRow.UNSEEN)
        with self._lock:
            fault = self._next("lookup")
            if fault is not None:
                raise _error(fault)
            rows = {row.identity: row for row in self.rows}
        return {identity: self._shown(rows.get(identity)) for identity in identities}

    def register(self, row: Row) -> RegisterAnswer:
        if row.encryption_key is None:
            raise ValueError("a row is registered with its key")
        with self._lock:
            fault = self._next("register")
            if fault is Fault.REFUSE:
                return Refused(_error(fault))
            if fault is Fault.LOSE_REQUEST:
                return NoAnswer(_error(fault))
            answer = self._add(row)
        return answer if fault is None else NoAnswer(_error(fault))

    def _add(self, row: Row) -> RegisterAnswer:
        stored = [number for number, other in enumerate(self.rows) if other.identity == row.identity]
        if stored and self._on_duplicate == "reject":
            return Duplicate(self.rows[stored[0]].sha256)
        if stored and self._on_duplicate == "upsert":
            self.rows[stored[0]] = row
        else:
            self.rows.append(row)
        return Accepted()

    def _shown(self, row: Row | None) -> Lookup:
        if row is None:
            return NoRow.ABSENT
        key = row.encryption_key if self._shows_keys else None
        return Row(row.identity, row.cdn_url, row.sha256, row.size_bytes, key)


class MemoryClaims(_Faulty):
    """Claims by object key."""

    location = "memory:claims"

    def __init__(self) -> None:
        super().__init__()
        self.claims: dict[str, ClaimRecord] = {}

    def put(self, claim: ClaimRecord) -> ClaimRecord:
        with self._lock:
            fault = self._next("put")
            if fault in (Fault.REFUSE, Fault.LOSE_REQUEST):
                raise _error(fault)
            there = self.claims.setdefault(claim.object_key, claim)
        if fault is not None:
            raise _error(fault)
        return there


class MemoryEscrow(_Faulty):
    """Records by nonce."""

    location = "memory:escrow"

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, EscrowRecord] = {}

    def put(self, record: EscrowRecord) -> None:
        with self._lock:
            fault = self._next("put")
            if fault in (Fault.REFUSE, Fault.LOSE_REQUEST):
                raise _error(fault)
            if self.records.setdefault(record.nonce, record) != record:
                raise RuntimeError("another escrow record has this nonce")
        if fault is not None:
            raise _error(fault)

    def get(self, nonce: str) -> EscrowRecord | None:
        with self._lock:
            fault = self._next("get")
            if fault is not None:
                raise _error(fault)
            return self.records.get(nonce)

    def drop(self, nonce: str) -> None:
        with self._lock:
            fault = self._next("drop")
            if fault in (Fault.REFUSE, Fault.LOSE_REQUEST):
                raise _error(fault)
            self.records.pop(nonce, None)
        if fault is not None:
            raise _error(fault)


def _error(fault: Fault) -> PublisherError:
    if fault is Fault.REFUSE:
        return RejectedError("refused, as the test wants it")
    return TransportError("no answer, as the test wants it")
