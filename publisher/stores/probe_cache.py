"""Remembers what a probe found, per endpoint and bucket, in the user's state folder.

Of two opinions the stricter one wins: a machine with a too good opinion of a store endangers all. Refuses to believe
a file that is damaged, of another version, of another store, or not the user's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from publisher.atomic_file import write_atomically
from publisher.stores.probe import PROBE_VERSION, Capabilities, Enforcement

VALID_S = 7 * 86400.0
VALID_WITH_PROBLEMS_S = 86400.0


@dataclass(frozen=True, slots=True)
class _Entry:
    __pydantic_config__ = ConfigDict(extra="forbid")

    probe_version: int
    location: str
    probed_at: float
    capabilities: Capabilities


_ENTRY = TypeAdapter(_Entry)


class ProbeCache:
    """One file for each store below `folder`. `now` gives seconds since the epoch."""

    def __init__(self, folder: Path, *, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now

    def load(self, location: str) -> Capabilities | None:
        """Return what is known of the store at `location`, or None if that is nothing, old or not to be believed."""
        entry = self._entry(location)
        return entry.capabilities if entry else None

    def save(self, location: str, found: Capabilities) -> Capabilities:
        """Remember `found`; return it, or the stricter union with a result that still holds."""
        known, probed_at = self._entry(location), self._now()
        if known is not None:
            merged = stricter(known.capabilities, found)
            if merged.problems() and not found.problems():
                probed_at = known.probed_at
            found = merged
        entry = _Entry(PROBE_VERSION, location, probed_at, found)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self._file(location), _ENTRY.dump_json(entry, indent=1).decode() + "\n", mode=0o600)
        return found

    def forget(self, location: str) -> None:
        """Drop what is known: the store broke a promise the probe believed in."""
        with suppress(FileNotFoundError):
            self._file(location).unlink()

    def _file(self, location: str) -> Path:
        return self._folder / f"probe-{sha256(location.encode()).hexdigest()[:32]}.json"

    def _entry(self, location: str) -> _Entry | None:
        try:
            data = _read_own(self._file(location))
            entry = _ENTRY.validate_json(data)
        except (OSError, ValidationError, RecursionError):
            return None
        if (entry.probe_version, entry.location) != (PROBE_VERSION, location):
            return None
        valid = VALID_WITH_PROBLEMS_S if entry.capabilities.problems() else VALID_S
        return entry if 0 <= self._now() - entry.probed_at < valid else None


def stricter(one: Capabilities, other: Capabilities) -> Capabilities:
    """Return the worse of both in each respect."""
    ranks = list(Enforcement)
    offsets = [offset for offset in (one.clock_offset_s, other.clock_offset_s) if offset is not None]
    return Capabilities(
        max(one.conditional_put, other.conditional_put, key=ranks.index),
        checks_md5=one.checks_md5 and other.checks_md5,
        keeps_metadata=one.keeps_metadata and other.keeps_metadata,
        consistent_reads=one.consistent_reads and other.consistent_reads,
        clock_offset_s=max(offsets, key=abs, default=None),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def _read_own(path: Path) -> bytes:
    """Read a small file; OSError unless it is regular, ours and not writable by others."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise PermissionError("not a file of this user alone")
        return file.read(64 * 1024)
