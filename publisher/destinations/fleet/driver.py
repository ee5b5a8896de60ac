"""The writing half of the driver: seals, creates, registers; keeps time, tells progress, and honours a stop request.

Thin on purpose: what to do next is decided in `protocol` and `registration`. A stop is obeyed at once until the create
request is sent; from there to the registration it is held back for at most `SHIELD_S`, because stopping in between
leaves an object without a row.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from publisher.destinations.fleet.effects import (
    CheckStore,
    Create,
    Discard,
    EscrowDrop,
    EscrowPut,
    Now,
    Overwrite,
    Pause,
    PutClaim,
    ReadBack,
    ReadSource,
    Register,
    Seal,
    SealAgain,
    WriteReceipt,
    WriteStatement,
)
from publisher.destinations.fleet.escrow import NoEscrow
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.readback import read_back
from publisher.destinations.fleet.sending import Sender
from publisher.destinations.fleet.values import Evidence, Receipt, Sealed
from publisher.destinations.port import Host
from publisher.destinations.stepping import Effect
from publisher.errors import CapabilityError, ProtocolError
from publisher.events import Step
from publisher.model import ReadyArtifact
from publisher.registries.port import ClaimRecord
from publisher.sources.fingerprints import fingerprint_like
from publisher.stores.control import write_control_once

SHIELD_S = 60.0


class Driver(Sender):
    """Publishes one artifact. Close it: sealed bytes that became no object go with it."""

    def __init__(self, ports: FleetPorts, item: ReadyArtifact, host: Host) -> None:
        super().__init__(ports, item, host)
        self._stop_seen_at: float | None = None

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
            case ReadSource():
                return self._read_source()
            case Seal():
                return self._seal()
            case EscrowPut(sealed):
                record = ports.codec.to_record(self.identity, sealed)
                return self.retried(lambda: ports.escrow.put(record))
            case Create(sealed):
                return self._create(sealed)
            case PutClaim(claim):
                return self._claim(claim)
            case SealAgain(theirs):
                return self._seal_again(theirs)
            case Overwrite(sealed):
                return self._overwrite(sealed)
            case Discard(nonce):
                return self._give_up(nonce)
            case ReadBack(sealed, opened):
                return self._read_back(sealed, opened=opened)
            case WriteStatement(sealed):
                return self._write_statement(sealed)
            case Register(sealed):
                self._enter(Step.REGISTER)
                self._host.commit()
                self.is_stored = True
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

    def _claim(self, claim: ClaimRecord) -> ClaimRecord:
        claims = self._ports.claims
        if claims is None:
            raise CapabilityError(
                f"{self._ports.store.location}: an object of this size needs a claim, and there is nowhere to put one",
                hint="use a store whose conditional completion of uploads is atomic",
            )
        if claim.is_pinned and isinstance(self._ports.escrow, NoEscrow):
            raise CapabilityError(
                "an object of this size is published by a claim, which needs its key in escrow",
                hint="set PUBLISH_RECOVERY_KEY (32 random bytes in base64)",
            )
        return self.retried(lambda: claims.put(claim))

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
