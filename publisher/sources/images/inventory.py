"""What is in a Docker archive, taken down as it passes: the digest of each file, the few documents, the links. No IO.

It keeps names and digests, and the content of small JSON documents only; what is too many or too large is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from publisher.sources.images.tar_reader import Member, TarError

DOCUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""How large manifest.json or a configuration may be; skopeo draws the same line."""
KEPT_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""How much of documents is kept of one archive."""
MEMBERS_LIMIT: Final = 20_000
"""Engines allow 127 layers; the legacy layout has four entries for each."""
_LINKS_LIMIT: Final = 8


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file. `start` is its first bytes (up to 8); `document` its content, if that is small and may be JSON."""

    size_bytes: int
    sha256: str
    start: bytes
    document: bytes | None


class Inventory:
    """A `tar_reader.Visitor`. Raises `TarError` for what no archive of one image has."""

    def __init__(self) -> None:
        self._files: dict[str, FileFacts] = {}
        self._links: dict[str, str] = {}
        self._members = 0
        self._kept_bytes = 0
        self._current: Member | None = None
        self._digest = hashlib.sha256()
        self._start = b""
        self._document: bytearray | None = None

    def find(self, name: str) -> FileFacts | None:
        """Return the file of this name, through links in the archive, or None."""
        for _ in range(_LINKS_LIMIT):
            target = self._links.get(name)
            if target is None:
                break
            name = target
        return self._files.get(name)

    def documents(self) -> Iterator[FileFacts]:
        """Yield the files whose content is kept."""
        return (facts for facts in self._files.values() if facts.document is not None)

    def begin(self, member: Member) -> None:
        self._members += 1
        if self._members > MEMBERS_LIMIT:
            raise TarError(f"the archive has more than {MEMBERS_LIMIT} entries")
        if (member.is_file or member.target is not None) and (member.name in self._files or member.name in self._links):
            raise TarError("the archive has two entries with one name")
        if member.target is not None:
            self._links[member.name] = member.target
        self._current = member if member.is_file else None
        self._digest = hashlib.sha256()
        self._start = b""
        self._document = None

    def content(self, piece: memoryview) -> None:
        self._digest.update(piece)
        if len(self._start) < 8:
            is_first = not self._start
            self._start += bytes(piece[: 8 - len(self._start)])
            if is_first and self._start[:1] in (b"{", b"[") and self._size() <= DOCUMENT_LIMIT_BYTES:
                self._document = bytearray()
        if self._document is not None:
            self._kept_bytes += len(piece)
            if self._kept_bytes > KEPT_LIMIT_BYTES:
                raise TarError(f"the archive has more than {KEPT_LIMIT_BYTES} bytes of documents")
            self._document += piece

    def end(self) -> None:
        if self._current is not None:
            self._files[self._current.name] = FileFacts(
                size_bytes=self._current.size_bytes,
                sha256=self._digest.hexdigest(),
                start=self._start,
                document=None if self._document is None else bytes(self._document),
            )
        self._current = None

    def _size(self) -> int:
        return self._current.size_bytes if self._current else 0
