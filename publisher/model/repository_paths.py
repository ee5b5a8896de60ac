"""Which paths a file of an artifact repository may have: the same to every server, every file system and every person.

Standard library only. A path is decoded text below the repository's address, with `/` between its names. It is refused
rather than changed to fit: what was published is found under exactly the name that the manifest says.
"""

from __future__ import annotations

import re
import unicodedata

PATH_LIMIT_BYTES = 1024
NAME_LIMIT_BYTES = 255 - len(".part-") - 32
"""Longest name in UTF-8, so that the name of its part still fits what file systems take (255 bytes)."""

_FORBIDDEN = "\\?;"
"""A backslash is a separator for some servers; at `?` and `;` some cut the Destination of a MOVE (seen: wsgidav)."""

_PART = re.compile(r"\.part-[0-9a-f]{32}$")


def path_problem(path: str) -> tuple[str, str] | None:
    """Say what is wrong with a path, and what to do about it; None if nothing is. The path is not repeated."""
    if not path:
        return "it is empty", "name at least a folder and a file"
    if path.startswith("/") or path.endswith("/"):
        return "it begins or ends with `/`", "paths are relative to the repository's address, without a slash there"
    if len(path.encode("utf-8", "surrogatepass")) > PATH_LIMIT_BYTES:
        return f"it is longer than {PATH_LIMIT_BYTES} bytes", "use shorter names"
    for name in path.split("/"):
        problem = _name_problem(name)
        if problem is not None:
            return problem
    return None


def _name_problem(name: str) -> tuple[str, str] | None:
    if not name:
        return "it has an empty name between two slashes", "write one slash; is a variable empty?"
    if name.startswith("."):
        return (
            "a name in it begins with a dot",
            "`.` and `..` lead elsewhere, and servers hide or obey the others",
        )
    if name != name.strip():
        return "a name in it begins or ends with a space", "remove the space"
    # Not printable are control characters, and every kind of space but the usual one.
    if not name.isprintable():
        return "it holds a control or invisible character, or is not UTF-8", "rename it"
    if any(character in _FORBIDDEN for character in name):
        return "it holds `\\`, `?` or `;`", "servers read these in different ways; rename it"
    if unicodedata.normalize("NFC", name) != name:
        return "it is not in Unicode's composed form (NFC)", "rename it: two names must not look alike and differ"
    if len(name.encode()) > NAME_LIMIT_BYTES:
        return f"a name in it is longer than {NAME_LIMIT_BYTES} bytes", "use a shorter name"
    if _PART.search(name):
        return "a name in it ends like an unfinished upload's", "names ending in `.part-` and 32 digits are for those"
    return None
