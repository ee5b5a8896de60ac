"""What keeps secrets out of text: values that print as stars, and a filter for what others answered.

Standard library only. Nothing here decides what is secret; whoever holds a secret wraps it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NoReturn

QUOTE_LIMIT = 200
"""How many characters of a foreign answer a message may show (DESIGN.md, "HTTP client")."""

_KEY_LIKE = re.compile(r"[0-9A-Fa-f]{16,}|[A-Za-z0-9+/=_-]{32,}")
_SPACES = re.compile(r" {2,}")


class Masked:
    """A secret text, such as a token or a URL with a password. Never printed, formatted or pickled by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret, for the wire or the driver only."""
        return self._value

    def __repr__(self) -> str:
        return "Masked(**********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be pickled")


def sanitise(text: str, *, secrets: Iterable[str] = (), limit: int = QUOTE_LIMIT) -> str:
    """Return `text` as one printable line of at most `limit` characters, fit for a terminal, a log and a report.

    Control, format (bidirectional marks included) and separator characters become spaces. The given secrets, and
    whatever looks like a key or a token (16 hexadecimal digits, 32 base64 characters in a row), become `[...]`
    before the text is cut, so that no piece of them remains: a server may repeat in its answer what it was sent.
    """
    cleaned = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in _hide(text, secrets)[: limit * 64])
    cleaned = _SPACES.sub(" ", cleaned).strip()
    cleaned = _KEY_LIKE.sub("[...]", cleaned)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def _hide(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = re.sub(re.escape(secret), "[...]", text, flags=re.IGNORECASE)
    return text
