"""A probe's findings as they are remembered: of which store, when, and for how long they are believed.

Of two opinions the stricter one wins: a machine with a too good opinion of a store endangers all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from publisher.stores.capabilities import CLOCK_FAIL_S, Capabilities, stricter
from publisher.stores.probe import PROBE_VERSION

VALID_S = 7 * 86400.0
VALID_WITH_PROBLEMS_S = 86400.0


class Subject(Protocol):
    """What findings are about: a store, or the options it is made from."""

    @property
    def location(self) -> str:
        """The endpoint and the bucket."""

    @property
    def region(self) -> str:
        """The region requests are signed for."""


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """Findings and the time they were made, in seconds since the epoch."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    probe_version: int
    location: str
    region: str
    probed_at: float
    capabilities: Capabilities

    @classmethod
    def of(cls, subject: Subject, found: Capabilities, *, probed_at: float) -> Self:
        return cls(PROBE_VERSION, subject.location, subject.region, probed_at, found)

    def to_json(self) -> bytes:
        return _RECORD.dump_json(self, indent=1) + b"\n"

    @staticmethod
    def from_json(data: bytes, *, subject: Subject, now: float, skew_s: float = 0.0) -> ProbeRecord | None:
        """Return the record, or None for a damaged one, another version's or store's, and one that is too old.

        A record from the future is none, but for `skew_s` seconds between the clocks of two machines.
        """
        try:
            record = _RECORD.validate_json(data)
        except (ValidationError, RecursionError):
            return None
        wanted = (PROBE_VERSION, subject.location, subject.region)
        if (record.probe_version, record.location, record.region) != wanted:
            return None
        valid_s = VALID_WITH_PROBLEMS_S if record.capabilities.problems() else VALID_S
        return record if -skew_s <= now - record.probed_at < valid_s else None

    def joined(self, older: ProbeRecord | None) -> ProbeRecord:
        """Return the stricter union with a record that still holds, as old as what the older one adds to it."""
        if older is None or not _same_server(self.capabilities, older.capabilities):
            return self
        mine, merged = self.capabilities, stricter(older.capabilities, self.capabilities)
        adds = bool(merged.problems()) or (mine.uploads is None and merged.uploads is not None)
        if adds and not mine.problems():
            return replace(self, capabilities=merged, probed_at=min(older.probed_at, self.probed_at))
        return replace(self, capabilities=merged)


def _same_server(one: Capabilities, other: Capabilities) -> bool:
    """Tell whether both may describe the same server: a new version of it is judged anew."""
    return not (one.server and other.server) or one.server == other.server


_RECORD = TypeAdapter(ProbeRecord)
MAX_SKEW_S = CLOCK_FAIL_S
