"""A copy of a probe's findings in the bucket itself, `.publish/probe.json`, for machines that live for one job.

It is checked like the local file: bounded, strictly read, and void for another version, endpoint, region or server.
What describes a machine and not the store, its clock, is left out; the reader's own is taken from the same answer.

Who may believe it: whoever can write below `.publish/` can claim that a bad store is good, and then two honest
publishers may lose a race on it. That is no new power, since the same right forges receipts and claims and, without a
policy on the bucket, writes the objects themselves. So the copy is believed as much as the bucket's writers, and a
claim that would be noticed at once is not believed at all: the reader asks himself whether a second create is refused
(`gate`). A forged bad opinion only stops work, for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from publisher.errors import DestinationError, ProtocolError, PublisherError
from publisher.stores.control import read_control
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectInfo, ProbedStore, ReplaceAnswer
from publisher.stores.probe_record import MAX_SKEW_S, ProbeRecord

KEY = f"{CONTROL_PREFIX}probe.json"

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class CopyState:
    """What is at `KEY`: an object or none, and the record in it if that is to be believed."""

    info: ObjectInfo | None = None
    record: ProbeRecord | None = None


class ProbeCopy:
    """The copy in one bucket. `now` gives seconds since the epoch."""

    def __init__(self, store: ProbedStore, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def load(self) -> CopyState:
        """Return what is there. Raises `TransportError`; a refusal says as little as an absent copy."""
        try:
            info = self._store.head(KEY)
        except DestinationError:
            info = None
        if info is None:
            return CopyState()
        try:
            data = read_control(self._store, KEY)
        except (DestinationError, ProtocolError):
            return CopyState(info)
        record = ProbeRecord.from_json(data, subject=self._store, now=self._now(), skew_s=MAX_SKEW_S)
        if record is not None and record.capabilities.server != info.server:
            record = None
        return CopyState(info, record)

    def save(self, record: ProbeRecord) -> ProbeRecord:
        """Write the stricter union of `record` and what is there, and return it; what cannot be written is no error.

        Where If-Match works, a stricter opinion of another machine is never lost; elsewhere two machines that write
        at the same moment may lose one, which the loser's own file still remembers.
        """
        wanted = without_machine(record)
        try:
            for _ in range(_ATTEMPTS):
                there = self.load()
                wanted = wanted.joined(there.record)
                if wanted == there.record or self._put(wanted, there.info):
                    break
        except PublisherError:
            pass  # the next machine probes for itself
        return wanted

    def forget(self) -> None:
        """Drop the copy: the store broke a promise. One that cannot be deleted is no error, and expires."""
        try:
            self._store.delete_control(KEY)
        except PublisherError:
            return

    def _put(self, record: ProbeRecord, info: ObjectInfo | None) -> bool:
        body = Body.of(record.to_json())
        if info is not None and record.capabilities.if_match:
            return self._store.replace(KEY, body, metadata={}, if_match=info.etag) is ReplaceAnswer.REPLACED
        if info is not None:
            self._store.delete_control(KEY)
        return self._store.create(KEY, body, metadata={}) is CreateAnswer.CREATED


def without_machine(record: ProbeRecord) -> ProbeRecord:
    """Return what of a record concerns the store only."""
    found = record.capabilities
    uploads = replace(found.uploads, notes=()) if found.uploads else None
    return replace(record, capabilities=replace(found, clock_offset_s=None, notes=(), uploads=uploads))
