"""Text of others made safe to print: no control, bidirectional or invisible character reaches a terminal raw.

It does not know rich's markup or HTML: each view escapes its own syntax on top of this.
"""

from __future__ import annotations

import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, limit: int = 120) -> str:
    r"""Return one printable line, cut after `limit` characters; unsafe characters become `\x1b`, `\u202e`.

    The result is for people; it cannot be turned back, because a backslash stays as it is.
    """
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(map(visible_character, cut))
    return cut if len(text) <= limit else cut + "…"


def visible_character(character: str) -> str:
    """Return the character itself where it is safe to print, else its escape."""
    if unicodedata.category(character) not in _UNSAFE_CATEGORIES:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def is_safe(text: str) -> bool:
    """Say whether the text can be printed as it is."""
    return (text.isascii() and text.isprintable()) or all(
        unicodedata.category(character) not in _UNSAFE_CATEGORIES for character in text
    )
