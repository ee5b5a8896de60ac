"""Claims, statements and keys that the tests of this room vary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publisher.model import FleetIdentity
from publisher.sealing.signing import SigningKey
from publisher.statements.envelope import Envelope
from publisher.statements.statement import PAYLOAD_TYPE, Claim, Statement

IDENTITY = FleetIdentity("detector", "dev", "arm64", "2026-04-15")
CREATED = datetime(2026, 4, 15, 9, 30, tzinfo=UTC)
RAW_KEY = Ed25519PrivateKey.from_private_bytes(b"signing key of the tests, 32 byt")
KEY = SigningKey(RAW_KEY)
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"another signing key of the tests"))


def claim(**changes: Any) -> Claim:
    """Return what is said of one artifact, with changes."""
    usual = Claim(
        name=IDENTITY.object_key,
        identity=IDENTITY.fields(),
        sha256=sha256(b"object").hexdigest(),
        size_bytes=1234,
        source_sha256=sha256(b"source").hexdigest(),
        compression="gzip",
    )
    return replace(usual, **changes)


def statement(**changes: Any) -> Statement:
    usual = Statement(claim(), CREATED, "0.1.0", manifest_sha256=sha256(b"manifest").hexdigest())
    return replace(usual, **changes)


def line(made: Statement | None = None, key: SigningKey = KEY) -> bytes:
    """Return one signed line."""
    return Envelope.signed(PAYLOAD_TYPE, (made or statement()).to_payload(), key).to_line()
