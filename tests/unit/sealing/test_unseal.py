"""Opening what was sealed, and refusing what was damaged."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import pytest

from publisher.destinations.fleet.readback import checked
from publisher.errors import DamagedObjectError
from publisher.model import Compression, DataKey
from publisher.sealing.encrypt import OVERHEAD_BYTES, Encryption
from publisher.sealing.format import derive_iv
from publisher.sealing.inflate import Inflater, gunzip, isal_inflater, zlib_inflater
from publisher.sealing.unseal import unseal
from tests.unit.sealing.samples import KEY, MIB, cut, mixed, seal_bytes, text, unseal_bytes

INFLATERS = [inflater for inflater in (isal_inflater(), zlib_inflater()) if inflater]

with_every_inflater = pytest.mark.parametrize("inflater", INFLATERS, ids=lambda inflater: inflater.name)


def encrypted(content: bytes) -> bytes:
    """Return the object whose decrypted content is exactly `content`, be it gzip or not."""
    space = memoryview(bytearray(len(content) + OVERHEAD_BYTES))
    return bytes(Encryption(KEY, derive_iv(KEY)).finish([content], space))


@with_every_inflater
@pytest.mark.parametrize("chunk", [1, 15, 16, 17, 1000, 65_536, 1 << 30])
def test_chunks_may_be_cut_anywhere(inflater: Inflater, chunk: int) -> None:
    """How the object is cut into chunks does not matter."""
    source = mixed(20_000 if chunk < 1000 else 3 * MIB)
    data, _ = seal_bytes(source)

    assert unseal_bytes(cut(data, chunk), inflater=inflater) == source


@with_every_inflater
def test_every_cut_object_is_refused(inflater: Inflater) -> None:
    """An object that lacks bytes at its end is damaged, wherever it was cut."""
    data, _ = seal_bytes(mixed(500))

    for end in range(len(data)):
        with pytest.raises(DamagedObjectError):
            unseal_bytes([data[:end]], inflater=inflater)


@with_every_inflater
def test_no_flipped_bit_gives_other_content(inflater: Inflater) -> None:
    """A flipped bit is always found by the hash over the object, and never makes another source of it."""
    source = mixed(700)
    data, sealed = seal_bytes(source)

    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        with pytest.raises(DamagedObjectError):
            b"".join(checked([bytes(damaged)], size_bytes=sealed.object_size, digest=sealed.object_sha256))
        try:
            assert unseal_bytes([bytes(damaged)], inflater=inflater) == source
        except DamagedObjectError:
            continue


@with_every_inflater
@pytest.mark.parametrize(
    "tail",
    [b"x", bytes(20), gzip.compress(b"second member", mtime=0), b"\x1f\x8b"],
    ids=["byte", "zeros", "member", "magic"],
)
@pytest.mark.parametrize("chunk", [1 << 20, 16])
def test_bytes_after_the_member_are_refused(inflater: Inflater, tail: bytes, chunk: int) -> None:
    """An object holds exactly one gzip member; a second one is refused like any other tail."""
    member = gzip.compress(text(100_000), mtime=0)

    with pytest.raises(DamagedObjectError):
        unseal_bytes(cut(encrypted(member + tail), chunk), inflater=inflater)


@with_every_inflater
def test_a_piece_after_a_finished_member_is_refused(inflater: Inflater) -> None:
    """Bytes after the member are found also where a piece ended with it; empty pieces are nothing."""
    member = gzip.compress(b"whole", mtime=0)

    assert b"".join(gunzip([member, b""], inflater)) == b"whole"
    with pytest.raises(DamagedObjectError, match="after"):
        list(gunzip([member, b"x"], inflater))


@with_every_inflater
def test_every_cut_member_is_refused(inflater: Inflater) -> None:
    """A correctly encrypted but incomplete gzip member is damaged, down to its last trailer byte."""
    member = gzip.compress(mixed(300), mtime=0)

    for end in range(len(member)):
        with pytest.raises(DamagedObjectError):
            unseal_bytes([encrypted(member[:end])], inflater=inflater)


@with_every_inflater
@pytest.mark.parametrize("position", [-8, -4, 0, 2])
def test_a_wrong_checksum_or_header_is_refused(inflater: Inflater, position: int) -> None:
    """CRC-32, size, magic and method of the member are checked."""
    member = bytearray(gzip.compress(text(5000), mtime=0))
    member[position] ^= 1

    with pytest.raises(DamagedObjectError):
        unseal_bytes([encrypted(bytes(member))], inflater=inflater)


@with_every_inflater
def test_members_of_other_tools_are_read(inflater: Inflater) -> None:
    """A member with a name, a comment, an extra field and a header checksum is read, however it is cut."""
    header = b"\x1f\x8b\x08\x1e\x01\x02\x03\x04\x02\x03" + b"\x05\x00extra" + b"name.bin\x00" + b"comment\x00"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    source = mixed(3000)
    member = header + gzip.compress(source, mtime=0)[10:]

    for chunk in (1, 7, 1 << 20):
        assert unseal_bytes(cut(encrypted(member), chunk), inflater=inflater) == source


def test_a_wrong_key_is_refused() -> None:
    """Bytes under another key are damaged, whatever their padding happens to be."""
    data, _ = seal_bytes(text(1000))

    for n in range(64):
        with pytest.raises(DamagedObjectError):
            unseal_bytes([data], key=DataKey(bytes([n]) * 32))


@pytest.mark.parametrize("padding", [b"\x00" * 16, b"\x11" * 16, b"\x01" * 14 + b"\x03\x02", b"\x02" * 15 + b"\x03"])
def test_wrong_padding_is_refused(padding: bytes) -> None:
    """PKCS7 padding of 0, of more than a block, or of unequal bytes is damaged."""
    space = memoryview(bytearray(200))
    data = bytes(Encryption(KEY, derive_iv(KEY)).update([b"a" * 16, padding], space))

    with pytest.raises(DamagedObjectError):
        unseal_bytes([data], compression="none")


@with_every_inflater
@pytest.mark.parametrize("compression", [Compression.FAST, Compression.NONE])
def test_output_stops_at_the_limit(inflater: Inflater, compression: Compression) -> None:
    """The limit is exact, and nothing beyond it is written."""
    source = bytes(3 * MIB)
    data, _ = seal_bytes(source, compression=compression)
    written: list[int] = []

    assert unseal_bytes([data], compression=compression.wire, limit_bytes=len(source), inflater=inflater) == source
    with pytest.raises(DamagedObjectError, match="limit"):
        unseal(
            [data],
            lambda piece: written.append(len(piece)),
            key=KEY,
            compression=compression.wire,
            limit_bytes=len(source) - 1,
            inflater=inflater,
        )

    assert sum(written) < len(source)


@with_every_inflater
def test_a_bomb_is_opened_in_small_pieces(inflater: Inflater) -> None:
    """A member that inflates a thousandfold still comes out in pieces of at most 256 KiB."""
    data = encrypted(gzip.compress(bytes(64 * MIB), 9, mtime=0))
    largest = 0

    def write(piece: bytes | memoryview) -> None:
        nonlocal largest
        largest = max(largest, len(piece))

    opened = unseal([data], write, key=KEY, compression="gzip", limit_bytes=None, inflater=inflater)

    assert opened.size_bytes == 64 * MIB
    assert largest <= 1 << 18


def test_size_and_digest_of_the_content_come_back() -> None:
    """`unseal` returns the source's size and SHA-256."""
    source = mixed(100_000)
    data, _ = seal_bytes(source)

    opened = unseal([data], lambda _: None, key=KEY, compression="gzip", limit_bytes=None)

    assert (opened.size_bytes, opened.sha256.hex) == (len(source), hashlib.sha256(source).hexdigest())


def test_an_unknown_compression_is_a_mistake_of_the_caller() -> None:
    """Only the two words of the object's metadata are accepted."""
    with pytest.raises(ValueError, match="gzip or none"):
        unseal_bytes([], compression="zstd")
