"""Paths of an artifact repository as the wire has them: encoded in a URL, and the names of parts. Pure.

Which paths are allowed is `publisher.model.repository_paths`.
"""

from __future__ import annotations

from urllib.parse import quote


def encoded(path: str) -> str:
    """Return a path as it stands in a URL (RFC 3986): UTF-8, everything but letters, digits and `-._~/` encoded."""
    return quote(path, safe="-._~/")


def part_of(path: str, nonce: str) -> str:
    """Return where the bytes of `path` wait until they are complete: beside it, so that a rename suffices."""
    return f"{path}.part-{nonce}"


def folder_of(path: str) -> str:
    """Return the folder that a path lies in; empty for one directly below the repository's address."""
    return path.rpartition("/")[0]
