"""Reading a channel's index as a stream: what it finds, what it refuses, and how much memory it takes."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.destinations.conda.index import MAX_TEXT_BYTES, read_index
from publisher.destinations.conda.ports import Entry, Listing
from publisher.errors import ProtocolError

SHA, MD5 = "ab" * 32, "cd" * 16


def in_pieces(content: bytes, size: int = 1 << 20) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def read(document: object, *names: str, subdir: str = "linux-64", size: int = 1 << 20) -> Listing:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_index(in_pieces(content, size), subdir, names)


def index(*, packages: Any = None, conda: Any = None, **more: Any) -> dict[str, Any]:
    return {"info": {"subdir": "linux-64"}, "packages": packages or {}, "packages.conda": conda or {}, **more}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_both_sections_are_looked_through(size: int) -> None:
    """Packages of both formats are found, however the document is cut into pieces; others are left alone."""
    document = index(
        packages={
            "a-1-0.tar.bz2": {"depends": ["x >=1", "y"], "size": 7, "sha256": SHA.upper(), "md5": MD5},
            "b-1-0.tar.bz2": {"size": 9, "sha256": "00" * 32},
        },
        conda={"a-1-0.conda": {"size": 8, "md5": MD5, "extra": {"nested": [{"size": 1}]}}},
    )

    listing = read(document, "a-1-0.tar.bz2", "a-1-0.conda", "c-1-0.conda", size=size)

    assert listing == Listing({"a-1-0.tar.bz2": Entry(7, SHA, MD5), "a-1-0.conda": Entry(8, None, MD5)})


def test_files_that_the_owners_removed_are_told() -> None:
    """A file in `removed` is not listed and may still be there."""
    assert read(index(removed=["a-1-0.conda", "b-1-0.conda"]), "a-1-0.conda").removed == {"a-1-0.conda"}


def test_values_that_are_none_are_left_out() -> None:
    """A size that is no number and digests that are none count as not said, never as equal to something."""
    document = index(packages={"a-1-0.tar.bz2": {"size": "7", "sha256": SHA[:-1], "md5": [MD5]}})

    assert read(document, "a-1-0.tar.bz2").entries == {"a-1-0.tar.bz2": Entry(None, None, None)}


@pytest.mark.parametrize(
    "document",
    [
        {"packages": {}},
        {"info": {"subdir": "linux-64"}, "packages.conda": {}},
        {"info": {}, "packages": {}},
        {"info": {"arch": "x86_64", "platform": "linux"}, "packages": {}},
    ],
)
def test_indexes_of_all_ages_are_read(document: object) -> None:
    """Old indexers do not name the subdir and know one format only."""
    assert read(document, "a-1-0.conda") == Listing()


NOT_AN_INDEX = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "a text": b'"packages"',
    "a number": b"1",
    "a list": b"[]",
    "another document": b'{"ok": true}',
    "a list of packages": b'{"packages": []}',
    "a text for the packages": b'{"packages": "none"}',
    "a text for a package": b'{"packages": {"a-1-0.conda": "x"}}',
    "a list for a package": b'{"packages": {"a-1-0.conda": []}}',
    "cut": b'{"packages": {"a-1-0.conda": {"size": 1',
    "something after it": b'{"packages": {}} {}',
    "no UTF-8": b'{"packages": {"\xff": {}}}',
    "NaN": b'{"packages": {"a-1-0.conda": {"size": NaN}}}',
    "a huge number": b'{"packages": {"a-1-0.conda": {"size": 1' + b"0" * 400 + b"}}}",
    "of another subdir": b'{"info": {"subdir": "noarch"}, "packages": {}}',
}


@pytest.mark.parametrize("content", NOT_AN_INDEX.values(), ids=NOT_AN_INDEX)
def test_what_is_no_index_is_refused(content: bytes) -> None:
    """A page, another document or half of an index is an error, never an empty channel."""
    with pytest.raises(ProtocolError, match=r"^linux-64/repodata.json is not the index of a channel$"):
        read(content, "a-1-0.conda")


@pytest.mark.parametrize("sections", ['"packages": {F, F}', '"packages": {F}, "packages.conda": {F}'])
def test_a_file_that_is_listed_twice_is_refused(sections: str) -> None:
    """Two entries of one file may say different things."""
    twice = "{" + sections.replace("F", '"a-1-0.conda": {"sha256": "00"}') + "}"

    with pytest.raises(ProtocolError, match=r"lists a-1-0\.conda twice"):
        read(twice.encode(), "a-1-0.conda")


def test_an_index_of_any_size_takes_little_memory() -> None:
    """A hundred thousand packages are read in constant memory."""
    entry = json.dumps({"depends": ["python >=3.10"], "sha256": SHA, "md5": MD5, "size": 1}).encode()

    def pieces() -> Iterator[bytes]:
        yield b'{"info": {"subdir": "linux-64"}, "packages": {'
        for number in range(100_000):
            yield b'"p-%d-0.tar.bz2": %s,' % (number, entry)
        yield b'"last-1-0.tar.bz2": %s}}' % entry

    tracemalloc.start()
    listing = read_index(pieces(), "linux-64", {"last-1-0.tar.bz2", "p-7-0.tar.bz2"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sorted(listing.entries) == ["last-1-0.tar.bz2", "p-7-0.tar.bz2"]
    assert peak < 4 << 20


def test_a_text_without_end_is_given_up() -> None:
    """One endless text would fill the memory; it is refused after a few megabytes."""
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield b'{"packages": {"'
        while True:
            taken += 1 << 20
            yield b"a" * (1 << 20)

    with pytest.raises(ProtocolError, match="not the index"):
        read_index(pieces(), "linux-64", ())
    assert taken < 4 * MAX_TEXT_BYTES


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    content=st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists).map(
        lambda value: json.dumps({"packages": value}).encode()
    ),
    size=st.integers(1, 50),
)
def test_anything_is_an_index_or_an_error(content: bytes, size: int) -> None:
    """Whatever a server answers is read or refused, and nothing else happens."""
    try:
        read(content, "a-1-0.conda", size=size)
    except ProtocolError:
        return
    assert isinstance(json.loads(content)["packages"], dict)
