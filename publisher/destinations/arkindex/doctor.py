"""`publish doctor` for Arkindex: is the server there, what does it offer, is the token good? Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from publisher.destinations.arkindex.modes import REQUIRED
from publisher.destinations.arkindex.openapi import Operations
from publisher.destinations.arkindex.session import Session
from publisher.destinations.arkindex.values import Mode
from publisher.destinations.port import Finding
from publisher.errors import PublisherError
from publisher.exit_codes import ExitCode


def diagnose(session: Session, location: str, *, mode: Mode | None, account: str) -> Iterator[Finding]:
    """Yield one finding after another; a failed question is a finding, too."""
    try:
        offered = session.operations()
    except PublisherError as error:
        yield Finding("server", error.message, "failure", error.hint, error.exit_code)
        return
    yield Finding("server", location, "ok")
    yield _modes(offered, mode)
    yield _lookup(offered)
    yield _token(session, offered, account)


def _modes(offered: Operations, chosen: Mode | None) -> Finding:
    there = [mode for mode, names in REQUIRED.items() if all(name in offered for name in names)]
    told = ", ".join(there) or "none"
    if not there or (chosen is not None and chosen not in there):
        wish = f"; {chosen} was asked for" if chosen else ""
        hint = "is this an Arkindex server, of a generation that this program knows?"
        return Finding("modes", f"{told}{wish}", "failure", hint, int(ExitCode.NEEDS_A_PERSON))
    return Finding("modes", f"{told}{f'; only {chosen} is used' if chosen else ''}", "ok")


def _lookup(offered: Operations) -> Finding:
    if "ListWorkers" in offered and "ListWorkerVersions" in offered:
        return Finding("lookup", "the server lists workers and their versions", "ok")
    value = "the server does not list what it has: a plan assumes that nothing is registered"
    return Finding("lookup", value, "ok")


def _token(session: Session, offered: Operations, account: str) -> Finding:
    name = next((name for name in ("RetrieveUser", "ListWorkers") if name in offered), None)
    if name is None:
        return Finding("token", f"{account}; not tried: the server offers nothing that only reads", "warning")
    try:
        session.call(name)
    except PublisherError as error:
        return Finding("token", error.message, "failure", error.hint, error.exit_code)
    return Finding("token", f"{account}; accepted", "ok")
