"""What the fleet protocol talks about: one set of sealed bytes, the marks on an object, a receipt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from publisher.errors import ProtocolError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.registries.port import ClaimRecord, Row

FORMAT = "1"
RECEIPT_VERSION = 1

Evidence = Literal["accepted", "lookup", "duplicate"]
"""How a registration was confirmed: accepted by the registry, seen by a lookup, or called a duplicate."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One set of ciphertext bytes and all that is needed to register it. `nonce` names exactly these bytes."""

    nonce: str
    key: DataKey
    sha256: Digest
    size_bytes: int
    source_sha256: str
    compression: str
    is_streamed: bool = False
    """Whether the bytes are in the store already, as parts of an upload of this run."""

    def row(self, identity: FleetIdentity, cdn_url: str) -> Row:
        return Row(identity, cdn_url, self.sha256, self.size_bytes, self.key)


def claim_of(identity: FleetIdentity, sealed: Sealed, *, is_pinned: bool) -> ClaimRecord:
    """Return the claim that pins these bytes, or the one that leaves the object to a conditional PUT."""
    if not is_pinned:
        return ClaimRecord(identity.object_key, identity.sha256)
    return ClaimRecord(
        identity.object_key,
        identity.sha256,
        nonce=sealed.nonce,
        sha256=sealed.sha256.hex,
        size_bytes=sealed.size_bytes,
        source_sha256=sealed.source_sha256,
        compression=sealed.compression,
    )


@dataclass(frozen=True, slots=True)
class Marks:
    """What our metadata on an object says of it (DESIGN.md, "Object metadata").

    `source_sha256` is empty where it was not known when the upload began; then the escrow and the receipt know it.
    """

    nonce: str
    identity_sha256: str
    source_sha256: str
    compression: str
    sha256: str | None
    size_bytes: int | None

    @classmethod
    def of(cls, identity: FleetIdentity, sealed: Sealed) -> Marks:
        return cls(
            nonce=sealed.nonce,
            identity_sha256=identity.sha256,
            source_sha256=sealed.source_sha256,
            compression=sealed.compression,
            sha256=sealed.sha256.hex,
            size_bytes=sealed.size_bytes,
        )

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> Marks | None:
        """Return the marks of an object, or None if it was not written by this protocol.

        Names are compared in lower case: some stores change their case.
        """
        named = {name.lower(): value for name, value in metadata.items()}
        if named.get("publish-format") != FORMAT:
            return None
        nonce, identity = named.get("publish-nonce", ""), named.get("publish-identity", "")
        if not nonce or not identity:
            return None
        size = named.get("publish-size", "")
        return cls(
            nonce=nonce,
            identity_sha256=identity,
            source_sha256=named.get("publish-source", ""),
            compression=named.get("publish-compression", ""),
            sha256=named.get("publish-sha256"),
            size_bytes=int(size) if size.isascii() and size.isdigit() else None,
        )

    def without_bytes(self) -> Marks:
        """Return what was known before the first byte was sealed: all that a streamed object can carry."""
        return replace(self, sha256=None, size_bytes=None)

    def without_content(self) -> Marks:
        """Return what is known of a streamed object whose source is read for the first time while it goes up."""
        return replace(self.without_bytes(), source_sha256="")

    def metadata(self) -> dict[str, str]:
        """Return the object metadata: lower-case names, ASCII values, no secret."""
        named = {
            "publish-format": FORMAT,
            "publish-nonce": self.nonce,
            "publish-identity": self.identity_sha256,
            "publish-compression": self.compression,
        }
        if self.source_sha256:
            named["publish-source"] = self.source_sha256
        if self.sha256 is not None:
            named["publish-sha256"] = self.sha256
        if self.size_bytes is not None:
            named["publish-size"] = str(self.size_bytes)
        return named


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a confirmed registration, kept beside the objects. No key material, not even a fingerprint of it.

    It stands in for a lookup where there is none, and keeps the source fingerprint where a store loses metadata.
    """

    identity_sha256: str
    object_key: str
    nonce: str
    sha256: str
    size_bytes: int
    source_sha256: str
    compression: str
    cdn_url: str
    registry: str
    evidence: str

    @classmethod
    def of(cls, identity: FleetIdentity, sealed: Sealed, *, cdn_url: str, registry: str, evidence: Evidence) -> Receipt:
        return cls(
            identity_sha256=identity.sha256,
            object_key=identity.object_key,
            nonce=sealed.nonce,
            sha256=sealed.sha256.hex,
            size_bytes=sealed.size_bytes,
            source_sha256=sealed.source_sha256,
            compression=sealed.compression,
            cdn_url=cdn_url,
            registry=registry,
            evidence=evidence,
        )

    def to_bytes(self) -> bytes:
        document = {"v": RECEIPT_VERSION, **{name: getattr(self, name) for name in self.__slots__}}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Raises `ProtocolError` for anything that is not a receipt: it would prove nothing either way."""
        try:
            document = json.loads(data)
            version = document.pop("v")
            receipt = cls(**document)
            Digest(receipt.sha256)
        except (ValueError, TypeError, KeyError, AttributeError):
            version = None
        if version != RECEIPT_VERSION or not isinstance(receipt.size_bytes, int):
            raise ProtocolError(
                "the receipt of an earlier registration is not readable",
                hint="look at the object below .publish/receipts/ in the store; a newer publisher may have written it",
            )
        return receipt
