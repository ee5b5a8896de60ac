"""What comes before the body of an answer: read as the standard library does where that is right, else refused."""

from __future__ import annotations

import http.client
import io
import socket
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.http.response import read_fields
from publisher.http.wire import Failure, WireError
from tests.unit.test_http_wire import CONTINUE, OK, Talk, answering, ask, patience, pool_to, talking, whole

names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E) | st.sampled_from(" \t"), max_size=40)


@given(st.lists(st.tuples(names, values), max_size=20))
def test_well_formed_headers_are_read_as_the_library_reads_them(fields: list[tuple[str, str]]) -> None:
    """Names in lower case, values without the space around them, repeated ones joined in their order."""
    block = "".join(f"{name}:{value}\r\n" for name, value in fields).encode() + b"\r\n"
    expected: dict[str, list[str]] = {}
    for name, value in http.client.parse_headers(io.BytesIO(block)).raw_items():
        expected.setdefault(name.lower(), []).append(value.strip(" \t"))

    assert read_fields(io.BytesIO(block).readline) == {name: ", ".join(said) for name, said in expected.items()}


def test_a_folded_value_is_one_line() -> None:
    """A value that goes on in the next line is joined with a space (RFC 9112 section 5.2)."""
    assert read_fields(io.BytesIO(b"X: a\r\n\t b \r\nY: c\n\r\n").readline) == {"x": "a b", "y": "c"}


@pytest.mark.parametrize(
    "line",
    [
        b"no colon\r\n",
        b": no name\r\n",
        b"Name : space\r\n",
        b" folded: without a first line\r\n",
        b"N\xe4me: x\r\n",
        b"Name: a\rb\r\n",
        b"Name: a\0b\r\n",
        b"Name: " + b"x" * 65536 + b"\r\n",
        b"Name: x\r\n" * 101,
    ],
)
def test_a_line_that_is_no_header_makes_the_answer_none(line: bytes) -> None:
    """What the library would take for the end of the block is an error: headers behind it must not be lost."""
    with pytest.raises(http.client.HTTPException):
        read_fields(io.BytesIO(line + b"Content-Length: 2\r\n\r\n").readline)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 OK", b"HTTP/1.1 200 any words"])
def test_a_status_needs_no_words(line: bytes) -> None:
    """The reason may be missing, with or without the space before it (RFC 9112 section 4)."""
    with talking(answering(line + b"\r\nContent-Length: 2\r\n\r\nok")) as talk, pool_to(talk) as pool:
        assert ask(pool) == (200, b"ok")


@pytest.mark.parametrize(
    "line",
    [b"", b"HTTP/2 200 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2x0 OK", b"HTTP/1.1", b"ICY 200 OK"],
)
def test_what_begins_otherwise_is_no_answer(line: bytes) -> None:
    """An answer of another protocol, or of none, is not looked at."""
    answer = line + b"\r\nContent-Length: 2\r\n\r\nok"
    with talking(answering(answer)) as talk, pool_to(talk) as pool, pytest.raises(WireError) as caught:
        ask(pool)

    assert caught.value.failure is Failure.BROKEN


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 2x", b"Content-Length: -2", b"Content-Length:", b"Content-Length: 2\r\nContent-Length: 3"],
)
def test_an_unclear_length_makes_the_answer_none(length: bytes) -> None:
    """Nobody can say where such an answer ends, or whose the bytes after it are (RFC 9112 section 6.3)."""
    answer = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\nok"
    with talking(answering(answer)) as talk, pool_to(talk) as pool, pytest.raises(WireError) as caught:
        ask(pool)

    assert caught.value.failure is Failure.BROKEN


def test_the_same_length_twice_is_one() -> None:
    """Proxies repeat it; it says the same."""
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"
    with talking(answering(twice)) as talk, pool_to(talk) as pool:
        assert ask(pool) == (200, b"ok")


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def test_interim_answers_are_passed_over() -> None:
    """Any number of 1xx may come before the answer (RFC 9110 section 15.2)."""
    with talking(answering(HINTS + CONTINUE + HINTS + OK, OK)) as talk, pool_to(talk) as pool:
        assert [ask(pool), ask(pool)] == [(200, b"ok")] * 2

    assert len(talk.heard) == 2


@pytest.mark.parametrize("interim", [CONTINUE, HINTS + CONTINUE, HINTS])
def test_only_100_asks_for_the_body_at_once(interim: bytes) -> None:
    """Other interim answers say nothing of the body: it is sent after 100, or unasked after a moment."""

    def serve(connection: socket.socket, talk: Talk) -> None:
        talk.hear(connection)
        connection.sendall(interim)
        talk.hear(connection, until=b"body")
        connection.sendall(OK)

    with talking(serve) as talk, pool_to(talk) as pool:
        assert ask(pool, "PUT", b"body", wait=True) == (200, b"ok")

    assert talk.heard[1] == b"body"


def test_repeated_headers_are_joined_for_whoever_asked() -> None:
    """A reply shows headers by names in lower case."""
    answer = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    with talking(answering(answer)) as talk, pool_to(talk) as pool:
        reply = pool.request("GET", "/x", {}, patience=patience())

        assert reply.headers == {"x-a": "1, 2", "content-length": "0"}
        assert whole(reply) == (200, b"")
