"""What a publish may rely on at one store: the probe's findings, boiled down to what changes how an object is sent."""

from __future__ import annotations

from dataclasses import dataclass

PUT_LIMIT_BYTES = 5 << 30
"""The largest object of one PUT. Source: the S3 API's limits."""


@dataclass(frozen=True, slots=True)
class StoreTerms:
    """`checks_uploads` says that damaged bytes of a single PUT are refused; `streams`, that parts may be sent while
    sealing, because they are checked and their conditional completion is atomic.

    A store whose create-if-absent is not proved has no terms: publishing to it is refused before.
    """

    checks_uploads: bool = True
    streams: bool = False
    put_limit_bytes: int = PUT_LIMIT_BYTES
