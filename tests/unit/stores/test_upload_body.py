"""The body of an upload: honest about its length, its progress and its own failures."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import LocalResourceError
from publisher.stores.body import Body
from publisher.stores.upload_body import PIECE_BYTES, crc32_text, upload_pieces


def test_a_piece_counts_when_the_next_one_is_asked_for() -> None:
    """What waits to be sent is not counted as sent."""
    sent: list[int] = []
    pieces = upload_pieces(Body.of(b"x" * (PIECE_BYTES + 1)), sent.append)

    next(pieces)
    counted_early = list(sent)
    rest = list(pieces)

    assert counted_early == []
    assert (rest, sent) == ([b"x"], [PIECE_BYTES, 1])


def test_a_body_that_ends_early_is_not_sent_as_if_whole() -> None:
    """Fewer bytes than announced are an error of this machine, for files and buffers alike."""
    for body in (Body.of(b"abc"), Body.of_buffers([b"a", b"bc"])):
        with pytest.raises(LocalResourceError, match="ended early"):
            list(upload_pieces(replace(body, size_bytes=9)))


def test_bytes_beyond_the_announced_size_are_not_sent() -> None:
    """A body that grew is sent up to its announced size; the digests then tell."""
    for body in (Body.of(b"abcdef"), Body.of_buffers([b"ab", b"cd", b"ef"])):
        assert b"".join(upload_pieces(replace(body, size_bytes=3))) == b"abc"


def test_a_body_that_cannot_be_opened_is_a_local_problem() -> None:
    """A missing temporary file is an error of this machine."""

    def missing() -> io.BytesIO:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(LocalResourceError, match="No such file"):
        list(upload_pieces(replace(Body.of(b"x"), open=missing)))


@given(st.lists(st.binary(max_size=50)))
def test_buffers_are_sent_in_their_order(buffers: list[bytes]) -> None:
    """Buffers in a row are one body: as pieces, as a file, and in its size."""
    body = Body.of_buffers(buffers)

    assert b"".join(upload_pieces(body)) == b"".join(buffers)
    assert body.open().read() == b"".join(buffers)
    assert body.size_bytes == sum(map(len, buffers))


def test_buffers_are_not_copied() -> None:
    """What is in memory is handed to the connection as it lies there."""
    buffer = bytearray(PIECE_BYTES * 2)

    pieces = list(upload_pieces(Body.of_buffers([memoryview(buffer)])))

    assert [isinstance(piece, memoryview) and piece.obj is buffer for piece in pieces] == [True, True]


def test_a_crc32_is_spelled_like_the_api_spells_it() -> None:
    """Four bytes in network order, in base64."""
    assert crc32_text(0xCBF43926) == "y/Q5Jg=="
