"""The serial half of sealing: pieces in, ciphertext out, sizes and digests on the way.

AES-256-CBC cannot be split over threads, because each block needs the one before; so this is one object that is called
in order. It allocates nothing per block and does not know where its output goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from publisher.model import DataKey
from publisher.sealing.compress import Piece
from publisher.sealing.format import CIPHER_BLOCK_BYTES, IV_BYTES

OVERHEAD_BYTES: Final = IV_BYTES + 2 * CIPHER_BLOCK_BYTES
"""How much longer than its input the output of one call may be, the cipher's working space included."""

_STEP_BYTES: Final = 1 << 18
"""Ciphertext of this size is still in the core's cache when it is hashed."""


class Encryption:
    """The encryption of one object, in order: any number of `update`, then `finish`."""

    def __init__(self, key: DataKey, iv: bytes) -> None:
        self._encryptor = Cipher(AES256(key.reveal()), CBC(iv)).encryptor()
        self._unsent_iv = iv
        self._sha256 = hashlib.sha256()
        self._plain_bytes = 0
        self.object_size = 0

    def update(self, pieces: Iterable[Piece], out: memoryview) -> memoryview:
        """Encrypt `pieces` into `out` and return its used part; the first call puts the IV in front.

        `out` needs the size of all pieces plus `OVERHEAD_BYTES`.
        """
        end = self._put_iv(out)
        for piece in pieces:
            view = memoryview(piece)
            self._plain_bytes += len(view)
            for start in range(0, len(view), _STEP_BYTES):
                written = self._encryptor.update_into(view[start : start + _STEP_BYTES], out[end:])
                self._sha256.update(out[end : end + written])
                end += written
        self.object_size += end
        return out[:end]

    def finish(self, pieces: Iterable[Piece], out: memoryview) -> memoryview:
        """Encrypt the last `pieces` and the PKCS7 padding into `out`."""
        last = list(pieces)
        missing = CIPHER_BLOCK_BYTES - (self._plain_bytes + sum(map(len, last))) % CIPHER_BLOCK_BYTES
        sealed = self.update([*last, bytes([missing]) * missing], out)
        self._encryptor.finalize()
        return sealed

    def object_sha256(self) -> str:
        """Return the SHA-256 of everything returned so far, the IV included, in lowercase hexadecimal."""
        return self._sha256.hexdigest()

    def _put_iv(self, out: memoryview) -> int:
        iv, self._unsent_iv = self._unsent_iv, b""
        out[: len(iv)] = iv
        self._sha256.update(iv)
        return len(iv)
