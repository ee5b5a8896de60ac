"""Lets nobody write to a store before it was probed: in this process, by an earlier run, or by another machine.

Asks in this order: this process, the user's state folder and the copy in the bucket together (the stricter opinion
wins and is written where it was missing), the store itself.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from uuid import uuid4

from publisher.errors import CapabilityError, LocalResourceError, TransportError
from publisher.stores.capabilities import Capabilities, Enforcement, UploadCapabilities, stricter_uploads
from publisher.stores.deny_list import known_uploads
from publisher.stores.port import ObjectInfo, ProbedStore
from publisher.stores.probe import glance, probe
from publisher.stores.probe_cache import ProbeCache
from publisher.stores.probe_copy import CopyState, ProbeCopy, without_machine
from publisher.stores.probe_record import ProbeRecord
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.terms import Fence, StoreTerms


class StoreGate:
    """Knows what one store can do, and refuses it if that is not enough. Safe to share between threads."""

    def __init__(self, store: ProbedStore, cache: ProbeCache | None) -> None:
        self._store = store
        self._cache = cache
        self._now = cache.now if cache is not None else time.time
        self._copy = ProbeCopy(store, now=self._now)
        self._lock = threading.Lock()
        self._known: ProbeRecord | None = None

    def capabilities(self, *, fresh: bool = False) -> Capabilities:
        """Return what the store can do; `fresh` asks the store whatever is remembered. Raises what the probe raises."""
        with self._lock:
            return self._record(fresh=fresh).capabilities

    def upload_capabilities(self, *, fresh: bool = False) -> UploadCapabilities:
        """Return what the store can do with uploads in parts; asked when first needed, then remembered like the rest.

        A server that is known for its uploads is not asked, unless `fresh`. Raises what the probe raises. What it says
        is for `problems()`: nothing may be streamed if there are any.
        """
        with self._lock:
            record = self._record(fresh=False)
            known = record.capabilities.uploads
            if not fresh:
                known = known or known_uploads(record.capabilities.server)
                if known is not None:
                    return known
            asked = probe_uploads(self._store, new_id=_new_id)
            found = stricter_uploads(known, asked) if known is not None else asked
            self._known = self._shared(replace(record, capabilities=replace(record.capabilities, uploads=found)))
            return self._known.capabilities.uploads or found

    def require_safe(self) -> Capabilities:
        """Return the capabilities, or raise `CapabilityError` naming every reason why publishing is not safe."""
        found = self.capabilities()
        problems = found.problems()
        if problems:
            raise CapabilityError(
                f"{self._store.location}: " + "; ".join(problems),
                hint="nothing was written; use a store with atomic conditional writes, or update this one",
            )
        return found

    def terms(self, *, fallback: Fence | None = None) -> StoreTerms:
        """Return what a publish may rely on. Raises `CapabilityError` as `require_safe`, and what the probe raises.

        `fallback` is what a person chose for a store whose own conditions are worth nothing.
        """
        found = self.capabilities()
        if fallback is not None and found.conditional_put is not Enforcement.ENFORCED:
            # Bodies are read back in full anyway, so nothing more has to be known of such a store.
            return StoreTerms(frozenset(), fence=fallback)
        self.require_safe()
        uploads = self.upload_capabilities()
        return StoreTerms(
            found.put_digests,
            uploads.part_digests,
            streams=not uploads.problems(),
            claims=bool(uploads.problems()) and uploads.conditional_complete is not Enforcement.REFUSED,
        )

    def distrust(self) -> None:
        """Forget a too good opinion, here and in the bucket: the store broke a promise."""
        with self._lock:
            self._known = None
            if self._cache is not None:
                self._cache.forget(self._store)
            self._copy.forget()

    def _record(self, *, fresh: bool) -> ProbeRecord:
        if self._known is None or fresh:
            self._known = (None if fresh else self._remembered()) or self._probed()
        return self._known

    def _remembered(self) -> ProbeRecord | None:
        local = self._cache.load(self._store) if self._cache is not None else None
        try:
            there = self._copy.load()
        except TransportError:
            there = CopyState()
        if local is not None and there.info is not None and local.capabilities.server != there.info.server:
            local = None
        if local is None:
            record = self._believed(there.record)
        elif there.record is None:
            record = local
        else:
            record = self._agreed(local, there.record)
        return _with_own_clock(record, there.info) if record is not None else None

    def _believed(self, copy: ProbeRecord | None) -> ProbeRecord | None:
        """Return what other machines found, unless a second create shows at once that it is not so."""
        if copy is None or copy.capabilities.problems():
            return copy
        return copy if glance(self._store, new_id=_new_id) is Enforcement.ENFORCED else None

    def _agreed(self, local: ProbeRecord, copy: ProbeRecord) -> ProbeRecord:
        agreed = local.joined(copy)
        if agreed.capabilities != local.capabilities:
            self._keep(agreed)
        if without_machine(agreed).capabilities != copy.capabilities:
            self._copy.save(agreed)
        return agreed

    def _probed(self) -> ProbeRecord:
        found = probe(self._store, new_id=_new_id)
        record = ProbeRecord.of(self._store, found, probed_at=self._now())
        return self._shared(record.joined(self._cache.load(self._store) if self._cache is not None else None))

    def _shared(self, record: ProbeRecord) -> ProbeRecord:
        """Write a new record to the bucket and the state folder; return it, or the stricter union with the bucket's."""
        record = record.joined(self._copy.save(record))
        self._keep(record)
        return record

    def _keep(self, record: ProbeRecord) -> None:
        if self._cache is None:
            return
        try:
            self._cache.keep(record)
        except (LocalResourceError, OSError):
            return  # a machine without a writable state folder asks the bucket's copy, or probes, every time


def _with_own_clock(record: ProbeRecord, info: ObjectInfo | None) -> ProbeRecord:
    """Replace the clock's offset by the one just seen: it may be another machine's, or another day's."""
    if info is None or info.clock_offset_s is None:
        return record
    return replace(record, capabilities=replace(record.capabilities, clock_offset_s=info.clock_offset_s))


def _new_id() -> str:
    return uuid4().hex
