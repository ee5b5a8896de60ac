"""The tar reader: what the standard library writes is read the same, and nothing broken passes for whole."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.sources.images.tar_reader import EXTENDED_LIMIT_BYTES, Member, TarError, TarReader
from tests.support.images import tar_of


class Written:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.contents: dict[str, bytes] = {}
        self.open: str | None = None

    def begin(self, member: Member) -> None:
        assert self.open is None
        self.members.append(member)
        self.open = member.name
        if member.is_file:
            self.contents[member.name] = b""

    def content(self, piece: memoryview) -> None:
        assert self.open is not None
        self.contents[self.open] += bytes(piece)

    def end(self) -> None:
        self.open = None


def read(archive: bytes, *, piece: int = 1 << 20) -> Written:
    written = Written()
    reader = TarReader(written)
    for start in range(0, len(archive), piece):
        reader.feed(archive[start : start + piece])
    reader.finish()
    return written


def header(name: str, kind: bytes, size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


END = bytes(1024)
ONE = tar_of({"manifest.json": b"[]"})

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=140
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@given(
    st.dictionaries(paths, st.binary(max_size=1500), max_size=5),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.integers(min_value=1, max_value=1100),
)
def test_what_tarfile_writes_is_read_the_same(files: dict[str, bytes], dialect: int, piece: int) -> None:
    """Names of any length and script, in both dialects, and contents come out as they went in, whatever the pieces."""
    read_back = read(tar_of(dict(files), dialect=dialect), piece=piece)

    assert read_back.contents == files
    assert [member.size_bytes for member in read_back.members] == [len(content) for content in files.values()]


@given(st.dictionaries(paths, st.binary(max_size=600), min_size=1, max_size=3), st.data())
def test_an_archive_that_is_cut_anywhere_is_refused(files: dict[str, bytes], data: st.DataObject) -> None:
    """No start of an archive that lacks its end passes for an archive."""
    archive = tar_of(dict(files))
    with tarfile.open(fileobj=io.BytesIO(archive)) as told:
        told.getmembers()
        end = told.offset
    cut = data.draw(st.integers(min_value=0, max_value=end + 511))

    with pytest.raises(TarError):
        read(archive[:cut])


@given(st.binary(max_size=3000))
def test_any_bytes_end_in_a_verdict(rubbish: bytes) -> None:
    """Whatever comes, the reader either accepts it or raises its own error."""
    try:
        read(rubbish)
    except TarError:
        return
    assert not rubbish.strip(b"\0")


@given(st.data())
def test_a_damaged_header_is_not_taken_for_the_end(data: st.DataObject) -> None:
    """A changed byte in a header is noticed, also behind the first one, where tarfile takes it for the end.

    All but the last of the checksum's own eight bytes: it ends the number and is no part of it.
    """
    archive = bytearray(tar_of({"a": b"1", "b": b"2"}))
    start = data.draw(st.sampled_from([0, 1024]))
    archive[start + data.draw(st.integers(min_value=0, max_value=511).filter(lambda at: at != 155))] ^= 0x41

    with pytest.raises(TarError):
        read(bytes(archive))


def test_links_lead_where_they_are_followed() -> None:
    """A symbolic link is relative to its folder, a hard link to the archive; other special entries are no files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind, target in (
            ("layer/layer.tar", tarfile.SYMTYPE, "../other.tar"),
            ("./copy", tarfile.LNKTYPE, "./other.tar"),
            ("pipe", tarfile.FIFOTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)

    assert read(packed.getvalue()).members == [
        Member("layer/layer.tar", 0, False, "other.tar"),
        Member("copy", 0, False, "other.tar"),
        Member("pipe", 0, False, None),
    ]


def test_a_size_beyond_octal_is_read() -> None:
    """A layer above 8 GiB has its size in a pax record or in base 256; both are understood."""
    huge = 9 * 1024**3
    for dialect in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        info = tarfile.TarInfo("layer.tar")
        info.size = huge
        written = Written()
        reader = TarReader(written)

        reader.feed(info.tobuf(dialect))

        assert written.members == [Member("layer.tar", huge, True)]
        with pytest.raises(TarError, match="cut short"):
            reader.finish()


@pytest.mark.parametrize(
    ("archive", "complaint"),
    [
        (b"", "cut short"),
        (b"#!/bin/sh\n" * 100, "not a tar archive"),
        (ONE[:1024] + END[:512], "cut short"),
        (ONE[:1024] + END[:512] + ONE, "single zero block"),
        (ONE + ONE, "goes on behind its end"),
        (ONE + b"x", "goes on behind its end"),
        (header("sparse", tarfile.GNUTYPE_SPARSE) + END, "of a kind"),
        (header("x", tarfile.XHDTYPE, EXTENDED_LIMIT_BYTES + 1), "extended header of 1048577 bytes"),
        (header("x", tarfile.XHDTYPE, 8) + b"9 path=a".ljust(512, b"\0"), "damaged extended header"),
        (header("x", tarfile.XHDTYPE, 9) + b"xx path=a".ljust(512, b"\0"), "damaged extended header"),
        (header("x", tarfile.XHDTYPE, 12) + b"12 size=-12\n".ljust(512, b"\0") + header("a", b"0"), "damaged extended"),
        (header("x", tarfile.XHDTYPE, 22) + b"22 GNU.sparse.major=1\n".ljust(512, b"\0"), "of a kind"),
        (header("g", tarfile.XGLTYPE, 10) + b"10 path=a\n".ljust(512, b"\0") + END, "renames all"),
        (header("l", tarfile.GNUTYPE_LONGNAME, 4) + b"name".ljust(512, b"\0") + END, "in the middle of an entry"),
    ],
)
def test_what_is_no_whole_archive_is_refused(archive: bytes, complaint: str) -> None:
    """An archive without its end, with something behind it, or of kinds that no image has, is an error that says so."""
    with pytest.raises(TarError, match=complaint):
        read(archive)


def test_comments_of_a_whole_archive_do_no_harm() -> None:
    """A global header that renames nothing (git archive writes its commit there) is passed over."""
    comment = b"30 comment=0123456789abcdefgh\n"
    archive = header("pax_global_header", tarfile.XGLTYPE, len(comment)) + comment.ljust(512, b"\0") + ONE

    assert read(archive).contents == {"manifest.json": b"[]"}
