"""Open any source for one pass, whatever it is: what a destination that sends a stream of bytes is handed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, assert_never

from publisher.errors import InternalError
from publisher.model import (
    Digest,
    FileSetSource,
    FileSource,
    ImageSource,
    PackageSource,
    Source,
    SourceFacts,
    WorkerSource,
)
from publisher.sources.files import open_file


class OpenSource(Protocol):
    """An open source: one stream of bytes, read once from its start to its end."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill the buffer and return the count, 0 at the end. Raises `SourceError`, `SourceChangedError`."""

    def check_unchanged(self, stream_sha256: Digest, planned: SourceFacts) -> None:
        """Raise `SourceChangedError` unless everything was read, and it is what was planned.

        `stream_sha256` is of everything that `read_into` gave: for a file it is the source fingerprint; for a source
        that differs in bytes each time it is read, the source knows itself whether it is the same.
        """


def _go_on() -> None:
    return None


def open_source(source: Source, check: Callable[[], None] = _go_on) -> AbstractContextManager[OpenSource]:
    """Open a source that is one stream. Raises `SourceError` on entry if it cannot be opened.

    `check` may raise to cancel; a source that is made while it is read asks it while it waits.
    Raises `InternalError` for a source that is no stream: no kind of destination that streams accepts one.
    """
    match source:
        case FileSource():
            return open_file(source)
        case PackageSource():
            return open_file(source.file)
        case ImageSource():
            from publisher.sources.images.source import open_image

            return open_image(source, check)
        case FileSetSource() | WorkerSource():
            raise InternalError(f"{source.shown} is not one stream of bytes")
        case _:
            assert_never(source)
