"""The writing half of the driver: seals, creates, registers; keeps time, tells progress, and honours a stop request.

Thin on purpose: what to do next is decided in `protocol` and `registration`. A stop is obeyed at once until the create
request is sent; from there to the registration it is held back for at most `SHIELD_S`, because stopping in between
leaves an object without a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.door import identity_of
from publisher.destinations.fleet.effects import (
    CheckStore,
    Create,
    Discard,
    Effect,
    EscrowDrop,
    EscrowPut,
    Now,
    Pause,
    ReadBack,
    Register,
    Seal,
    WriteReceipt,
    WriteStatement,
)
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.readback import read_back
from publisher.destinations.fleet.reader import Reader
from publisher.destinations.fleet.spool import Spool, sealed_bound
from publisher.destinations.fleet.staging import Held, Staged
from publisher.destinations.fleet.streaming import StreamedUpload
from publisher.destinations.fleet.values import Evidence, Marks, Receipt, Sealed
from publisher.destinations.port import Host
from publisher.errors import ProtocolError
from publisher.events import Progress, Retrying, Step, StepStarted
from publisher.model import FileSource, FleetIdentity, ReadyArtifact
from publisher.sealing.format import new_data_key, new_nonce
from publisher.sealing.seal import seal
from publisher.sources.fingerprints import fingerprint_like
from publisher.sources.opening import open_source
from publisher.stores.control import write_control_once
from publisher.stores.port import BodyDigest, CompleteAnswer, CreateAnswer, MultipartStore
from publisher.stores.terms import StoreTerms

SHIELD_S = 60.0
PROGRESS_EVERY_S = 0.1


class Driver(Reader):
    """Publishes one artifact. Close it: sealed bytes that became no object go with it."""

    def __init__(self, ports: FleetPorts, item: ReadyArtifact, host: Host) -> None:
        self.identity: FleetIdentity = identity_of(item)
        super().__init__(ports, self.identity, cancellation=host.cancellation, notice=self._retrying)
        self._item = item
        self._host = host
        self._terms = StoreTerms()
        self._staged: dict[str, Staged] = {}
        self._is_committed = False
        self._stop_seen_at: float | None = None
        self._step = Step.PREPARE
        self._step_started_at = host.monotonic()
        self._progress_at = 0.0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.attempts = 0
        self.uploaded_bytes = 0
        self.notes: list[str] = []
        self.has_streamed = False

    def close(self) -> None:
        self._account()
        for nonce in list(self._staged):
            self._discard(nonce)

    def perform(self, effect: Effect[Any]) -> Any:
        if not self._is_committed:
            self._host.cancellation.check()
        ports = self._ports
        match effect:
            case CheckStore():
                if ports.statements is not None:
                    ports.statements.require_room(self.identity)
                self._terms = ports.check_store()
                return self._terms
            case Seal():
                return self._seal()
            case EscrowPut(sealed):
                record = ports.codec.to_record(self.identity, sealed)
                return self.retried(lambda: ports.escrow.put(record))
            case Create(sealed):
                return self._create(sealed)
            case Discard(nonce):
                return self._give_up(nonce)
            case ReadBack(sealed, opened):
                return self._read_back(sealed, opened=opened)
            case WriteStatement(sealed):
                return self._write_statement(sealed)
            case Register(sealed):
                self._enter(Step.REGISTER)
                self._host.commit()
                return ports.registry.register(sealed.row(self.identity, ports.cdn_url(self.identity)))
            case WriteReceipt(sealed, evidence):
                return self.retried(lambda: self._write_receipt(sealed, evidence))
            case EscrowDrop(nonce):
                return self.retried(lambda: ports.escrow.drop(nonce))
            case Pause(attempt, why, retry_after_s):
                return self._pause(attempt, why, retry_after_s)
            case Now():
                return self._host.monotonic()
        return super().perform(effect)

    def _read_back(self, sealed: Sealed, *, opened: bool) -> None:
        self._enter(Step.VERIFY, sealed.size_bytes)
        store, source = self._ports.store, self._item.artifact.source

        def read() -> None:
            fingerprint = partial(fingerprint_like, source)
            read_back(store, self.identity.object_key, sealed, opened=opened, fingerprint=fingerprint)

        self.retried(read)

    def _seal(self) -> Sealed:
        facts, artifact = self._item.source, self._item.artifact
        key, nonce = new_data_key(), new_nonce()
        with self._ports.effort.sealing:
            self._host.cancellation.check()
            staged = self._staged[nonce] = self._stage(nonce)
            self._enter(Step.UPLOAD if isinstance(staged, StreamedUpload) else Step.PREPARE, facts.size_bytes)
            with open_source(artifact.source, self._host.cancellation.check) as source:
                made = seal(
                    source.read_into,
                    staged.write,
                    key=key,
                    compression=artifact.compression,
                    check=self._host.cancellation.check,
                    progress=self._counter(facts.size_bytes),
                    content_md5=BodyDigest.MD5 in self._terms.put_digests and not isinstance(staged, StreamedUpload),
                )
                source.check_unchanged(made.source_sha256, facts)
        staged.finish(made)
        self.has_streamed = self.has_streamed or staged.is_streamed
        return Sealed(
            nonce=nonce,
            key=key,
            sha256=made.object_sha256,
            size_bytes=made.object_size,
            source_sha256=facts.sha256.hex,
            compression=artifact.compression.wire,
            is_streamed=staged.is_streamed,
        )

    def _stage(self, nonce: str) -> Staged:
        """Choose where the sealed bytes go: memory for small ones, the store in parts if it allows that, or a file."""
        ports, facts, artifact = self._ports, self._item.source, self._item.artifact
        effort, bound = ports.effort, sealed_bound(facts.size_bytes)
        # Only a file's size is known beforehand; that of an image is a guess.
        if bound <= effort.held_bytes and isinstance(artifact.source, FileSource):
            return Held(self._terms.put_digests)
        if not self._terms.streams:
            return Spool.make(ports.spool_folder, source_bytes=facts.size_bytes, digests=self._terms.put_digests)
        marks = Marks(nonce, self.identity.sha256, facts.sha256.hex, artifact.compression.wire, None, None)
        return StreamedUpload(
            cast("MultipartStore", ports.store),
            self.identity.object_key,
            metadata=marks.metadata(),
            digests=self._terms.part_digests,
            part_bytes=effort.part_bytes(facts.size_bytes),
            buffers=effort.buffers,
            threads=effort.part_threads,
            repeat=self.retried,
        )

    def _discard(self, nonce: str) -> None:
        left = self._staged.pop(nonce).discard()
        if left is not None:
            self.notes.append(left)

    def _give_up(self, nonce: str) -> None:
        staged = self._staged.get(nonce)
        left = staged.abort() if isinstance(staged, StreamedUpload) else None
        if left is not None:
            self.notes.append(left)

    def _create(self, sealed: Sealed) -> CompleteAnswer:
        staged = self._staged[sealed.nonce]
        if not sealed.is_streamed:
            self._enter(Step.UPLOAD, sealed.size_bytes)
        self.attempts += 1
        # From here to the registration a stop must not cut retries short: an unset token takes its place.
        self._host.commit()
        self._is_committed = True
        self._cancellation = Cancellation()
        answer = staged.create(
            self._ports.store,
            self.identity.object_key,
            metadata=Marks.of(self.identity, sealed).metadata(),
            progress=self._counter(sealed.size_bytes),
        )
        if answer is CreateAnswer.CREATED:
            self.uploaded_bytes += sealed.size_bytes
        return answer

    def _write_statement(self, sealed: Sealed) -> str | None:
        statements = self._ports.statements
        if statements is None:
            return None
        return self.retried(lambda: statements.keep(self.identity, sealed, self._host.run))

    def _write_receipt(self, sealed: Sealed, evidence: Evidence) -> None:
        receipt = Receipt.of(
            self.identity,
            sealed,
            cdn_url=self._ports.cdn_url(self.identity),
            registry=self._ports.registry.location,
            evidence=evidence,
        )
        there = write_control_once(self._ports.store, self._ports.receipt_key(self.identity), receipt.to_bytes())
        found = Receipt.from_bytes(there)
        if (found.nonce, found.registry) != (receipt.nonce, receipt.registry):
            raise ProtocolError("another receipt is there for this artifact")

    def _pause(self, attempt: int, why: str, retry_after_s: float | None) -> bool:
        if attempt >= self._ports.retry.attempts or self._shield_is_over():
            return False
        wait_s = self._ports.retry.wait_s(attempt, retry_after_s)
        self._retrying(attempt, wait_s, why)
        if self._host.cancellation.requested:
            self._host.sleep(min(wait_s, 1.0))
        else:
            self._host.cancellation.wait(wait_s)
        return True

    def _shield_is_over(self) -> bool:
        if not self._host.cancellation.requested:
            return False
        now = self._host.monotonic()
        if self._stop_seen_at is None:
            self._stop_seen_at = now
        return not self._is_committed or now - self._stop_seen_at > SHIELD_S

    def _retrying(self, attempt: int, wait_s: float, why: str) -> None:
        self._host.emit(Retrying(self._item.artifact.id, attempt, wait_s, why))

    def _enter(self, step: Step, total_bytes: int | None = None) -> None:
        self._account()
        self._step = step
        self._host.emit(StepStarted(self._item.artifact.id, step, total_bytes))

    def _account(self) -> None:
        now = self._host.monotonic()
        self.seconds[self._step.value] += now - self._step_started_at
        self._step_started_at = now

    def _counter(self, total_bytes: int) -> Callable[[int], None]:
        step, done = self._step, 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            now = self._host.monotonic()
            if now - self._progress_at >= PROGRESS_EVERY_S or done >= total_bytes:
                self._progress_at = now
                self._host.emit(Progress(self._item.artifact.id, step, done, total_bytes))

        return count
