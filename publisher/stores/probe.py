"""What a store really does, found out by trying: the capability probe of the design's section 4.

A store that accepts a condition may ignore it, and one that honours it may not be atomic, so nothing is decided by
product name. A probe can show that a store is unsafe, never that it is safe. It touches only `.publish/probe/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Barrier, Event, Lock

from publisher.errors import CapabilityError, NotFoundError, PublisherError, RejectedError, TransportError
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectStore

PROBE_VERSION = 1
"""Raised whenever the probe learns to ask more: older cached answers are void then."""

RACE_ROUNDS = 24
WRITERS = (2, 8)
LANES = 4
CLOCK_WARN_S = 60.0
CLOCK_FAIL_S = 600.0

_ATTEMPTS = 3
_FIRST, _SECOND = b"the first writer's bytes", b"the second writer's bytes"
_METADATA = {"publish-format": "1", "publish-nonce": "0123456789abcdef", "publish-probe": "A+b/c=d e;f"}


class Enforcement(StrEnum):
    """What became of a condition, from good to bad."""

    ENFORCED = "enforced"
    REFUSED = "refused"
    RACY = "racy"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The probe's findings. `clock_offset_s` is the server's clock minus ours; `notes` concern no promise."""

    conditional_put: Enforcement
    checks_md5: bool = False
    keeps_metadata: bool = False
    consistent_reads: bool = False
    clock_offset_s: float | None = None
    notes: tuple[str, ...] = ()

    def problems(self) -> tuple[str, ...]:
        """Return one sentence for each reason why publishing to this store is not safe; empty if none was found."""
        return tuple(self._problems())

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence for each weakness that costs time or care, not safety."""
        return tuple(self._warnings())

    def _problems(self) -> Iterator[str]:
        match self.conditional_put:
            case Enforcement.IGNORED:
                yield "the store does not honour create-if-absent: it overwrote an object in spite of If-None-Match"
            case Enforcement.RACY:
                yield "the store's create-if-absent is not atomic: several writers won one race"
            case Enforcement.REFUSED:
                yield "the store refuses create-if-absent (If-None-Match: *)"
        if self.conditional_put is not Enforcement.ENFORCED:
            return
        if not self.keeps_metadata:
            yield "the store does not keep metadata: nobody can prove whose object is there"
        if not self.consistent_reads:
            yield "the store does not show an object as it was written, right after writing it"
        if self.clock_offset_s is not None and abs(self.clock_offset_s) > CLOCK_FAIL_S:
            yield f"this machine's clock and the store's are {abs(self.clock_offset_s) / 60:.0f} min apart"

    def _warnings(self) -> Iterator[str]:
        if not self.checks_md5:
            yield "the store does not check Content-MD5: every upload is read back in full"
        if self.clock_offset_s is not None and CLOCK_WARN_S < abs(self.clock_offset_s) <= CLOCK_FAIL_S:
            yield f"this machine's clock and the store's are {abs(self.clock_offset_s):.0f} s apart"
        yield from self.notes


def probe(store: ObjectStore, *, new_id: Callable[[], str]) -> Capabilities:
    """Find out what `store` does, with objects of a few bytes which are deleted afterwards.

    `new_id` makes a name that nobody used before. Raises `CredentialsError`, `TransportError` or whatever else keeps
    the probe from an answer: an incomplete probe is none. A failed delete is a note.
    """
    run = _Probe(store, prefix=f"{CONTROL_PREFIX}probe/{new_id()}")
    with ThreadPoolExecutor(max_workers=LANES * max(WRITERS), thread_name_prefix="probe") as pool:
        try:
            found = run.ask(pool)
        finally:
            left = sum(not deleted for deleted in pool.map(run.delete, run.keys))
    if left:
        note = f"{left} small objects below {CONTROL_PREFIX}probe/ could not be deleted"
        return replace(found, notes=(*found.notes, note))
    return found


class _Probe:
    """One run: its keys, and one method for each question."""

    def __init__(self, store: ObjectStore, *, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._lock = Lock()
        self.keys: list[str] = []

    def ask(self, pool: ThreadPoolExecutor) -> Capabilities:
        key = self._new_key()
        try:
            conditional = self._create_twice(key)
        except CapabilityError:
            conditional = Enforcement.REFUSED
        if conditional is not Enforcement.ENFORCED:
            return Capabilities(conditional)
        seen = self._store.head(key)
        return Capabilities(
            self._race(pool),
            checks_md5=self._refuses_wrong_md5(),
            keeps_metadata=seen is not None and _METADATA.items() <= seen.metadata.items(),
            consistent_reads=seen is not None and seen.size_bytes == len(_FIRST) and self._bytes_of(key) == _FIRST,
            clock_offset_s=seen.clock_offset_s if seen else None,
        )

    def delete(self, key: str) -> bool:
        try:
            self._store.delete_control(key)
        except PublisherError:
            return False
        return True

    def _create_twice(self, key: str) -> Enforcement:
        first = self._store.create(key, Body.of(_FIRST), metadata=_METADATA)
        second = self._store.create(key, Body.of(_SECOND), metadata={})
        if first is not CreateAnswer.CREATED or second not in {CreateAnswer.CREATED, CreateAnswer.EXISTS}:
            raise _unclear(self._store)
        if second is CreateAnswer.CREATED or self._bytes_of(key) == _SECOND:
            return Enforcement.IGNORED
        return Enforcement.ENFORCED

    def _race(self, pool: ThreadPoolExecutor) -> Enforcement:
        """Let 2 and 8 writers race in turn. Some stores fail only one round in four, hence so many rounds.

        A few rounds run side by side, on keys of their own: a fair store may let a loser wait for seconds.
        """
        stop = Event()

        def run(writers: int) -> bool | None:
            if stop.is_set():
                return None
            try:
                verdict = self._round(pool, writers=writers)
            except PublisherError:
                stop.set()
                raise
            if verdict is False:
                stop.set()
            return verdict

        wanted = [WRITERS[number % len(WRITERS)] for number in range(RACE_ROUNDS)]
        with ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="probe-round") as lanes:
            for _ in range(_ATTEMPTS):
                verdicts = list(lanes.map(run, wanted))
                if False in verdicts:
                    return Enforcement.RACY
                wanted = [writers for writers, verdict in zip(wanted, verdicts, strict=True) if verdict is None]
                if not wanted:
                    return Enforcement.ENFORCED
        raise _unclear(self._store)

    def _round(self, pool: ThreadPoolExecutor, *, writers: int) -> bool | None:
        """Return whether exactly one writer won and its bytes are there; None if lost answers leave that open."""
        key, start = self._new_key(), Barrier(writers)

        def write(data: bytes) -> CreateAnswer:
            start.wait()
            return self._store.create(key, Body.of(data), metadata={})

        bodies = [f"{key} {number}".encode() for number in range(writers)]
        answers = list(pool.map(write, bodies))
        winners = [data for data, answer in zip(bodies, answers, strict=True) if answer is CreateAnswer.CREATED]
        if len(winners) == 1:
            return self._bytes_of(key) == winners[0]
        if winners:
            return False
        return None if {CreateAnswer.AMBIGUOUS, CreateAnswer.BUSY} & set(answers) else False

    def _refuses_wrong_md5(self) -> bool:
        key = self._new_key()
        damaged = replace(Body.of(_FIRST), md5=Body.of(_SECOND).md5)
        try:
            self._store.create(key, damaged, metadata={})
        except RejectedError:
            return self._store.head(key) is None
        return False

    def _bytes_of(self, key: str) -> bytes | None:
        try:
            with self._store.read(key) as pieces:
                return b"".join(pieces)
        except NotFoundError:
            return None

    def _new_key(self) -> str:
        with self._lock:
            key = f"{self._prefix}-{len(self.keys)}"
            self.keys.append(key)
        return key


def _unclear(store: ObjectStore) -> TransportError:
    return TransportError(
        f"{store.location} gave no clear answers while it was probed", hint="check the network, then try again"
    )
