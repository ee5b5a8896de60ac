"""`publish doctor` for a fleet: the store's promises, the registry's tables and answers, the escrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

from publisher.destinations.fleet.escrow import NoEscrow
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.port import Finding
from publisher.errors import CapabilityError, PublisherError
from publisher.exit_codes import ExitCode
from publisher.model import FleetIdentity
from publisher.registries.port import NoRow
from publisher.stores.gate import StoreGate
from publisher.stores.terms import Fence, StoreTerms

PROBE_IDENTITY = FleetIdentity("publish-doctor", "none", "none", "0")
"""A name nobody registers: looking it up shows whether the registry answers."""


class Tables(Protocol):
    """A registry whose tables can be looked at and made."""

    def check(self) -> Sequence[str]:
        """Return what is missing, one sentence each."""

    def create_tables(self) -> None: ...


def diagnose(
    ports: FleetPorts, gate: StoreGate | None, tables: Tables | None, *, create_tables: bool
) -> Iterator[Finding]:
    """Yield one finding after another; a failed question is a finding, too."""
    if gate is not None:
        yield from _guarded("object store", lambda: _store(ports, gate))
    else:
        yield Finding("object store", ports.store.location, "ok")
    if tables is not None:
        yield from _guarded("registry tables", lambda: _tables(tables, create_tables=create_tables))
    yield from _guarded("registry", lambda: _registry(ports))
    yield _escrow(ports)


def _guarded(label: str, ask: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from ask()
    except PublisherError as error:
        yield Finding(label, error.message, "failure", error.hint, error.exit_code)


def _store(ports: FleetPorts, gate: StoreGate) -> Iterator[Finding]:
    found = gate.capabilities(fresh=True)
    yield Finding("object store", ports.store.location, "ok")
    try:
        terms = ports.check_store()
    except CapabilityError:
        terms = None
    is_fenced_otherwise = terms is not None and terms.fence is not Fence.CONDITION
    level: Literal["ok", "warning", "failure"] = "ok"
    if found.problems():
        level = "warning" if is_fenced_otherwise else "failure"
    yield Finding("create-if-absent", found.conditional_put.value, level)
    for problem in found.problems():
        if is_fenced_otherwise:
            yield Finding("note", problem, "warning")
        else:
            yield Finding("not safe", problem, "failure", exit_code=ExitCode.NEEDS_A_PERSON)
    if terms is not None:
        yield Finding("objects", _way(terms), "ok")
        for problem in gate.upload_capabilities().problems() if terms.claims else ():
            yield Finding("note", problem, "warning")
    for warning in found.warnings():
        yield Finding("note", warning, "warning")


def _way(terms: StoreTerms) -> str:
    """Say how objects get into this store."""
    match terms.fence:
        case Fence.CLAIM:
            return "pinned by claims in the database, stored without conditions, read back in full"
        case Fence.NOTHING:
            return "stored without a fence: no other publisher may be running"
        case Fence.CONDITION:
            pass
    if terms.streams:
        return "sent in parts while they are sealed, completed only if absent"
    limit = f"{terms.put_limit_bytes >> 30} GiB"
    if terms.claims:
        return f"stored only if absent, in one request up to {limit}; above that, pinned by a claim and sent in parts"
    return f"stored only if absent, in one request, up to {limit}"


def _tables(tables: Tables, *, create_tables: bool) -> Iterator[Finding]:
    if create_tables:
        tables.create_tables()
    missing = tables.check()
    for sentence in missing:
        yield Finding("registry tables", sentence, "failure", "run `publish doctor --create-tables`", ExitCode.INPUT)
    if not missing:
        yield Finding("registry tables", "there, with the unique index", "ok")


def _registry(ports: FleetPorts) -> Iterator[Finding]:
    answer = ports.registry.lookup([PROBE_IDENTITY])[PROBE_IDENTITY]
    if answer is NoRow.UNSEEN:
        yield Finding(
            "registry",
            f"{ports.registry.location} has no lookup; receipts in the store stand in for it",
            "warning",
            "set ADMIN_API_LOOKUP if it has one",
        )
    else:
        yield Finding("registry", f"{ports.registry.location} answers lookups", "ok")


def _escrow(ports: FleetPorts) -> Finding:
    if isinstance(ports.escrow, NoEscrow):
        return Finding(
            "key escrow",
            "none: a run killed between upload and registration leaves an object nobody can register",
            "warning",
            "set PUBLISH_RECOVERY_KEY (32 random bytes in base64)",
        )
    return Finding("key escrow", ports.escrow.location, "ok")
