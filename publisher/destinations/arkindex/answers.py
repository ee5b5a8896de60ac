"""What answers mean: is this refusal a duplicate, and what does the server say of a version? Pure.

Servers of four generations say "there is one already" in four ways. A refusal that is none of these is a refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.destinations.arkindex.api import Reply
from publisher.destinations.arkindex.values import Mode, Version
from publisher.errors import ProtocolError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The server holds a version of this worker at this revision; `existing_id` is its id, if the answer says it."""

    existing_id: str | None = None


def duplicate_of(reply: Reply, mode: Mode) -> Duplicate | None:
    """Return what a refusal says of an existing version, or None if it is another refusal.

    Shapes: `__all__` (docker-version), a message at `revision_url` (worker+version), `existing_id` (import), a code
    `unique` about the revision URL (import, up to Arkindex 1.11.1). Outside `docker-version` any but the first is
    accepted, since there the version is then looked for, and must be found.
    """
    body = reply.document
    if not 400 <= reply.status < 500 or not isinstance(body, dict):
        return None
    if mode is Mode.DOCKER_VERSION:
        return Duplicate() if _says_exists(body.get("__all__")) else None
    if reply.status == 409 and "existing_id" in body:
        return Duplicate(as_id(body["existing_id"]))
    if _says_exists(body.get("revision_url")) or _is_not_unique(body.get("errors")):
        return Duplicate()
    return None


def version_in(document: object) -> Version:
    """Return the version that an answer describes. Raises `ProtocolError` if it has no id."""
    found = document if isinstance(document, dict) else {}
    return Version(
        id=id_in(document),
        revision_url=_text(found.get("revision_url")),
        image=_text(found.get("docker_image_iid")),
        labels={name: _text(found[name]) for name in ("branch", "tag") if name in found},
    )


def id_in(document: object) -> str:
    """Return the id of what an answer describes. Raises `ProtocolError` if it has none."""
    found = as_id(document.get("id")) if isinstance(document, dict) else None
    if found is None:
        raise ProtocolError("the server's answer has no id", hint="is this an Arkindex server, and nothing in between?")
    return found


def as_id(value: object) -> str | None:
    """Return an id that may stand in a path, or None."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _says_exists(messages: object) -> bool:
    listed = messages if isinstance(messages, list) else [messages]
    return any(isinstance(message, str) and "already exists" in message for message in listed)


def _is_not_unique(errors: object) -> bool:
    return isinstance(errors, list) and any(
        isinstance(error, dict) and error.get("code") == "unique" and "revision URL" in str(error.get("detail"))
        for error in errors
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
