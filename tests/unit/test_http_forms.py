"""Forms with a file, read back by another implementation of the format."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPFile, parse_body_arguments

from publisher.http import FormFile, Masked, form_body
from tests.support.canary import found

TOKEN = "canary-token-0123456789-abcdefghijklmnop"


@given(pieces=st.lists(st.binary(max_size=64), max_size=5))
def test_a_form_is_read_back_as_it_was_made(pieces: list[bytes]) -> None:
    """The fields come first and in order, the file is last and unchanged, and the length is the announced one."""
    file = FormFile("artifact", "x-1!1.0+cu-0.tar.bz2", sum(map(len, pieces)), pieces)

    form = form_body([("token", Masked(TOKEN)), ("arch", "linux-64")], file)
    body = b"".join(form)

    assert len(body) == form.size_bytes
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    parse_body_arguments(form.content_type, body, fields, files)
    assert fields == {"token": [TOKEN.encode()], "arch": [b"linux-64"]}
    assert list(files) == ["artifact"]
    (read,) = files["artifact"]
    assert (read["filename"], read["body"]) == (file.filename, b"".join(pieces))


def test_the_file_is_asked_for_piece_by_piece() -> None:
    """A file larger than memory can be sent: its pieces are made when they are wanted."""
    made = 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield bytes(1000)

    form = iter(form_body([], FormFile("artifact", "x", 1_000_000, pieces())))
    next(form)
    next(form)

    assert made == 1


@pytest.mark.parametrize("name", ["", 'a"b', "a/b", "a b", "a\r\nb", "ü", "a\\b"])
def test_a_name_that_would_need_escaping_is_refused(name: str) -> None:
    """Servers undo quoting in different ways, so that no name is sent that needs it."""
    with pytest.raises(ValueError, match="escaping"):
        form_body([], FormFile("artifact", name, 0, ()))


def test_a_form_does_not_show_its_secret() -> None:
    """The token is in the body only, and the body is not shown."""
    form = form_body([("token", Masked(TOKEN))], FormFile("artifact", "x", 1, [b"x"]))

    assert found([TOKEN], repr(form)) == []
