"""Which names an artifact of the fleet may have: they become parts of an object key, a URL and a row.

It refuses to repair a name: what the manifest says is what is registered, or it is an error.
"""

from __future__ import annotations

import re

from publisher.manifest.escaping import visible, visible_character
from publisher.model import MAX_OBJECT_NAME, NAME_PATTERN, VERSION_PATTERN, FleetIdentity

FLEET_NAMES = ("resource_name", "dev_stage", "architecture", "version")
MAX_NAME_LENGTH = 128

_NAME = re.compile(NAME_PATTERN)
_VERSION = re.compile(VERSION_PATTERN)
_PLAIN_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = re.compile(r"[A-Z][A-Z0-9_]{0,62}_")


def name_problem(field: str, text: str, *, shown: str) -> tuple[str, str] | None:
    """Return the message and hint for a name that is not allowed, or None for a good one.

    The rule: ASCII `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, for a version also `+`, no dot at the end. `shown` is the name
    as messages may show it; a character is named only where it stands in `shown` too, so that no part of an
    environment's value is told.
    """
    pattern = _VERSION if field == "version" else _NAME
    if pattern.fullmatch(text):
        return None
    wrong = f"`{visible(shown, limit=80)}` is not allowed as {field}"
    characters = "letters, digits, `.`, `_`, `-`" + (" and `+`" if field == "version" else "")
    hint = f"use {characters}; start with a letter or digit, and do not end with a dot"
    if not text:
        return f"{field} is empty", hint
    if len(text) > MAX_NAME_LENGTH:
        return f"{wrong}: it is longer than {MAX_NAME_LENGTH} characters", hint
    if text.endswith(".") and pattern.fullmatch(text.rstrip(".")):
        return f"{wrong}: it ends with a dot", hint
    allowed = _PLAIN_CHARACTERS | ({"+"} if field == "version" else set())
    for position, character in enumerate(text):
        if character not in allowed:
            where = f": it holds `{visible_character(character)}` (character {position + 1})"
            return wrong + (where if text == shown else ": one of its characters is not allowed"), hint
    return f"{wrong}: it does not start with a letter or digit", hint


def key_problem(identity: FleetIdentity) -> tuple[str, str] | None:
    """Return the message and hint if the names, each of them allowed, are too long together; None for good ones."""
    if not identity.is_key_too_long:
        return None
    name = identity.object_key.rpartition("/")[2]
    return (
        f"resource_name, architecture and version make an object name of {len(name)} characters; "
        f"at most {MAX_OBJECT_NAME} can be stored",
        "shorten one of them",
    )


def is_destination_name(text: str) -> bool:
    """Say whether a destination may be called so: it is the first half of an artifact's id."""
    return _LABEL.fullmatch(text) is not None


def is_environment_prefix(text: str) -> bool:
    """Say whether `env_prefix` may be this: upper case, with `_` at its end, or empty."""
    return not text or _PREFIX.fullmatch(text) is not None
