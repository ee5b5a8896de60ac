"""The reading half of the driver: performs the effects that ask, and refuses those that write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.effects import EscrowGet, Head, Lookup, ReadReceipt
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.values import Receipt
from publisher.destinations.stepping import Effect, Steps, carry_out
from publisher.errors import NotFoundError
from publisher.model import FleetIdentity
from publisher.registries.port import NoRow, Row
from publisher.retry import RetryNotice
from publisher.stores.control import read_control

Result = TypeVar("Result")


class Reader:
    """Drives a piece of the protocol for one identity. `row` may be known already from a bulk lookup."""

    def __init__(
        self,
        ports: FleetPorts,
        identity: FleetIdentity,
        *,
        cancellation: Cancellation,
        notice: RetryNotice,
        row: Row | NoRow | None = None,
    ) -> None:
        self._ports = ports
        self._identity = identity
        self._cancellation = cancellation
        self._notice = notice
        self._row = row

    def run(self, steps: Steps[Result]) -> Result:
        return carry_out(steps, self.perform)

    def perform(self, effect: Effect[Any]) -> Any:
        """Perform one effect, with retries. RuntimeError for an effect that writes."""
        ports, identity = self._ports, self._identity
        match effect:
            case Lookup():
                return self._lookup()
            case Head():
                return self.retried(lambda: ports.store.head(identity.object_key))
            case ReadReceipt():
                return self.retried(self._read_receipt)
            case EscrowGet(nonce):
                record = self.retried(lambda: ports.escrow.get(nonce))
                matches = record is not None and record.identity_sha256 == identity.sha256
                return ports.codec.to_sealed(record) if record is not None and matches else None
        raise RuntimeError(f"{type(effect).__name__} is not a question")

    def retried(self, action: Callable[[], Result]) -> Result:
        return self._ports.retry.call(action, cancellation=self._cancellation, notice=self._notice)

    def _lookup(self) -> Row | NoRow:
        if self._row is not None:
            # A bulk lookup's answer serves once: whoever looks again wants to know what changed.
            row, self._row = self._row, None
            return row
        answers = self.retried(lambda: self._ports.registry.lookup([self._identity]))
        return answers[self._identity]

    def _read_receipt(self) -> Receipt | None:
        try:
            return Receipt.from_bytes(read_control(self._ports.store, self._ports.receipt_key(self._identity)))
        except NotFoundError:
            return None
