"""The DSSE envelope: bytes, what they are, and who signed both. Knows no algorithm and no statement.

Source: DSSE protocol and envelope, version 1.0.0 (secure-systems-lab/dsse). What is signed is the pre-authentication
encoding, so that no payload can be taken for one of another type. An envelope is read without being believed:
`signer_of` comes before anybody looks at the payload.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from publisher.errors import ProtocolError

SIGNATURES_LIMIT = 16
"""More signatures than this are not looked at: each costs a verification with each key."""


class Verifier(Protocol):
    """A public key. `keyid` names it in envelopes and in the names of statements; it proves nothing."""

    @property
    def keyid(self) -> str: ...

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Say whether `signature` is this key's over exactly `data`."""


class Signer(Protocol):
    """A private key."""

    @property
    def public(self) -> Verifier: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Signature:
    """`keyid` is a hint without authority, and may be empty."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its type and signatures, believed or not."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @classmethod
    def signed(cls, payload_type: str, payload: bytes, signer: Signer) -> Envelope:
        value = signer.sign(pre_authentication_encoding(payload_type, payload))
        return cls(payload_type, payload, (Signature(signer.public.keyid, value),))

    @classmethod
    def parse(cls, line: bytes) -> Envelope:
        """Read the JSON form; fields nobody knows are ignored. Raises `ProtocolError` for anything else."""
        try:
            document = json.loads(line)
            signatures = [
                Signature(str(entry.get("keyid") or ""), _decoded(entry["sig"])) for entry in document["signatures"]
            ]
            return cls(_text(document["payloadType"]), _decoded(document["payload"]), tuple(signatures))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ProtocolError("not a signed envelope") from None

    def to_line(self) -> bytes:
        """Return the JSON form as one line with its end."""
        document = {
            "payload": b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": signature.keyid, "sig": b64encode(signature.value).decode()} for signature in self.signatures
            ],
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    def signer_of(self, trusted: Sequence[Verifier]) -> Verifier | None:
        """Return the first of the `trusted` keys that signed this envelope, or None. Key ids are not believed."""
        data = pre_authentication_encoding(self.payload_type, self.payload)
        for key in trusted:
            if any(key.verify(signature.value, data) for signature in self.signatures[:SIGNATURES_LIMIT]):
                return key
        return None


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (DSSE protocol, "Signature Definition")."""
    named = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(named), named, len(payload), payload)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed here")
    return value


def _decoded(text: str) -> bytes:
    """Decode base64 of either alphabet, as verifiers must (DSSE protocol)."""
    return b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
