"""What a publish may rely on at one store: the probe's findings, boiled down to what changes how an object is sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from publisher.stores.body import BodyDigest

PUT_LIMIT_BYTES = 5 << 30
"""The largest object of one PUT. Source: the S3 API's limits."""


class Fence(StrEnum):
    """What keeps two publishers from replacing each other's object."""

    CONDITION = "condition"
    """The store's create-if-absent, proved by the probe."""
    CLAIM = "claim"
    """A claim in the registry's database, which pins the bytes that may be stored."""
    NOTHING = "nothing"
    """A person's word that no other publisher is running (`--allow-unfenced`). Not safe."""


@dataclass(frozen=True, slots=True)
class StoreTerms:
    """`put_digests` and `part_digests` are what bytes have to carry so that the store refuses damaged ones; none if it
    checks nothing. `streams` says that parts may be sent while sealing: they are checked, and their conditional
    completion is atomic. `claims` says that it is not, so that publishers have to agree by a claim how an object is
    stored: by a conditional PUT, or, above `put_limit_bytes`, as pinned bytes.

    A store without any fence has no terms: publishing to it is refused before.
    """

    put_digests: frozenset[BodyDigest] = frozenset({BodyDigest.SHA256})
    part_digests: frozenset[BodyDigest] = frozenset()
    streams: bool = False
    fence: Fence = Fence.CONDITION
    claims: bool = False
    put_limit_bytes: int = PUT_LIMIT_BYTES

    @property
    def checks_uploads(self) -> bool:
        """Whether damaged bytes of a single PUT are refused."""
        return bool(self.put_digests)
