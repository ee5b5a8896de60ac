"""The looking half of a fleet: rows in bulk, objects one by one, and what both mean. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from publisher.cancellation import Cancellation
from publisher.destinations.asking import Reach
from publisher.destinations.fleet.door import identity_of
from publisher.destinations.fleet.helping import Looked, look
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.reader import Reader
from publisher.destinations.fleet.states import Seen, Wanted
from publisher.destinations.fleet.uncompared import look_uncompared
from publisher.errors import DestinationError, NotFoundError, PublisherError
from publisher.model import FleetIdentity, ObjectFacts, Observation, ReadyArtifact, State, UnreadySource
from publisher.registries.port import NoRow, Row

_UNCOMPARED = {State.PUBLISHED: "row and object agree"}
"""What is said of a state in place of words about the source, where that cannot be read."""


def wanted_of(item: ReadyArtifact | UnreadySource) -> Wanted:
    """Return what the manifest asks for, without a source where that was not read."""
    known = item.source.fingerprint if isinstance(item, ReadyArtifact) else None
    return Wanted(identity_of(item), known.hex if known else "", item.artifact.compression.wire)


class FleetObserver:
    """Looks at one fleet. Safe to share between threads."""

    def __init__(self, ports: FleetPorts, cancellation: Cancellation) -> None:
        self._ports = ports
        self._cancellation = cancellation

    def rows(self, identities: Sequence[FleetIdentity]) -> dict[FleetIdentity, Row | NoRow | PublisherError]:
        """Look up rows in bulk; where a lookup fails, its error is the answer for each of them."""
        registry, found = self._ports.registry, dict[FleetIdentity, Row | NoRow | PublisherError]()
        size = max(1, registry.lookup_batch or len(identities))
        reach = Reach(1)
        for chunk in _chunks(identities, size):
            if reach.given_up is not None:
                found.update(dict.fromkeys(chunk, reach.given_up))
                continue
            try:
                found.update(
                    self._ports.retry.call(
                        lambda chunk=chunk: registry.lookup(chunk),  # type: ignore[misc] # bound now, not later
                        cancellation=self._cancellation,
                        notice=_quiet,
                    )
                )
            except PublisherError as error:
                reach.failed(error)
                found.update(dict.fromkeys(chunk, error))
            else:
                reach.answered()
        return found

    def look(self, item: ReadyArtifact | UnreadySource, row: Row | NoRow) -> tuple[Wanted, Looked]:
        """Return what is there beside the row, and what it was compared with. Raises what the store raises."""
        wanted, registry = wanted_of(item), self._ports.registry.location
        reader = Reader(self._ports, wanted.identity, cancellation=self._cancellation, notice=_quiet, row=row)
        if isinstance(item, ReadyArtifact):
            return wanted, reader.run(look(wanted, registry=registry))
        return reader.run(look_uncompared(wanted.identity, compression=wanted.compression, registry=registry))

    def observation(self, item: ReadyArtifact | UnreadySource, looked: Looked) -> Observation:
        """Say in the terms of every destination what was seen."""
        identity, classified = identity_of(item), looked.classified
        detail = classified.detail
        if isinstance(item, UnreadySource):
            detail = f"{_UNCOMPARED.get(classified.state, detail)}; source not compared: {item.failure.message}"
        facts, notes = self.object_facts(identity, looked.seen), self.notes(identity, looked.seen)
        return Observation(classified.state, classified.certainty, detail, object=facts, notes=notes)

    def object_facts(self, identity: FleetIdentity, seen: Seen) -> ObjectFacts | None:
        """Return what is known of the object, as it was registered if it was; None if there is none."""
        if seen.object is None:
            return None
        row, receipt = seen.row, seen.receipt
        sha256 = row.sha256.hex if isinstance(row, Row) else receipt.sha256 if receipt else None
        url = _registered_url(seen) or self._ports.cdn_url(identity)
        return ObjectFacts(identity.object_key, url, seen.object.size_bytes, sha256)

    def notes(self, identity: FleetIdentity, seen: Seen) -> tuple[str, ...]:
        """Return what is no failure and yet worth a look."""
        there, here = _registered_url(seen), self._ports.cdn_url(identity)
        if there is None or there == here:
            return ()
        return (f"devices download it from the registered cdn_url {there}; these settings would give {here}",)

    def registered(self, identity: FleetIdentity) -> Row:
        """Return the registered row of one artifact. Raises `NotFoundError`, or `DestinationError` without a lookup."""
        row = self.rows([identity])[identity]
        if isinstance(row, PublisherError):
            raise row
        if row is NoRow.ABSENT:
            raise NotFoundError(f"{identity.path} is not registered", hint="look at `publish plan` of its manifest")
        if not isinstance(row, Row):
            raise DestinationError(
                "this registry cannot be asked for rows", hint="set ADMIN_API_LOOKUP, or RESOURCES_DATABASE_URL"
            )
        return row


def _registered_url(seen: Seen) -> str | None:
    if isinstance(seen.row, Row):
        return seen.row.cdn_url
    return seen.receipt.cdn_url if seen.receipt else None


def _chunks(identities: Sequence[FleetIdentity], size: int) -> Iterator[Sequence[FleetIdentity]]:
    for start in range(0, len(identities), size):
        yield identities[start : start + size]


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
