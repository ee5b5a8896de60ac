"""What one look at a channel shows of one artifact, and which state that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from publisher.destinations.conda.ports import Entry
from publisher.model import CondaIdentity, State


class Seen(Enum):
    """What a channel has under an artifact's name. There is no "unknown": what cannot be read is an error."""

    SAME = "same"
    """The index lists it, with our content."""
    OTHER = "other"
    """The index lists it, with other content."""
    REMOVED = "removed"
    """The channel's owners took it out of the index; the file may still lie there."""
    UNLISTED_SAME = "unlisted, same"
    """Our content lies in the channel, and the index does not list it: it was stored and not indexed."""
    UNLISTED_OTHER = "unlisted, other"
    """Other content lies in the channel, and the index does not list it."""
    ABSENT = "absent"
    """Neither the index nor the channel has it."""


@dataclass(frozen=True, slots=True)
class Look:
    """`sha256` and `size_bytes` are of what the channel has, as far as it says. `detail` is a sentence for people."""

    seen: Seen
    detail: str
    sha256: str | None = None
    size_bytes: int | None = None


STATES = {
    Seen.SAME: State.PUBLISHED,
    Seen.OTHER: State.CONFLICT,
    Seen.REMOVED: State.CONFLICT,
    Seen.UNLISTED_SAME: State.UNFINISHED,
    Seen.UNLISTED_OTHER: State.CONFLICT,
    Seen.ABSENT: State.MISSING,
}


def listed(entry: Entry, *, is_same: bool, by: str) -> Look:
    """Return the look at a file that the index lists; `by` is what was compared."""
    detail = f"the channel has it, by {by}" if is_same else f"the channel has other content under this name, by {by}"
    return Look(Seen.SAME if is_same else Seen.OTHER, detail, entry.sha256, entry.size_bytes)


def removed() -> Look:
    return Look(Seen.REMOVED, "the channel's owners removed this file from the index")


def unlisted(*, is_same: bool) -> Look:
    """Return the look at a file that lies in the channel without being listed."""
    if is_same:
        return Look(Seen.UNLISTED_SAME, "stored in the channel, but its index does not list it")
    return Look(Seen.UNLISTED_OTHER, "a file of this name with other content lies in the channel, not in its index")


def absent(identity: CondaIdentity) -> Look:
    return Look(Seen.ABSENT, f"not in {identity.subdir}/repodata.json")
