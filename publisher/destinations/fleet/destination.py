"""The fleet destination: observe, publish and verify encrypted artifacts and their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.cancellation import Cancellation
from publisher.destinations.asking import ask_each, unknown
from publisher.destinations.fleet.device import Download, fetch_to
from publisher.destinations.fleet.door import fleet_identity, identity_of
from publisher.destinations.fleet.driver import Driver
from publisher.destinations.fleet.escrow import NO_ESCROW, NoEscrow
from publisher.destinations.fleet.fresh import FreshLooks
from publisher.destinations.fleet.observing import FleetObserver, wanted_of
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.protocol import publish
from publisher.destinations.fleet.registration import Advised, Ending
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.tidying import abort_stale_uploads
from publisher.destinations.fleet.values import Marks
from publisher.destinations.fleet.verifying import verify_content
from publisher.destinations.port import Consent, Fetched, Finding, Host, Limits, VerifyMode, VerifyResult
from publisher.destinations.stepping import Steps
from publisher.errors import (
    Cancelled,
    CapabilityError,
    PublisherError,
)
from publisher.exit_codes import ExitCode
from publisher.model import (
    ArtifactId,
    Failure,
    Identity,
    ObjectFacts,
    Observation,
    Outcome,
    ReadyArtifact,
    State,
    Status,
    UnreadySource,
    failure_from,
)
from publisher.reasons import HINTS, Reason
from publisher.sources.fingerprints import fingerprint_like

if TYPE_CHECKING:
    from publisher.statements.checking import Checked
    from publisher.statements.envelope import Verifier


class FleetDestination:
    """One fleet: an object store, a registry of rows, and the write-once protocol between them."""

    def __init__(
        self,
        ports: FleetPorts,
        *,
        download: Download,
        diagnose: Callable[[bool], Iterator[Finding]],
        close: Callable[[], None],
        verify: VerifyMode = "head",
        cancellation: Cancellation | None = None,
    ) -> None:
        self._ports = ports
        self._download = download
        self._diagnose = diagnose
        self._close = close
        self._verify: VerifyMode = verify
        self._cancellation = cancellation or Cancellation()
        self._observer = FleetObserver(ports, self._cancellation)
        self._has_streamed = False
        self._fresh = FreshLooks()

    @property
    def location(self) -> str:
        return f"{self._ports.store.location} and {self._ports.registry.location}"

    @property
    def limits(self) -> Limits:
        return Limits()

    @property
    def reads_late(self) -> bool:
        """Sealing reads the source anyway. A streamed object cannot name what was not read yet; its escrow record can,
        and then its receipt: without an escrow, a run that is killed in between would leave nothing that does."""
        return not isinstance(self._ports.escrow, NoEscrow)

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        """Look up rows in bulk, then ask the store about each object, several at a time."""
        rows = self._observer.rows([identity_of(item) for item in items])

        def observe_one(item: ReadyArtifact) -> Observation:
            row = rows[identity_of(item)]
            if isinstance(row, PublisherError):
                raise row
            looked = self._observer.look(item, row)[1]
            self._fresh.remember(identity_of(item), looked)
            return self._observer.observation(item, looked)

        return ask_each(items, observe_one, cancellation=self._cancellation)

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        wanted = wanted_of(item)
        known = self._fresh.take(wanted.identity)
        steps = publish(wanted, registry=self._ports.registry.location, verify=self._verify, known=known)
        return self._carry_out(steps, item, Driver(self._ports, item, host), host)

    def caveats(self) -> Sequence[str]:
        return (NO_ESCROW,) if isinstance(self._ports.escrow, NoEscrow) else ()

    def repair(self, item: ReadyArtifact | UnreadySource, consent: Consent, host: Host) -> Outcome:
        """Finish, restore or give up one artifact, as `repair` decides."""
        from publisher.destinations.fleet.exchanging import Wish
        from publisher.destinations.fleet.repair import repair
        from publisher.destinations.fleet.repair_driver import RepairDriver

        wish = Wish(wanted_of(item), isinstance(item, ReadyArtifact), self._ports.registry.location, consent)
        return self._carry_out(repair(wish), item, RepairDriver(self._ports, item, host), host)

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], host: Host) -> Sequence[str]:
        """Abort what killed runs left of uploads whose objects are registered by now."""
        if host.cancellation.requested:
            return []
        stale = abort_stale_uploads(
            self._ports.store,
            outcomes.values(),
            repeat=lambda action: self._ports.retry.call(action, cancellation=self._cancellation, notice=_quiet),
            is_expected=self._has_streamed,
        )
        return list(stale)

    def _carry_out(
        self, steps: Steps[Ending], item: ReadyArtifact | UnreadySource, driver: Driver, host: Host
    ) -> Outcome:
        started = host.monotonic()
        try:
            ending = driver.run(steps)
            status, reason, failure = ending.status, ending.reason, _failure_of(ending)
            verification, notes = ending.verification, ending.notes
            if ending.sealed is None and ending.seen is not None:
                notes += self._observer.notes(identity_of(item), ending.seen)
            facts = self._facts(item, ending)
        except PublisherError as error:
            if isinstance(error, CapabilityError):
                self._ports.distrust_store()
            status, reason, failure = _status_of(error), error.code, failure_from(error)
            verification, notes, facts = None, (), None
        finally:
            driver.close()
        notes = (*notes, *driver.notes)
        if status is Status.PUBLISHED and not driver.was_confirmed:
            notes = (*notes, "the store did not confirm the upload; the object is confirmed by its nonce")
        if status is Status.FAILED and driver.is_stored and not isinstance(self._ports.escrow, NoEscrow):
            notes = (*notes, "the object is stored; a later run registers it without another upload")
        self._has_streamed = self._has_streamed or driver.has_streamed
        return Outcome(
            status=status,
            reason=reason,
            verification=verification,
            object=facts,
            failure=failure,
            attempts=driver.attempts,
            uploaded_bytes=driver.uploaded_bytes,
            seconds={**driver.seconds, "total": host.monotonic() - started},
            notes=notes,
            source_sha256=driver.source_sha256,
        )

    def verify(
        self, item: ReadyArtifact | UnreadySource, mode: VerifyMode, *, trusted: Sequence[Verifier] = ()
    ) -> VerifyResult:
        """Compare marks and sizes (`head`), or download through the CDN, check, and open if the key is known.

        With `trusted` keys, also look for a statement that one of them signed about this row, object and source.
        """
        identity = identity_of(item)
        row = self._observer.rows([identity])[identity]
        source = item.source.sha256 if isinstance(item, ReadyArtifact) else None
        try:
            if isinstance(row, PublisherError):
                raise row
            wanted, looked = self._observer.look(item, row)
            observation = self._observer.observation(item, looked)
            result = verify_content(
                wanted,
                looked,
                observation,
                source=source,
                fingerprint=fingerprint_like(item.artifact.source),
                download=self._download,
                mode=mode,
            )
            if trusted and result.observation.state is State.PUBLISHED:
                return replace(result, statement=self._statement(wanted, observation, trusted))
        except PublisherError as error:
            return VerifyResult(unknown(error), content_compared=False)
        return result

    def _statement(self, wanted: Wanted, observation: Observation, trusted: Sequence[Verifier]) -> Checked:
        from publisher.destinations.fleet.statements import find_statement
        from publisher.statements.checking import MISSING
        from publisher.statements.statement import Claim

        facts, identity = observation.object, wanted.identity
        if facts is None or facts.size_bytes is None or facts.sha256 is None:
            return MISSING
        claim = Claim(
            name=identity.object_key,
            identity=identity.fields(),
            sha256=facts.sha256,
            size_bytes=facts.size_bytes,
            source_sha256=wanted.source_sha256,
            compression=wanted.compression,
        )
        return self._ports.retry.call(
            lambda: find_statement(self._ports.store, claim, trusted), cancellation=self._cancellation, notice=_quiet
        )

    def fetch(self, identity: Identity, output: Path) -> Fetched:
        wanted = fleet_identity(identity)
        stored = self._ports.store.head(wanted.object_key)
        marks = Marks.read(stored.metadata) if stored else None
        compression = marks.compression if marks else "gzip"
        size, digest = fetch_to(output, self._observer.registered(wanted), self._download, compression=compression)
        return Fetched(size, digest)

    def diagnose(self, *, create_tables: bool) -> Sequence[Finding]:
        return list(self._diagnose(create_tables))

    def close(self) -> None:
        self._close()

    def _facts(self, item: ReadyArtifact | UnreadySource, ending: Ending) -> ObjectFacts | None:
        identity = identity_of(item)
        if ending.sealed is not None:
            sealed = ending.sealed
            return ObjectFacts(identity.object_key, self._ports.cdn_url(identity), sealed.size_bytes, sealed.sha256.hex)
        return self._observer.object_facts(identity, ending.seen) if ending.seen else None


def _failure_of(ending: Ending) -> Failure | None:
    if ending.status is not Status.BLOCKED:
        return None
    code = ExitCode.FAILED if ending.reason == Reason.LOOKUP_FAILED else ExitCode.NEEDS_A_PERSON
    hint = ending.hint if isinstance(ending, Advised) else HINTS[Reason(ending.reason)]
    return Failure(ending.reason, ending.detail, hint, code is ExitCode.FAILED, int(code))


def _status_of(error: PublisherError) -> Status:
    if isinstance(error, Cancelled):
        return Status.CANCELLED
    return Status.BLOCKED if error.exit_code == ExitCode.NEEDS_A_PERSON else Status.FAILED


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
