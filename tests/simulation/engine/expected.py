"""What the schedules must come across, or the simulation has become blind to it (DESIGN.md, "The resolve table")."""

from __future__ import annotations

_RESOLVE = {
    f"resolve: {answer}, {shown}" for answer in ("exists", "busy", "ambiguous", "gone") for shown in ("none", "other")
}
_RESOLVE |= {
    "resolve: created, mine",
    "resolve: created, other",
    "resolve: created, none",
    "resolve: exists, mine",
    "resolve: busy, mine",
    "resolve: ambiguous, mine",
    "resolve: gone, mine",
    "resolve: credentials_refused",
    "resolve: capability_missing",
    "resolve: no_answer",
    "resolve: HEAD fails",
    "store distrusted",
}
_REGISTRATION = {
    f"registration: {answer}"
    for answer in (
        "Accepted, row",
        "Accepted, absent",
        "Accepted, unseen",
        "Accepted, lookup fails",
        "Duplicate (equal), row",
        "Duplicate (equal), unseen",
        "Duplicate (none), row",
        "Duplicate (none), unseen",
        "Refused (business), row",
        "Refused (business), absent",
        "Refused (business), unseen",
        "Refused (credentials_refused)",
        "Refused (request_rejected)",
        "Refused (no_answer)",
        "NoAnswer, row",
        "NoAnswer, absent",
        "NoAnswer, unseen",
        "NoAnswer, lookup fails",
    )
}
_EFFECTS = {
    f"effect {request}"
    for request in (
        "lookup",
        "head",
        "read receipt",
        "escrow get",
        "check store",
        "start upload",
        "upload part",
        "escrow put",
        "put claim",
        "create",
        "overwrite",
        "abort upload",
        "list uploads",
        "read back",
        "register",
        "write receipt",
        "escrow drop",
        "pause",
    )
}
_LATE = {
    f"late {operation}"
    for operation in (
        "create",
        "overwrite",
        "put claim",
        "register",
        "escrow put",
        "escrow drop",
        "write receipt",
    )
}
_DEATHS = {
    f"killed after sending {operation}"
    for operation in (
        "lookup",
        "head",
        "start upload",
        "upload part",
        "escrow put",
        "put claim",
        "create",
        "overwrite",
        "abort upload",
        "read back",
        "register",
        "write receipt",
        "escrow drop",
    )
}
_DEATHS |= {"killed between requests", "stop requested", "suspended", "lookup: stale: absent"}

MUST_BE_REACHED = frozenset(_RESOLVE | _REGISTRATION | _EFFECTS | _LATE | _DEATHS)
