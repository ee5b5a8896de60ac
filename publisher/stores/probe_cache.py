"""Remembers what a probe found, per endpoint, bucket and region, in the user's state folder.

Of two opinions the stricter one wins. Refuses to believe a file that is damaged, of another version, of another
store, or not the user's own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from publisher.atomic_file import write_atomically
from publisher.regular_file import read_own
from publisher.stores.capabilities import Capabilities
from publisher.stores.probe_record import ProbeRecord, Subject

MAX_BYTES = 64 * 1024


class ProbeCache:
    """One file for each store below `folder`. `now` gives seconds since the epoch."""

    def __init__(self, folder: Path, *, now: Callable[[], float]) -> None:
        self._folder = folder
        self.now = now

    def load(self, subject: Subject) -> ProbeRecord | None:
        """Return what is known of a store, or None if that is nothing, old or not to be believed."""
        try:
            data = read_own(self._file(subject), MAX_BYTES)
        except OSError:
            return None
        return ProbeRecord.from_json(data, subject=subject, now=self.now())

    def save(self, subject: Subject, found: Capabilities) -> Capabilities:
        """Remember what was found just now; return it, or the stricter union with a result that still holds."""
        record = ProbeRecord.of(subject, found, probed_at=self.now())
        return self.keep(record.joined(self.load(subject))).capabilities

    def keep(self, record: ProbeRecord) -> ProbeRecord:
        """Write `record` over whatever is there and return it. Raises `LocalResourceError` or OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self._file(record), record.to_json().decode(), mode=0o600)
        return record

    def forget(self, subject: Subject) -> None:
        """Drop what is known: the store broke a promise the probe believed in."""
        with suppress(OSError):
            self._file(subject).unlink()

    def _file(self, subject: Subject) -> Path:
        digest = sha256(f"{subject.location}\n{subject.region}".encode()).hexdigest()
        return self._folder / f"probe-{digest[:32]}.json"
