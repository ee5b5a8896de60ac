"""Escrow records: what lies in the store, that both forms of wrapping are read, and what is refused."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from publisher.destinations.fleet.escrow import KeyCodec, from_document, to_document
from publisher.destinations.fleet.values import Sealed
from publisher.errors import ProtocolError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.sealing.wrapping import RecoveryKeys

SECRET, OLD_SECRET = b"current recovery key for a test!", b"an older recovery key of a test!"
IDENTITY = FleetIdentity("model", "dev", "arm64", "1")
SEALED = Sealed(
    nonce="ab" * 16,
    key=DataKey(bytes(range(32))),
    sha256=Digest(sha256(b"object").hexdigest()),
    size_bytes=48,
    source_sha256=sha256(b"source").hexdigest(),
    compression="gzip",
)
WHEN = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)


def keys_of(*secrets: bytes) -> RecoveryKeys:
    first, *older = (b64encode(secret).decode() for secret in secrets)
    return RecoveryKeys.parse(first, older)


def wrapping_key(secret: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"publish-escrow-v1").derive(secret)


def document(**changed: object) -> dict[str, object]:
    codec = KeyCodec(keys_of(SECRET), now=lambda: WHEN)
    return {**to_document(codec.to_record(IDENTITY, SEALED)), **changed}


def as_bytes(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode()


def test_a_record_has_its_documented_fields() -> None:
    """The names are those of the design, and what stands before `kid` is what the wrapped key is bound to."""
    made = document()

    assert set(made) == {
        *("v", "nonce", "identity", "object_key", "sha256", "size", "source", "compression"),
        *("kid", "alg", "iv", "wrapped", "created"),
    }
    assert (made["alg"], made["created"]) == ("A256GCM", "2026-04-15T12:00:00+00:00")
    bound = {name: value for name, value in made.items() if name not in ("kid", "alg", "iv", "wrapped", "created")}
    aad = json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()
    opened = AESGCM(wrapping_key(SECRET)).decrypt(b64decode(str(made["iv"])), b64decode(str(made["wrapped"])), aad)
    assert opened == SEALED.key.reveal()


@pytest.mark.parametrize("secrets", [(SECRET,), (b"the newest recovery key, a test!", OLD_SECRET, SECRET)])
def test_both_forms_of_wrapping_are_read(secrets: tuple[bytes, ...]) -> None:
    """AES-GCM as we write it, and RFC 3394 key wrap as another writer may, with current and with older keys."""
    kid = keys_of(SECRET).kid
    key_wrap = aes_key_wrap(wrapping_key(SECRET), SEALED.key.reveal())
    ours = document()
    theirs = {**ours, "alg": "A256KW", "wrapped": b64encode(key_wrap).decode(), "kid": kid}
    del theirs["iv"]
    codec = KeyCodec(keys_of(*secrets))

    for made in (ours, theirs):
        opened = codec.to_sealed(from_document(as_bytes(made)))
        assert opened is not None
        assert opened.key.reveal() == SEALED.key.reveal()
        assert (opened.nonce, opened.sha256, opened.size_bytes) == (SEALED.nonce, SEALED.sha256, 48)
    assert to_document(from_document(as_bytes(theirs))) == theirs


def test_a_record_of_another_recovery_key_cannot_be_opened() -> None:
    """Without the key that wrapped it there is no key, which makes the object an orphan, not an error."""
    assert KeyCodec(keys_of(OLD_SECRET)).to_sealed(from_document(as_bytes(document()))) is None
    assert KeyCodec(None).to_sealed(from_document(as_bytes(document()))) is None


def test_a_changed_field_is_found_where_the_wrapping_covers_it() -> None:
    """A record whose object was exchanged does not open: the key belongs to other bytes."""
    exchanged = from_document(as_bytes(document(sha256="0" * 64)))

    assert KeyCodec(keys_of(SECRET)).to_sealed(exchanged) is None


@pytest.mark.parametrize(
    "changed",
    [{"v": 2}, {"alg": "A256CBC"}, {"wrapped": "%"}, {"sha256": "0"}, {"iv": None}, {"created": "yesterday"}],
    ids=str,
)
def test_a_record_that_is_none_is_not_guessed_at(changed: dict[str, object]) -> None:
    """A newer version, another algorithm and rubbish are errors that say what to do, never an absent record."""
    with pytest.raises(ProtocolError, match="not readable"):
        from_document(as_bytes(document(**changed)))
