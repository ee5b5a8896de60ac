"""The layout of a sealed object: names, sizes and the few bytes around the ciphertext.

object = IV (16 bytes) || AES-256-CBC( PKCS7( gzip(source) ) ), or without the gzip where compression is `none`.
Source: DESIGN.md, "Object format". Standard library only; nothing here reads or writes.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Callable
from typing import Final

from publisher.model import DataKey

IV_BYTES: Final = 16
CIPHER_BLOCK_BYTES: Final = 16
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 16

GZIP_HEADER: Final = bytes.fromhex("1f8b0800000000000003")
"""One member: deflate, no flags (so no name), mtime 0, no extra flags, system Unix. Source: RFC 1952 section 2.3."""

DEFLATE_END: Final = b"\x03\x00"
"""A last, empty block with fixed codes; closes a stream of blocks that each end on a byte. Source: RFC 1951, 3.2.3."""

_IV_LABEL: Final = b"publish-iv-v1"

RandomBytes = Callable[[int], bytes]
"""Returns that many unpredictable bytes; `os.urandom` outside of tests."""


def new_data_key(random: RandomBytes = os.urandom) -> DataKey:
    """Return a fresh key for one artifact, to be used once."""
    return DataKey(random(KEY_BYTES))


def new_nonce(random: RandomBytes = os.urandom) -> str:
    """Return 32 lowercase hexadecimal digits that name one set of sealed bytes."""
    return random(NONCE_BYTES).hex()


def derive_iv(key: DataKey) -> bytes:
    """Return the 16-byte IV that belongs to `key`.

    As good as random, because the key is random and used once; derived, so that the same source, key and compressor
    give the same bytes again.
    """
    return hmac.digest(key.reveal(), _IV_LABEL, "sha256")[:IV_BYTES]


def sealed_size(compressed_size: int) -> int:
    """Return the object's size in bytes for that many bytes of gzip (or of source, where compression is `none`).

    PKCS7 adds 1 to 16 bytes, never none.
    """
    return IV_BYTES + CIPHER_BLOCK_BYTES * (compressed_size // CIPHER_BLOCK_BYTES + 1)


def gzip_trailer(crc32: int, source_size: int) -> bytes:
    """Return the eight bytes that end a gzip member: CRC-32 and size modulo 2**32, little-endian."""
    return struct.pack("<LL", crc32, source_size & 0xFFFFFFFF)
