"""Text made safe and short for people: untrusted strings, sizes, durations. Knows no terminal and no format."""

from __future__ import annotations

import unicodedata

_BLANKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})
_NONCHARACTERS = frozenset("\ufffe\uffff")
_UNITS = ("KiB", "MiB", "GiB", "TiB")


def safe_text(text: str) -> str:
    """Return `text` as one line that cannot steer a terminal, reorder other text or break XML.

    Line breaks and tabs become spaces. Control characters (C0, C1), format characters (bidi marks and isolates,
    zero-width characters) and lone surrogates are dropped; what stays is printed literally.
    """
    if text.isascii() and text.isprintable():
        return text
    spaced = "".join(" " if char in _BLANKS else char for char in text)
    return "".join(char for char in spaced if char not in _NONCHARACTERS and unicodedata.category(char) not in _HIDDEN)


def safe_lines(text: str) -> list[str]:
    """Return the lines of `text`, each made safe."""
    return [safe_text(line).rstrip() for line in text.splitlines()]


def size_text(size_bytes: int) -> str:
    """Return a size in binary units with one decimal: `999 B`, `1.0 KiB`, `34.5 GiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    power = 1
    while power < len(_UNITS) and size_bytes / 1024**power >= 1023.95:
        power += 1
    return f"{size_bytes / 1024**power:.1f} {_UNITS[power - 1]}"


def duration_text(seconds: float) -> str:
    """Return a duration: `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def counted(count: int, noun: str) -> str:
    """Return `1 artifact` or `3 artifacts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
