"""The way back: decrypt the stored bytes, decompress them.

The order is a device's: length and SHA-256 over everything first, which is the caller's part, then `unseal`. The format
has no authentication code, so plaintext from bytes that were not checked proves nothing. Source: DESIGN.md, "Object
format".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from publisher.errors import DamagedObjectError
from publisher.model import DataKey, Digest
from publisher.sealing.format import CIPHER_BLOCK_BYTES, IV_BYTES
from publisher.sealing.inflate import Inflater, gunzip, isal_inflater, zlib_inflater

_STEP_BYTES: Final = 1 << 16

Write = Callable[[bytes | memoryview], object]


@dataclass(frozen=True, slots=True)
class Opened:
    """What came out: the source's size in bytes and its SHA-256."""

    size_bytes: int
    sha256: Digest


def unseal(
    chunks: Iterable[bytes],
    write: Write,
    *,
    key: DataKey,
    compression: str,
    limit_bytes: int | None,
    inflater: Inflater | None = None,
) -> Opened:
    """Decrypt an object (IV first) and hand its source to `write` in pieces of at most 256 KiB.

    `compression` is `gzip` or `none`, as in the object's metadata; anything else is a ValueError. `limit_bytes` bounds
    the output: the piece that would pass it is not written.
    Raises `DamagedObjectError` for wrong padding (also: wrong key), a length that is no whole number of cipher blocks,
    anything but exactly one complete and correct gzip member, and output beyond the limit. A second gzip member is
    refused like other trailing bytes: sealing writes one, and not every device's zlib reads more.
    What was written before an error is worthless.
    """
    if compression not in {"gzip", "none"}:
        raise ValueError("compression is gzip or none")
    content = _decrypted(chunks, key)
    if compression == "gzip":
        content = gunzip(content, inflater or isal_inflater() or zlib_inflater())
    size, digest = 0, hashlib.sha256()
    for piece in content:
        size += len(piece)
        if limit_bytes is not None and size > limit_bytes:
            raise DamagedObjectError(f"the object's content is larger than the limit of {limit_bytes} bytes")
        digest.update(piece)
        write(piece)
    return Opened(size_bytes=size, sha256=Digest(digest.hexdigest()))


def _decrypted(chunks: Iterable[bytes], key: DataKey) -> Iterator[bytes]:
    iv, ciphertext = _split_iv(chunks)
    decryptor = Cipher(AES256(key.reveal()), CBC(iv)).decryptor()
    unpadder = PKCS7(CIPHER_BLOCK_BYTES * 8).unpadder()
    try:
        for step in _steps(ciphertext):
            yield unpadder.update(decryptor.update(step))
        last = unpadder.update(decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise DamagedObjectError(
            "the object cannot be decrypted: its padding or its length is wrong",
            hint="the key does not belong to these bytes, or the bytes were damaged",
        ) from None
    yield last


def _split_iv(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(chunks)
    head = b""
    while len(head) < IV_BYTES:
        chunk = next(rest, None)
        if chunk is None:
            raise DamagedObjectError("the object is too short to hold an initialisation vector")
        head += chunk
    return head[:IV_BYTES], chain([head[IV_BYTES:]], rest)


def _steps(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _STEP_BYTES):
            yield view[start : start + _STEP_BYTES]
