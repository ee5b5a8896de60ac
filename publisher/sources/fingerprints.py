"""The fingerprint of a source, taken from its bytes as they pass: to compare what was opened with what was planned.

It is the one that `facts` finds while planning, for sources that are one stream of bytes.
"""

from __future__ import annotations

import hashlib
from typing import Protocol, assert_never

from publisher.errors import InternalError
from publisher.model import Digest, FileSetSource, FileSource, ImageSource, PackageSource, Source, WorkerSource


class Fingerprint(Protocol):
    """Feed it all bytes in order, then ask."""

    def update(self, piece: bytes | memoryview) -> None: ...

    def digest(self) -> Digest | None:
        """Return the fingerprint, or None if the bytes are none of a source of this kind."""


def fingerprint_like(source: Source) -> Fingerprint:
    """Return a new fingerprint of the kind that a source has. Raises `InternalError` for one that is no stream."""
    match source:
        case FileSource() | PackageSource():
            return _OfFile()
        case ImageSource():
            from publisher.sources.images.fingerprint import ImageFingerprint

            return ImageFingerprint()
        case FileSetSource() | WorkerSource():
            raise InternalError(f"{source.shown} is not one stream of bytes")
        case _:
            assert_never(source)


class _OfFile:
    """The SHA-256 of all bytes."""

    def __init__(self) -> None:
        self._running = hashlib.sha256()

    def update(self, piece: bytes | memoryview) -> None:
        self._running.update(piece)

    def digest(self) -> Digest:
        return Digest(self._running.hexdigest())
