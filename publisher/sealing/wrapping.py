"""Recovery keys: they wrap a data key for the escrow record, so that another run can finish what one began.

Keys are derived from a secret setting and live in memory only. Nothing here reads the environment, and no message
repeats a value. Source: DESIGN.md, "Escrow"; RFC 5869 (HKDF), RFC 3394 (key wrap), NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from publisher.errors import DamagedObjectError, NotFoundError, SettingsError
from publisher.model import DataKey
from publisher.sealing.format import KEY_BYTES, RandomBytes

GCM_IV_BYTES: Final = 12
KEY_WRAP_BYTES: Final = KEY_BYTES + 8
"""How long a data key is after RFC 3394 key wrap."""

_WRAPPING_INFO: Final = b"publish-escrow-v1"
_KID_INFO: Final = b"publish-escrow-kid-v1"
_KID_BYTES: Final = 4


class RecoveryKeys:
    """One key that wraps, and older ones that still unwrap. Never printed or pickled."""

    __slots__ = ("_wrapping_keys", "kid")

    def __init__(self, kid: str, wrapping_keys: Mapping[str, bytes]) -> None:
        self.kid = kid
        """Eight hexadecimal digits that name the key which wraps; they say nothing about it."""
        self._wrapping_keys = dict(wrapping_keys)

    @classmethod
    def parse(cls, primary: str, older: Sequence[str] = (), *, setting: str = "PUBLISH_RECOVERY_KEY") -> Self:
        """Read 32-byte keys in base64 (standard or URL-safe alphabet, padding optional).

        Raises `SettingsError`, which names every key that is none, a key of zeros, and an older key that is the
        current one or stands there twice. `setting` is where the keys come from, for messages.
        """
        named = [(setting, primary), *((f"{setting}_OLD, key {n},", text) for n, text in enumerate(older, start=1))]
        secrets: list[bytes] = []
        problems: list[str] = []
        for name, text in named:
            secret = _decode_secret(text)
            if secret is None:
                problems.append(f"{name} is not 32 bytes, not all zero, in base64")
            elif secret in secrets:
                twin = "the current key" if secret == secrets[0] and secrets else "there twice"
                problems.append(f"{name} is {twin}")
            secrets.append(secret or b"")
        if problems:
            raise SettingsError("; ".join(problems), hint="make a key with: openssl rand -base64 32")
        derived = {_derive(secret, _KID_INFO, _KID_BYTES).hex(): secret for secret in reversed(secrets)}
        keys = {kid: _derive(secret, _WRAPPING_INFO, KEY_BYTES) for kid, secret in derived.items()}
        return cls(_derive(secrets[0], _KID_INFO, _KID_BYTES).hex(), keys)

    def wrap(self, key: DataKey, aad: bytes, *, random: RandomBytes = os.urandom) -> str:
        """Return base64 of IV (12 bytes), ciphertext (32) and tag (16): AES-256-GCM bound to `aad`."""
        iv = random(GCM_IV_BYTES)
        sealed = AESGCM(self._wrapping_keys[self.kid]).encrypt(iv, key.reveal(), aad)
        return b64encode(iv + sealed).decode("ascii")

    def unwrap(self, wrapped: str, kid: str, aad: bytes) -> DataKey:
        """Return the data key from either form, which its length tells: AES-256-GCM (60 bytes) or RFC 3394 (40).

        Key wrap has no `aad`: whoever uses it checks the object in full, as every adoption does. Raises
        `NotFoundError` if no configured key is called `kid`, and `DamagedObjectError` if the record was changed or
        belongs to other fields.
        """
        wrapping_key = self._wrapping_keys.get(kid)
        if wrapping_key is None:
            raise NotFoundError(
                "the data key was wrapped under a recovery key that is not configured here",
                hint="configure that recovery key among the older ones",
            )
        try:
            raw = b64decode(wrapped, validate=True)
            if len(raw) == KEY_WRAP_BYTES:
                return DataKey(aes_key_unwrap(wrapping_key, raw))
            return DataKey(AESGCM(wrapping_key).decrypt(raw[:GCM_IV_BYTES], raw[GCM_IV_BYTES:], aad))
        except (ValueError, InvalidTag, InvalidUnwrap):
            raise DamagedObjectError(
                "the wrapped data key was changed, or belongs to another object",
                hint="the object cannot be finished from this record",
            ) from None

    def __repr__(self) -> str:
        return f"RecoveryKeys(kid={self.kid!r}, keys={len(self._wrapping_keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("recovery keys are not to be pickled")


def _decode_secret(text: str) -> bytes | None:
    bare = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        secret = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return None
    return secret if len(secret) == KEY_BYTES and any(secret) else None


def _derive(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
