"""Where the key of an unfinished upload is kept, so that another run can finish it (DESIGN.md, "Escrow").

`KeyCodec` turns sealed bytes into a record and back, wrapping the key where a recovery key is set. `ObjectEscrow` keeps
records beside the objects, always wrapped; the SQL escrow lives with the SQL registry; `NoEscrow` keeps nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from publisher.destinations.fleet.values import Sealed
from publisher.errors import NotFoundError, ProtocolError, PublisherError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.registries.port import EscrowRecord
from publisher.sealing.wrapping import GCM_IV_BYTES, KEY_WRAP_BYTES, RecoveryKeys
from publisher.stores.control import read_control, write_control_once
from publisher.stores.port import ObjectStore

RECORD_VERSION = 1


def _now() -> datetime:
    return datetime.now(UTC)


class KeyCodec:
    """Turn `Sealed` into an escrow record and back. Without a recovery key the record holds the raw key."""

    def __init__(self, recovery: RecoveryKeys | None, *, now: Callable[[], datetime] = _now) -> None:
        self._recovery = recovery
        self._now = now

    def to_record(self, identity: FleetIdentity, sealed: Sealed) -> EscrowRecord:
        plain = EscrowRecord(
            nonce=sealed.nonce,
            identity_sha256=identity.sha256,
            object_key=identity.object_key,
            sha256=sealed.sha256,
            size_bytes=sealed.size_bytes,
            source_sha256=sealed.source_sha256,
            compression=sealed.compression,
            kid=None,
            data_key=base64.b64encode(sealed.key.reveal()).decode(),
            created=self._now(),
        )
        if self._recovery is None:
            return plain
        wrapped = self._recovery.wrap(sealed.key, _associated_data(plain))
        return replace(plain, kid=self._recovery.kid, data_key=wrapped)

    def to_sealed(self, record: EscrowRecord) -> Sealed | None:
        """Return what the record describes, or None if its key cannot be recovered with the keys at hand."""
        try:
            if record.kid is None:
                key = DataKey(base64.b64decode(record.data_key, validate=True))
            elif self._recovery is not None:
                key = self._recovery.unwrap(record.data_key, record.kid, _associated_data(record))
            else:
                return None
        except (PublisherError, ValueError, binascii.Error):
            return None
        return Sealed(
            nonce=record.nonce,
            key=key,
            sha256=record.sha256,
            size_bytes=record.size_bytes,
            source_sha256=record.source_sha256,
            compression=record.compression,
        )


class ObjectEscrow:
    """Records as small write-once objects below `.publish/keys/`; only wrapped keys may be put here."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @property
    def location(self) -> str:
        return f"{self._store.location}/.publish/keys"

    def put(self, record: EscrowRecord) -> None:
        if record.kid is None:
            raise RuntimeError("a raw key must not be stored beside the objects")
        data = _canonical(to_document(record))
        if write_control_once(self._store, _key(record.nonce), data) != data:
            raise RuntimeError("another escrow record has this nonce")

    def get(self, nonce: str) -> EscrowRecord | None:
        try:
            data = read_control(self._store, _key(nonce))
        except NotFoundError:
            return None
        return from_document(data)

    def drop(self, nonce: str) -> None:
        self._store.delete_control(_key(nonce))


NO_ESCROW = (
    "no key escrow: a run that is killed between upload and registration leaves an object nobody can register; "
    "set PUBLISH_RECOVERY_KEY (32 random bytes in base64)"
)


class NoEscrow:
    """Keeps nothing: a run that dies between upload and registration leaves an orphan."""

    location = "nowhere"

    def put(self, record: EscrowRecord) -> None:
        pass

    def get(self, nonce: str) -> EscrowRecord | None:
        return None

    def drop(self, nonce: str) -> None:
        pass


def to_document(record: EscrowRecord) -> dict[str, object]:
    """Return a wrapped record as it lies in the store: what the key belongs to, then the key and how it is wrapped."""
    raw = base64.b64decode(record.data_key)
    document = {**_described(record), "kid": record.kid, "created": record.created and record.created.isoformat()}
    if len(raw) == KEY_WRAP_BYTES:
        return {**document, "alg": "A256KW", "wrapped": record.data_key}
    iv, wrapped = (base64.b64encode(part).decode() for part in (raw[:GCM_IV_BYTES], raw[GCM_IV_BYTES:]))
    return {**document, "alg": "A256GCM", "iv": iv, "wrapped": wrapped}


def from_document(data: bytes) -> EscrowRecord:
    """Read a record in either form of wrapping. Raises `ProtocolError` for anything else."""
    try:
        document = json.loads(data)
        version, alg = document["v"], document["alg"]
        raw = base64.b64decode(document["wrapped"], validate=True)
        if alg == "A256GCM":
            raw = base64.b64decode(document["iv"], validate=True) + raw
        created = document.get("created")
        record = EscrowRecord(
            nonce=document["nonce"],
            identity_sha256=document["identity"],
            object_key=document["object_key"],
            sha256=Digest(document["sha256"]),
            size_bytes=document["size"],
            source_sha256=document["source"],
            compression=document["compression"],
            kid=document["kid"],
            data_key=base64.b64encode(raw).decode(),
            created=datetime.fromisoformat(created) if created else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        version, alg = None, None
    if version != RECORD_VERSION or alg not in ("A256GCM", "A256KW"):
        raise ProtocolError(
            "an escrow record is not readable", hint="a newer publisher may have written it; update and run again"
        )
    return record


def _key(nonce: str) -> str:
    return f".publish/keys/{nonce}.json"


def _associated_data(record: EscrowRecord) -> bytes:
    """Return what the wrapped key belongs to, and is bound to."""
    return _canonical(_described(record))


def _described(record: EscrowRecord) -> dict[str, object]:
    return {
        "v": RECORD_VERSION,
        "nonce": record.nonce,
        "identity": record.identity_sha256,
        "object_key": record.object_key,
        "sha256": record.sha256.hex,
        "size": record.size_bytes,
        "source": record.source_sha256,
        "compression": record.compression,
    }


def _canonical(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
