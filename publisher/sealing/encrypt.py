"""The serial half of sealing: pieces in, ciphertext out, and the digests of what comes out.

AES-256-CBC cannot be split over threads, because each block needs the one before, nor can a digest; so these are two
objects that are each called in order, at the same time if need be. They allocate nothing per block and do not know
where the output goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from publisher.model import DataKey, Digest
from publisher.sealing.compress import Piece
from publisher.sealing.format import CIPHER_BLOCK_BYTES, IV_BYTES

OVERHEAD_BYTES: Final = IV_BYTES + 2 * CIPHER_BLOCK_BYTES
"""How much longer than its input the output of one call may be, the cipher's working space included."""


class Encryption:
    """The encryption of one object, in order: any number of `update`, then `finish`."""

    def __init__(self, key: DataKey, iv: bytes) -> None:
        self._encryptor = Cipher(AES256(key.reveal()), CBC(iv)).encryptor()
        self._unsent_iv = iv
        self._plain_bytes = 0

    def update(self, pieces: Iterable[Piece], out: memoryview) -> memoryview:
        """Encrypt `pieces` into `out` and return its used part; the first call puts the IV in front.

        `out` needs the size of all pieces plus `OVERHEAD_BYTES`.
        """
        iv, self._unsent_iv = self._unsent_iv, b""
        end = len(iv)
        out[:end] = iv
        for piece in pieces:
            self._plain_bytes += len(piece)
            end += self._encryptor.update_into(piece, out[end:])
        return out[:end]

    def finish(self, pieces: Iterable[Piece], out: memoryview) -> memoryview:
        """Encrypt the last `pieces` and the PKCS7 padding into `out`."""
        last = list(pieces)
        missing = CIPHER_BLOCK_BYTES - (self._plain_bytes + sum(map(len, last))) % CIPHER_BLOCK_BYTES
        sealed = self.update([*last, bytes([missing]) * missing], out)
        self._encryptor.finalize()
        return sealed


class ObjectDigests:
    """Size and digests of an object whose bytes pass in order. MD5 only where it is asked for: it costs most of all."""

    def __init__(self, *, md5: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self.size = 0

    def update(self, sealed: memoryview) -> None:
        self.size += len(sealed)
        self._sha256.update(sealed)
        if self._md5:
            self._md5.update(sealed)

    def sha256(self) -> Digest:
        return Digest(self._sha256.hexdigest())

    def md5(self) -> bytes:
        """Return the 16 raw bytes, or nothing if it was not asked for."""
        return self._md5.digest() if self._md5 else b""
