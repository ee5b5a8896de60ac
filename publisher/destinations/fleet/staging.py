"""Where sealed bytes wait for the one request that makes the object exist: in memory, in a file, or in the store.

`Staged` is the port; small objects are held in memory here, larger ones in `spool`, and streamed ones lie in the store
already, as the parts of an upload (`streaming`). None of them makes the object exist before `create`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from publisher.sealing.checksums import crc32_function
from publisher.sealing.seal import Sealed as Made
from publisher.stores.port import Body, BodyDigest, CompleteAnswer, ObjectStore, Progress


class Staged(Protocol):
    """The sealed bytes of one nonce: written in order, finished once, then created as often as it takes."""

    @property
    def body(self) -> Body | None:
        """The finished bytes as one body, or None where they are in the store already, in parts."""

    @property
    def is_streamed(self) -> bool:
        """Whether the bytes went to the store in parts."""

    def write(self, piece: memoryview) -> None: ...

    def finish(self, made: Made) -> None:
        """Return when all bytes are where they wait for `create`; `made` says which bytes they are."""

    def create(
        self, store: ObjectStore, key: str, *, metadata: Mapping[str, str], progress: Progress | None
    ) -> CompleteAnswer:
        """Send the conditional request that can make the object exist: the same bytes at every call."""

    def discard(self) -> str | None:
        """Let go of the bytes; twice is fine. Return what a person should know if something is left behind."""


class Whole:
    """What staged bytes have in common that are sent in one request."""

    is_streamed = False

    def __init__(self, digests: frozenset[BodyDigest]) -> None:
        self.body: Body | None = None
        self._crc32 = 0
        self._continue_crc32 = crc32_function() if BodyDigest.CRC32 in digests else None

    def count(self, piece: memoryview) -> None:
        """Take the next bytes into what the store wants to know of them beside what sealing learns."""
        if self._continue_crc32 is not None:
            self._crc32 = self._continue_crc32(piece, self._crc32)

    def describe(self, body: Body, made: Made) -> None:
        """Make `body` the finished bytes, with every digest that is known of them."""
        self.body = replace(
            body,
            sha256=made.object_sha256,
            md5=made.object_md5 or None,
            crc32=self._crc32 if self._continue_crc32 is not None else None,
        )

    def create(
        self, store: ObjectStore, key: str, *, metadata: Mapping[str, str], progress: Progress | None
    ) -> CompleteAnswer:
        if self.body is None:
            raise RuntimeError("only finished bytes can be created")
        return store.create(key, self.body, metadata=metadata, progress=progress)


class Held(Whole):
    """Sealed bytes in memory: for objects so small that a file would cost more than the bytes."""

    def __init__(self, digests: frozenset[BodyDigest]) -> None:
        super().__init__(digests)
        self._bytes = bytearray()

    def write(self, piece: memoryview) -> None:
        self.count(piece)
        self._bytes += piece

    def finish(self, made: Made) -> None:
        self.describe(Body.of_buffers([self._bytes]), made)

    def discard(self) -> str | None:
        self._bytes = bytearray()
        self.body = None
        return None
