"""The sealed object as other tools see it: the published test vector, openssl and gunzip."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest

from publisher.destinations.fleet.readback import checked
from publisher.model import Compression, DataKey, Digest
from publisher.sealing.encrypt import OVERHEAD_BYTES, Encryption
from publisher.sealing.format import sealed_size
from tests.support.programs import need
from tests.unit.sealing.samples import ALL_LEVELS, CONTENTS, seal_bytes, unseal_bytes

VECTOR_PLAINTEXT = b"hello azaion\n"
VECTOR_KEY = DataKey(bytes.fromhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
VECTOR_GZIP = bytes.fromhex("1f8b0800000000000203cb48cdc9c95748ac4acccccfe302002334e83d0d000000")
VECTOR_OBJECT = bytes.fromhex(
    "101112131415161718191a1b1c1d1e1f61fc708bc258345c13b036c4a17cc012"
    "2e9deb4c4f8d076cc2ce3252da08b281d31c36ab39399ae7f446a4f770c07411"
)
VECTOR_SHA256 = Digest("5ca9edf12d7eca52a581a797bd337e554f5543f7e8604649234b27ce01690ee6")

KIB, MIB = 1 << 10, 1 << 20
SIZES = [
    *(0, 1, 15, 16, 17),
    *(64 * KIB - 1, 64 * KIB, 64 * KIB + 1),
    *(256 * KIB - 1, 256 * KIB, 256 * KIB + 1),
    *(MIB - 1, MIB, MIB + 1),
    *(MIB + 32 * KIB - 1, MIB + 32 * KIB, MIB + 32 * KIB + 1),
    *(3 * MIB - 1, 3 * MIB, 3 * MIB + 1),
]


def opened_by_openssl(data: bytes, key: DataKey, *, folder: Path) -> bytes:
    """Decrypt an object with nothing but openssl and the key's hexadecimal digits."""
    openssl = need("openssl", "openssl")
    body = folder / "body"
    body.write_bytes(data[16:])
    command = [openssl, "enc", "-d", "-aes-256-cbc", "-K", key.reveal_hex(), "-iv", data[:16].hex(), "-in", str(body)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def gunzipped(member: bytes) -> bytes:
    """Decompress with the gzip program, which also checks the trailer."""
    command = [need("gzip", "gzip"), "--decompress", "--stdout"]
    return subprocess.run(command, input=member, capture_output=True, check=True).stdout


def test_the_vector_opens() -> None:
    """The published object opens to the published plaintext."""
    assert unseal_bytes([VECTOR_OBJECT], key=VECTOR_KEY) == VECTOR_PLAINTEXT


def test_the_vector_has_its_published_size_and_hash() -> None:
    """Size and SHA-256 are over the whole object, the IV included."""
    assert b"".join(checked([VECTOR_OBJECT], size_bytes=64, digest=VECTOR_SHA256)) == VECTOR_OBJECT
    assert sealed_size(len(VECTOR_GZIP)) == len(VECTOR_OBJECT)


def test_the_cipher_stage_is_exact_in_both_directions() -> None:
    """The published gzip bytes, key and IV encrypt to the published object, and decrypt from it."""
    space = memoryview(bytearray(len(VECTOR_GZIP) + OVERHEAD_BYTES))
    encryption = Encryption(VECTOR_KEY, VECTOR_OBJECT[:16])

    assert bytes(encryption.finish([VECTOR_GZIP], space)) == VECTOR_OBJECT
    assert unseal_bytes([VECTOR_OBJECT], key=VECTOR_KEY, compression="none") == VECTOR_GZIP


@pytest.mark.parametrize("compression", ALL_LEVELS)
@pytest.mark.parametrize("size", SIZES)
def test_openssl_and_gunzip_open_what_was_sealed(compression: Compression, size: int, tmp_path: Path) -> None:
    """At every buffer boundary an object opens with openssl and gunzip alone, to the source."""
    source = CONTENTS["mixed"](size)
    data, sealed = seal_bytes(source, compression=compression)

    content = opened_by_openssl(data, DataKey(bytes(range(32))), folder=tmp_path)

    assert len(data) == sealed.object_size == sealed_size(len(content))
    assert hashlib.sha256(data).hexdigest() == sealed.object_sha256.hex
    assert (content if compression is Compression.NONE else gunzipped(content)) == source


@pytest.mark.parametrize("compression", [Compression.FAST, Compression.BEST])
@pytest.mark.parametrize("content", sorted(CONTENTS))
@pytest.mark.parametrize("size", [0, 16, 100_000, MIB, 2 * MIB + 77])
def test_a_device_s_zlib_reads_one_member(compression: Compression, content: str, size: int) -> None:
    """zlib, asked for one gzip member, reads the whole source and finds nothing after it."""
    source = CONTENTS[content](size)
    data, _ = seal_bytes(source, compression=compression)
    member = unseal_bytes([data], compression="none")
    stream = zlib.decompressobj(31)

    assert stream.decompress(member) == source
    assert stream.eof
    assert stream.unused_data == b""
    assert member[3:8] == bytes(5)
