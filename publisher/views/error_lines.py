"""How one error is shown: what happened, then what to do. Knows no terminal."""

from __future__ import annotations

from typing import Protocol

from publisher.views.text import safe_lines


class Explained(Protocol):
    """What every error has, raised (`PublisherError`) or reported (`ErrorInfo`)."""

    @property
    def message(self) -> str: ...

    @property
    def hint(self) -> str | None: ...


def error_lines(error: Explained) -> list[str]:
    """Return `error: ...` and, where there is one, `hint: ...`; further lines of a message are indented."""
    return _lines("error: ", error.message) + (_lines("hint: ", error.hint) if error.hint else [])


def _lines(lead: str, text: str) -> list[str]:
    first, *rest = safe_lines(text) or [""]
    return [lead + first, *("  " + line for line in rest)]
