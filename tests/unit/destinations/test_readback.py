"""Stored bytes looked at again: passed on while they may still be right, refused when they are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from publisher.destinations.fleet.readback import checked
from publisher.errors import DamagedObjectError
from publisher.model import Digest


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


def test_right_bytes_are_passed_on() -> None:
    """Every piece is passed on, and nothing is raised when size and hash agree."""
    data = bytes(range(256)) * 40
    pieces = [data[start : start + 999] for start in range(0, len(data), 999)]

    assert list(checked(pieces, size_bytes=len(data), digest=digest_of(data))) == pieces


def test_an_endless_object_is_left() -> None:
    """Nothing beyond the expected size is passed on, and reading ends with the piece that passes it."""
    taken: list[int] = []
    out = bytearray()

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(10)
            yield b"0123456789"

    with pytest.raises(DamagedObjectError, match="longer"):
        out.extend(byte for piece in checked(endless(), size_bytes=25, digest=Digest("0" * 64)) for byte in piece)

    assert len(taken) == 3
    assert len(out) <= 25


@pytest.mark.parametrize("data", [b"", b"abc", b"abcx", b"abcde"])
def test_short_long_and_changed_objects_are_refused(data: bytes) -> None:
    """Fewer or more bytes than expected, or other bytes of the same size, are damaged."""
    with pytest.raises(DamagedObjectError):
        list(checked([data], size_bytes=4, digest=digest_of(b"abcd")))
