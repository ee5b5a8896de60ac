"""The shape of an object key that every store accepts. Refuses to repair a key: a wrong one is the caller's mistake."""

from __future__ import annotations

from publisher.stores.port import CONTROL_PREFIX

MAX_KEY_BYTES = 1000
MAX_SEGMENT_BYTES = 255


def require_key(key: str) -> tuple[str, ...]:
    """Return the segments of `key`.

    ValueError unless the key is relative, made of printable segments of at most 255 bytes without `.` and `..`,
    and at most 1000 bytes long. Stores disagree about anything else: some normalise, some refuse, some close the
    connection.
    """
    segments = tuple(key.split("/"))
    if any(segment in {"", ".", ".."} for segment in segments):
        raise ValueError("an object key is relative, without empty, '.' or '..' segments")
    if not key.isprintable() or "\\" in key:
        raise ValueError("an object key holds printable characters and no backslash")
    if len(key.encode()) > MAX_KEY_BYTES or any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in segments):
        raise ValueError("an object key has at most 1000 bytes, and each segment at most 255")
    return segments


def require_control_key(key: str) -> tuple[str, ...]:
    """Return the segments of a key below `.publish/`; ValueError for any other key."""
    segments = require_key(key)
    if not key.startswith(CONTROL_PREFIX):
        raise ValueError(f"only keys below {CONTROL_PREFIX} may be deleted")
    return segments
