"""A digest and a data key: bytes with a meaning, which no text or other digest is taken for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Digest:
    """A SHA-256 digest as 64 lowercase hexadecimal digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX_SHA256.fullmatch(self.hex):
            raise ValueError("a digest is 64 lowercase hexadecimal digits")

    def __str__(self) -> str:
        return self.hex


class DataKey:
    """The 32 bytes that encrypt one artifact, once. Never printed, pickled or compared by accident."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != 32:
            raise ValueError("a data key has 32 bytes")
        self._raw = raw

    def reveal(self) -> bytes:
        """Return the raw 32 bytes, for the cipher only."""
        return self._raw

    def reveal_hex(self) -> str:
        """Return 64 lowercase hexadecimal digits, for the registry's body or column only."""
        return self._raw.hex()

    def __repr__(self) -> str:
        return "DataKey(**********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key is not to be pickled")
