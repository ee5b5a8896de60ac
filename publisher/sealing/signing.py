"""Ed25519 keys that sign release statements, and the public keys that check them.

Private keys come from a secret setting and live in memory only. Nothing here reads the environment, and no message
repeats a value. Source: RFC 8032 (Ed25519), RFC 8410 (its PEM forms).
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from publisher.errors import InputError, SettingsError

_RAW_BYTES: Final = 32
_PEM_START: Final = "-----BEGIN "


class PublicKey:
    """Checks signatures. `keyid` is the hex SHA-256 of the key's DER SubjectPublicKeyInfo."""

    __slots__ = ("_key", "keyid")

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.keyid = sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    @classmethod
    def parse(cls, text: str, *, name: str) -> Self:
        """Read PEM (SubjectPublicKeyInfo), or base64 of 32 bytes. `name` is what messages call it.

        Raises `InputError` for anything else, a private key in PEM included.
        """
        try:
            if text.lstrip().startswith(_PEM_START):
                loaded = load_pem_public_key(text.strip().encode())
                if isinstance(loaded, Ed25519PublicKey):
                    return cls(loaded)
            else:
                return cls(Ed25519PublicKey.from_public_bytes(_raw(text)))
        except (ValueError, UnsupportedAlgorithm):
            pass
        raise InputError(
            f"{name} is not an ed25519 public key in PEM, or 32 bytes in base64",
            hint="make it from the private key with: openssl pkey -in signing.pem -pubout",
        ) from None

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Say whether `signature` is this key's over exactly `data`."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def __repr__(self) -> str:
        return f"PublicKey(keyid={self.keyid[:16]!r})"


class SigningKey:
    """Signs. Never printed or pickled."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def parse(cls, text: str, *, setting: str) -> Self:
        """Read PEM (PKCS #8, not encrypted), or base64 of 32 bytes (standard or URL-safe alphabet).

        Raises `SettingsError` for anything else and for a key of zeros.
        """
        try:
            if text.lstrip().startswith(_PEM_START):
                loaded = load_pem_private_key(text.strip().encode(), password=None)
                if isinstance(loaded, Ed25519PrivateKey):
                    return cls(loaded)
            else:
                return cls(Ed25519PrivateKey.from_private_bytes(_raw(text)))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            pass
        raise SettingsError(
            f"{setting} is not an ed25519 private key: unencrypted PEM, or 32 bytes, not all zero, in base64",
            hint="make one with: openssl genpkey -algorithm ed25519",
        ) from None

    def sign(self, data: bytes) -> bytes:
        """Return the signature, 64 bytes; always the same for the same data."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"SigningKey(keyid={self.public.keyid[:16]!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not to be pickled")


def _raw(text: str) -> bytes:
    bare = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    raw = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    if len(raw) != _RAW_BYTES or not any(raw):
        raise ValueError("32 bytes, not all zero, are needed")
    return raw
