"""Reads a tar archive that is pushed through in pieces: headers are parsed, contents are handed on, nothing is kept.

The standard library's `tarfile` decodes a header block here, but cannot do the rest of this job: it takes a broken
header in mid-archive for the end, and reads extended headers of any size into memory. Here an archive that does not end
with its two zero blocks, or has anything behind them, is an error, and everything that is kept has a limit.
It refuses sparse files, which no image archive has.
"""

from __future__ import annotations

import posixpath
import tarfile
from dataclasses import dataclass
from typing import Final, Protocol

BLOCK_BYTES: Final = 512
EXTENDED_LIMIT_BYTES: Final = 1024 * 1024
"""How large an extended header (a long name, pax records) may be."""

_WITHOUT_CONTENT = frozenset(
    {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE}
)
_EXTENSIONS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_NUL_BLOCK = bytes(BLOCK_BYTES)


class TarError(ValueError):
    """The bytes are not one whole, plain tar archive. The message is a sentence about "the archive"."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry. Paths are normalised (`./a` is `a`); `target` is where a link leads to, None for anything else."""

    name: str
    size_bytes: int
    is_file: bool
    target: str | None = None


class Visitor(Protocol):
    """Is told of each member as it passes: its start, the content of a file in pieces, its end."""

    def begin(self, member: Member) -> None: ...

    def content(self, piece: memoryview) -> None:
        """Take a piece; the view is valid during the call only."""

    def end(self) -> None: ...


class TarReader:
    """Feed it all bytes of an archive in order, then call `finish`. Raises `TarError` where the archive is broken."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._header = bytearray()
        self._extension: bytearray | None = None
        self._extension_type = b""
        self._overrides: dict[str, str] = {}
        self._is_file = False
        self._content_left = 0
        self._padding_left = 0
        self._zero_blocks = 0
        self._has_begun = False

    def feed(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            if self._content_left:
                rest = self._take_content(rest)
            elif self._padding_left:
                skipped = min(self._padding_left, len(rest))
                self._padding_left -= skipped
                rest = rest[skipped:]
            elif self._zero_blocks == 2:
                if rest.tobytes().strip(b"\0"):
                    raise TarError("the archive goes on behind its end")
                return
            else:
                rest = self._take_header(rest)

    def finish(self) -> None:
        """Say that there is no more. Raises `TarError` unless the archive was complete."""
        if self._zero_blocks < 2:
            raise TarError("the archive is cut short")

    def _take_content(self, rest: memoryview) -> memoryview:
        piece = rest[: self._content_left]
        self._content_left -= len(piece)
        if self._extension is not None:
            self._extension += piece
        elif self._is_file:
            self._visitor.content(piece)
        if not self._content_left:
            self._end_member()
        return rest[len(piece) :]

    def _take_header(self, rest: memoryview) -> memoryview:
        missing = BLOCK_BYTES - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == BLOCK_BYTES:
            block = bytes(self._header)
            self._header.clear()
            self._begin_member(block)
        return rest[missing:]

    def _begin_member(self, block: bytes) -> None:
        if block == _NUL_BLOCK:
            if self._overrides:
                raise TarError("the archive ends in the middle of an entry")
            self._zero_blocks += 1
            return
        if self._zero_blocks:
            raise TarError("the archive has a single zero block in its middle")
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise TarError(
                "the archive has a damaged header" if self._has_begun else "the archive is not a tar archive"
            ) from None
        self._has_begun = True
        if info.size < 0 or info.type == tarfile.GNUTYPE_SPARSE:
            raise TarError("the archive has an entry of a kind that image archives do not have")
        if info.type in _EXTENSIONS:
            if info.size > EXTENDED_LIMIT_BYTES:
                raise TarError(f"the archive has an extended header of {info.size} bytes")
            self._extension, self._extension_type = bytearray(), info.type
            self._expect(info.size)
            return
        self._begin_plain(info)

    def _begin_plain(self, info: tarfile.TarInfo) -> None:
        overrides, self._overrides = self._overrides, {}
        name = overrides.get("path", info.name)
        size = _number(overrides["size"]) if "size" in overrides else info.size
        target = None
        if info.type in _WITHOUT_CONTENT:
            size = 0
            link = overrides.get("linkpath", info.linkname)
            if info.type == tarfile.SYMTYPE:
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
            elif info.type == tarfile.LNKTYPE:
                target = posixpath.normpath(link)
        self._is_file = info.isreg()
        self._visitor.begin(Member(posixpath.normpath(name), size, self._is_file, target))
        self._expect(size)

    def _expect(self, size: int) -> None:
        self._content_left = size
        self._padding_left = -size % BLOCK_BYTES
        if not size:
            self._end_member()

    def _end_member(self) -> None:
        if self._extension is None:
            self._visitor.end()
            return
        data, kind = bytes(self._extension), self._extension_type
        self._extension = None
        if kind == tarfile.GNUTYPE_LONGNAME:
            self._overrides["path"] = _text(data)
        elif kind == tarfile.GNUTYPE_LONGLINK:
            self._overrides["linkpath"] = _text(data)
        elif kind == tarfile.XGLTYPE:
            if not _PATHS_AND_SIZES.isdisjoint(_pax_records(data)):
                raise TarError("the archive renames all of its entries at once")
        else:
            self._overrides |= {key: value for key, value in _pax_records(data).items() if key in _PATHS_AND_SIZES}


_PATHS_AND_SIZES = frozenset({"path", "linkpath", "size"})


def _pax_records(data: bytes) -> dict[str, str]:
    """Return the records `LENGTH KEY=VALUE\\n` of a pax header (POSIX.1-2017, pax, "pax Extended Header")."""
    records: dict[str, str] = {}
    while data:
        digits, space, _ = data[:24].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = data[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not (space and equals and record.endswith(b"\n") and length <= len(data)):
            raise TarError("the archive has a damaged extended header")
        name = _text(key)
        if name.startswith("GNU.sparse."):
            raise TarError("the archive has an entry of a kind that image archives do not have")
        records[name] = _text(value[:-1])
        data = data[length:]
    return records


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise TarError("the archive has a damaged extended header")
    return int(text)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
