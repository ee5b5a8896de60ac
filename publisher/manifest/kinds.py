"""The kinds of destination a manifest may name: for each, the function that checks an entry's shape and expands it.

A new kind is one module in `shapes/`, one module like `fleet.py`, and a loader and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from publisher.manifest.context import Entry
from publisher.manifest.drafts import Draft
from publisher.manifest.shapes.arkindex import ArkindexArtifact
from publisher.manifest.shapes.base import CommonFields
from publisher.manifest.shapes.conda import CondaArtifact
from publisher.manifest.shapes.fleet import FleetArtifact
from publisher.manifest.shapes.webdav import WebdavArtifact
from publisher.manifest.validation import check_entry
from publisher.model import DestinationSpec

Expand = Callable[[Entry, DestinationSpec | None], Iterator[Draft]]

ShapeT = TypeVar("ShapeT", bound=CommonFields)


Meaning = Callable[[Entry, ShapeT, DestinationSpec | None], Iterator[Draft]]


def _checked(model: type[ShapeT], meaning: Callable[[], Meaning[ShapeT]]) -> Expand:
    """Return what expands an entry by `meaning` if it has the shape `model`; else its problems are added."""

    def expand_checked(entry: Entry, only: DestinationSpec | None) -> Iterator[Draft]:
        shape = check_entry(model, entry.node, entry.field_path, entry.context.problems)
        return iter(()) if shape is None else meaning()(entry, shape, only)

    return expand_checked


# Each is imported with the first entry of its kind: most manifests have one kind.
def _fleet() -> Meaning[FleetArtifact]:
    from publisher.manifest.fleet import expand_fleet

    return expand_fleet


def _conda() -> Meaning[CondaArtifact]:
    from publisher.manifest.conda import expand_conda

    return expand_conda


def _webdav() -> Meaning[WebdavArtifact]:
    from publisher.manifest.webdav import expand_webdav

    return expand_webdav


def _arkindex() -> Meaning[ArkindexArtifact]:
    from publisher.manifest.arkindex import expand_arkindex

    return expand_arkindex


KINDS: dict[str, Expand] = {
    "fleet": _checked(FleetArtifact, _fleet),
    "conda": _checked(CondaArtifact, _conda),
    "webdav": _checked(WebdavArtifact, _webdav),
    "arkindex": _checked(ArkindexArtifact, _arkindex),
}
DEFAULT_KIND = "fleet"
