"""The writing half of the driver: seals, creates, registers; keeps time, tells progress, and honours a stop request.

Thin on purpose: what to do next is decided in `protocol` and `registration`. A stop is obeyed at once until the create
request is sent; from there to the registration it is held back for at most `SHIELD_S`, because stopping in between
leaves an object without a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.door import identity_of
from publisher.destinations.fleet.effects import (
    CheckStore,
    Create,
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
from publisher.destinations.fleet.spool import Spool
from publisher.destinations.fleet.values import Evidence, Marks, Receipt, Sealed
from publisher.destinations.port import Host
from publisher.errors import ProtocolError
from publisher.events import Progress, Retrying, Step, StepStarted
from publisher.model import FleetIdentity, ReadyArtifact
from publisher.sealing.format import new_data_key, new_nonce
from publisher.sealing.seal import seal
from publisher.sources.opening import open_source
from publisher.stores.control import write_control_once
from publisher.stores.port import Body, CreateAnswer

SHIELD_S = 60.0
PROGRESS_EVERY_S = 0.1


class Driver(Reader):
    """Publishes one artifact. Close it: the spool goes with it."""

    def __init__(self, ports: FleetPorts, item: ReadyArtifact, host: Host) -> None:
        self.identity: FleetIdentity = identity_of(item)
        super().__init__(ports, self.identity, cancellation=host.cancellation, notice=self._retrying)
        self._item = item
        self._host = host
        self._spools: dict[str, tuple[Spool, Body]] = {}
        self._is_committed = False
        self._stop_seen_at: float | None = None
        self._step = Step.PREPARE
        self._step_started_at = host.monotonic()
        self._progress_at = 0.0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.attempts = 0
        self.uploaded_bytes = 0

    def close(self) -> None:
        self._account()
        for spool, _ in self._spools.values():
            spool.remove()
        self._spools.clear()

    def perform(self, effect: Effect[Any]) -> Any:
        if not self._is_committed:
            self._host.cancellation.check()
        ports = self._ports
        match effect:
            case CheckStore():
                if ports.statements is not None:
                    ports.statements.require_room(self.identity)
                return ports.check_store()
            case Seal():
                return self._seal()
            case EscrowPut(sealed):
                record = ports.codec.to_record(self.identity, sealed)
                return self.retried(lambda: ports.escrow.put(record))
            case Create(sealed):
                return self._create(sealed)
            case ReadBack(sealed, opened):
                self._enter(Step.VERIFY, sealed.size_bytes)
                return self.retried(lambda: read_back(ports.store, self.identity.object_key, sealed, opened=opened))
            case WriteStatement(sealed):
                return self._write_statement(sealed)
            case Register(sealed):
                self._enter(Step.REGISTER)
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

    def _seal(self) -> Sealed:
        facts, artifact = self._item.source, self._item.artifact
        key, nonce = new_data_key(), new_nonce()
        self._enter(Step.PREPARE, facts.size_bytes)
        spool = Spool.make(self._ports.spool_folder, source_bytes=facts.size_bytes)
        try:
            with open_source(artifact.source) as source:
                made = seal(
                    source.read_into,
                    spool.write,
                    key=key,
                    compression=artifact.compression,
                    check=self._host.cancellation.check,
                    progress=self._counter(facts.size_bytes),
                )
                source.check_unchanged(made.source_sha256, facts)
            spool.finish()
        except BaseException:
            spool.remove()
            raise
        self._spools[nonce] = (spool, Body(spool.open, made.object_size, made.object_sha256, made.object_md5))
        return Sealed(
            nonce=nonce,
            key=key,
            sha256=made.object_sha256,
            size_bytes=made.object_size,
            source_sha256=facts.sha256.hex,
            compression=artifact.compression.wire,
        )

    def _create(self, sealed: Sealed) -> CreateAnswer:
        self._enter(Step.UPLOAD, sealed.size_bytes)
        self.attempts += 1
        # From here to the registration a stop must not cut retries short: an unset token takes its place.
        self._is_committed = True
        self._cancellation = Cancellation()
        _, body = self._spools[sealed.nonce]
        answer = self._ports.store.create(
            self.identity.object_key,
            body,
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
