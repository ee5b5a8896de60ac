"""From an artifact's id, as a person copies it from a plan, back to its destination and identity."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from publisher.errors import InputError
from publisher.model import Identity
from publisher.plan_entries import NAMES

_PARTS: Mapping[str, tuple[str, ...]] = {
    "fleet": ("dev_stage", "resource_name", "architecture", "version"),
    "conda": ("subdir", "filename"),
    "webdav": ("path",),
}
"""What the parts of an id mean, for the kinds whose artifacts are bytes that can be fetched."""

_EXAMPLES: Mapping[str, str] = {
    "fleet": "fleet:dev/detector/arm64/2026-04-15",
    "conda": "channel:noarch/detector-1.0-0.conda",
    "webdav": "builds:deb/app/117/app.deb",
}


def parse_id(text: str, kind: str) -> tuple[str, Identity]:
    """Return the destination's name and the identity. Raises `InputError` for what is no id of this kind."""
    if kind not in _PARTS:
        raise InputError(f"an artifact of the kind {kind} has no bytes to fetch", hint="look at it on its server")
    names = _PARTS[kind]
    destination, _, path = text.partition(":")
    parts = [path] if len(names) == 1 else path.split("/")
    identity = _identity(kind, dict(zip(names, parts, strict=False))) if len(parts) == len(names) else None
    if identity is None or not destination:
        raise InputError(
            f"an artifact's id is destination:{'/'.join(names)}",
            hint=f"copy it from `publish plan`, for example {_EXAMPLES[kind]}",
        )
    return destination, identity


def _identity(kind: str, fields: Mapping[str, str]) -> Identity | None:
    try:
        return NAMES[kind].model_validate(fields).identity()
    except ValidationError:
        return None
