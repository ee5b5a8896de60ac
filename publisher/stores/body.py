"""Bytes on their way to a store, with the digests that whoever made them knows already. Computes none while sending."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import md5, sha256
from typing import BinaryIO

from publisher.model import Digest

Progress = Callable[[int], None]
"""Called with the number of bytes sent since the last call; negative when a request starts over."""


class BodyDigest(StrEnum):
    """What a store can compare a body with, and the header that carries it."""

    SHA256 = "sha256"
    """The signed payload hash (`x-amz-content-sha256`)."""
    MD5 = "md5"
    """`Content-MD5`."""
    CRC32 = "crc32"
    """`x-amz-checksum-crc32`. Finds accidents, no attackers: those are kept off by TLS."""


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to store whose size is known beforehand; `open` may be called once per attempt.

    Whichever digests are there are sent with the bytes. `crc32` is that of zlib, and only for stores that are known to
    check it: others may refuse its header.
    """

    open: Callable[[], BinaryIO]
    size_bytes: int
    sha256: Digest | None = None
    md5: bytes | None = None
    crc32: int | None = None
    buffers: Sequence[memoryview] | None = field(default=None, repr=False)
    """The same bytes where they are in memory, one buffer after the other: they can be sent without being copied."""

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Wrap a small body, with the digests that every store understands."""
        return cls(
            open=lambda: io.BytesIO(data),
            size_bytes=len(data),
            sha256=Digest(sha256(data).hexdigest()),
            md5=md5(data, usedforsecurity=False).digest(),
        )

    @classmethod
    def of_buffers(
        cls,
        buffers: Sequence[bytes | bytearray | memoryview],
        *,
        sha256: Digest | None = None,
        md5: bytes | None = None,
        crc32: int | None = None,
    ) -> Body:
        """Wrap buffers that must not change before the body is sent."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        return cls(lambda: io.BytesIO(b"".join(views)), sum(map(len, views)), sha256, md5, crc32, views)
