"""Puts the production engine, unchanged, on top of scheduled ports: one `FleetDestination` for each process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar, cast

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.claims import ObjectClaims
from publisher.destinations.fleet.destination import FleetDestination
from publisher.destinations.fleet.escrow import KeyCodec, NoEscrow, ObjectEscrow
from publisher.destinations.fleet.ports import Effort, FleetPorts
from publisher.destinations.fleet.values import Sealed
from publisher.destinations.port import Host
from publisher.errors import TransportError
from publisher.events import Event, Retrying
from publisher.model import DataKey, FleetIdentity, Outcome
from publisher.registries.port import EscrowRecord, KeyEscrow
from publisher.retry import RetryNotice, RetryPolicy
from publisher.sealing.wrapping import RecoveryKeys
from publisher.stores.body import BodyDigest
from publisher.stores.terms import Fence, StoreTerms
from tests.simulation.engine.network import READ_FATES
from tests.simulation.engine.ports import Line, ScheduledClaims, ScheduledEscrow, ScheduledRegistry, ScheduledStore

Result = TypeVar("Result")

PART_BYTES = 24
"""Every object of the simulation has a few such parts."""

_RECOVERY = RecoveryKeys.parse("c2ltdWxhdGVkIHJlY292ZXJ5IGtleSwgMzIgYnl0ZXM=")


class StopToken(Cancellation):
    """A stop request whose every check may let others go first: also in the middle of sealing."""

    def __init__(self) -> None:
        super().__init__()
        self.linger: Callable[[], None] = lambda: None

    def check(self) -> None:
        self.linger()
        super().check()


@dataclass(frozen=True, slots=True)
class SimulatedWaits(RetryPolicy):
    """The production policy, except that a wait takes simulated time and no other; half of the longest one."""

    note: Callable[[float], None] = field(default=lambda _seconds: None)

    def wait_s(self, attempt: int, retry_after_s: float | None = None) -> float:
        longest = min(self.cap_s, self.base_s * 2.0**attempt) / 2
        self.note(longest if retry_after_s is None else min(retry_after_s, self.retry_after_cap_s))
        return 0.0

    def call(self, action: Callable[[], Result], *, cancellation: Cancellation, notice: RetryNotice) -> Result:
        """Enter the production policy only with a first failure in hand: most calls succeed, and it takes its time."""
        try:
            return action()
        except TransportError as error:
            first: list[TransportError] = [error]

        def again() -> Result:
            if first:
                raise first.pop()
            return action()

        return RetryPolicy.call(self, again, cancellation=cancellation, notice=notice)


class NotingCodec(KeyCodec):
    """Remembers every data key, to look for it where it must not be, and what each nonce was made from."""

    def __init__(self, recovery: RecoveryKeys | None, keys: list[DataKey], sources: dict[str, str]) -> None:
        super().__init__(recovery)
        self._keys = keys
        self._sources = sources

    def to_record(self, identity: FleetIdentity, sealed: Sealed) -> EscrowRecord:
        self._keys.append(sealed.key)
        self._sources[sealed.nonce] = sealed.source_sha256
        return super().to_record(identity, sealed)


def ports_of(line: Line, *, spool: Path, keys: list[DataKey]) -> FleetPorts:
    """Return what one process reaches the world through."""
    scenario, process = line.world.scenario, line.process
    store = ScheduledStore(line)
    escrow: KeyEscrow
    match scenario.escrow:
        case "object":
            escrow = ObjectEscrow(store)
        case "none":
            escrow = NoEscrow()
        case _:
            escrow = ScheduledEscrow(line)

    checked = frozenset({BodyDigest.SHA256} if scenario.store_checks_uploads else ())
    terms = StoreTerms(
        put_digests=checked,
        part_digests=frozenset({BodyDigest.CRC32}),
        streams=scenario.way == "stream",
        fence=Fence.CLAIM if scenario.way == "sql-claim" else Fence.CONDITION,
        claims=scenario.way == "claims",
        put_limit_bytes=scenario.put_limit_bytes,
    )

    def check_store() -> StoreTerms:
        return cast(StoreTerms, line.send("check store", "probe", lambda: terms, READ_FATES))

    def note(seconds: float) -> None:
        process.wait_s = seconds

    return FleetPorts(
        store=store,
        registry=ScheduledRegistry(line),
        escrow=escrow,
        codec=NotingCodec(
            _RECOVERY if scenario.escrow in {"object", "sql-wrapped"} else None, keys, line.world.sources
        ),
        cdn_base_url="https://cdn.simulated",
        check_store=check_store,
        distrust_store=lambda: line.reached("store distrusted"),
        retry=SimulatedWaits(attempts=scenario.attempts, note=note),
        spool_folder=spool,
        claims=ScheduledClaims(line) if scenario.way == "sql-claim" else ObjectClaims(store),
        effort=Effort(part_bytes=lambda _source: PART_BYTES, part_threads=0, held_bytes=scenario.held_bytes),
    )


def host_of(line: Line) -> Host:
    """Return what one process may use of the run around it. Events are scheduling points too."""
    scheduler, process = line.scheduler, line.process

    def emit(event: Event) -> None:
        if process.is_killed:
            return
        process.events.append(event)
        if isinstance(event, Retrying):
            line.reached("effect pause")
            scheduler.tell(process.name, f"waits {process.wait_s:g} s: {event.why}")
            scheduler.sleep(process, process.wait_s)
        else:
            scheduler.linger(process)

    if isinstance(process.cancellation, StopToken):
        process.cancellation.linger = lambda: scheduler.linger(process, likelihood=0.03)
    return Host(emit, process.cancellation, monotonic=lambda: scheduler.now, sleep=lambda _seconds: None)


def engine(line: Line, ports: FleetPorts) -> Callable[[], Outcome]:
    """Return the production engine's publish of this process's artifact."""
    destination = FleetDestination(
        ports,
        download=_no_download,
        diagnose=lambda _create: iter(()),
        close=_nothing,
        verify=line.world.scenario.verify,
    )
    host, item = host_of(line), line.process.item

    def run() -> Outcome:
        outcome = destination.publish(item, host)
        destination.conclude({item.artifact.id: outcome}, host)
        return outcome

    return run


def _nothing() -> None:
    pass


def _no_download(_url: str) -> NoReturn:
    raise AssertionError("publishing downloads through the store")
