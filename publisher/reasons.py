"""Why something was decided about an artifact, and what a person does about it. The reason never drives."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why the action was chosen; a closed, append-only list."""

    NOT_REGISTERED = "not_registered"
    ALREADY_REGISTERED = "already_registered"
    UNFINISHED_UPLOAD = "unfinished_upload"
    CONTENT_CONFLICT = "content_conflict"
    OBJECT_COLLISION = "object_collision"
    ORPHAN_OBJECT = "orphan_object"
    DAMAGED_OBJECT = "damaged_object"
    SOURCE_MISSING = "source_missing"
    NOT_READY = "not_ready"
    LOOKUP_FAILED = "lookup_failed"
    FILTERED = "filtered"
    LABELS_OUTDATED = "labels_outdated"


NEEDS_A_PERSON = frozenset(
    {Reason.CONTENT_CONFLICT, Reason.OBJECT_COLLISION, Reason.ORPHAN_OBJECT, Reason.DAMAGED_OBJECT}
)
"""Reasons that no later run settles by itself (exit code 5)."""

HINTS: Mapping[Reason, str] = {
    Reason.CONTENT_CONFLICT: "give the new content a new version; a published version is never overwritten",
    Reason.OBJECT_COLLISION: "rename one of the two artifacts, or give it another version",
    Reason.DAMAGED_OBJECT: "`publish repair` restores the registered bytes if a copy is left or they can be made again",
    Reason.ORPHAN_OBJECT: "publish under a new version, or give it up with `publish repair --take-over ID`",
    Reason.LOOKUP_FAILED: "run the same command again; nothing was changed",
}
"""What a person does about a row that is blocked."""
