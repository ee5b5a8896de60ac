"""The process's exit codes: a documented, append-only contract (README, "Exit codes")."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    CHANGES = 2
    INPUT = 3
    CREDENTIALS = 4
    NEEDS_A_PERSON = 5
    STALE_PLAN = 6
    UNKNOWN_OUTCOME = 7
    USAGE = 64
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


_PRECEDENCE = (
    ExitCode.NEEDS_A_PERSON,
    ExitCode.UNKNOWN_OUTCOME,
    ExitCode.CREDENTIALS,
    ExitCode.STALE_PLAN,
    ExitCode.INPUT,
    ExitCode.FAILED,
)


def combine(codes: Iterable[int], *, signal: int | None = None) -> int:
    """Return the one code of a run: a signal first, then 5, 7, 4, 6, 3, 1; 0 if there is none."""
    if signal is not None:
        return 128 + signal
    present = set(codes)
    for code in _PRECEDENCE:
        if code in present:
            return int(code)
    return int(ExitCode.FAILED) if present - {0} else int(ExitCode.OK)
