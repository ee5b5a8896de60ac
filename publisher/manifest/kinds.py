"""The kinds of destination a manifest may name: for each, the function that checks an entry's shape and expands it.

A new kind is one module in `shapes/`, one module like `fleet.py`, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from publisher.manifest.arkindex import expand_arkindex
from publisher.manifest.conda import expand_conda
from publisher.manifest.context import Entry
from publisher.manifest.drafts import Draft
from publisher.manifest.fleet import expand_fleet
from publisher.manifest.shapes.arkindex import ArkindexArtifact
from publisher.manifest.shapes.base import CommonFields
from publisher.manifest.shapes.conda import CondaArtifact
from publisher.manifest.shapes.fleet import FleetArtifact
from publisher.manifest.shapes.webdav import WebdavArtifact
from publisher.manifest.validation import check_entry
from publisher.manifest.webdav import expand_webdav
from publisher.model import DestinationSpec

Expand = Callable[[Entry, DestinationSpec | None], Iterator[Draft]]

ShapeT = TypeVar("ShapeT", bound=CommonFields)


def _checked(model: type[ShapeT], expand: Callable[[Entry, ShapeT, DestinationSpec | None], Iterator[Draft]]) -> Expand:
    """Return what expands an entry if it has the shape `model`; else its problems are added."""

    def expand_checked(entry: Entry, only: DestinationSpec | None) -> Iterator[Draft]:
        shape = check_entry(model, entry.node, entry.field_path, entry.context.problems)
        return iter(()) if shape is None else expand(entry, shape, only)

    return expand_checked


KINDS: dict[str, Expand] = {
    "fleet": _checked(FleetArtifact, expand_fleet),
    "conda": _checked(CondaArtifact, expand_conda),
    "webdav": _checked(WebdavArtifact, expand_webdav),
    "arkindex": _checked(ArkindexArtifact, expand_arkindex),
}
DEFAULT_KIND = "fleet"
