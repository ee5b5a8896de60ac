"""The kinds of destination a manifest may name: for each, the function that checks an entry's shape and expands it.

A new kind is one model in `schema.py`, one module like `fleet.py`, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from publisher.manifest.context import Entry
from publisher.manifest.drafts import Draft
from publisher.manifest.fleet import expand_fleet
from publisher.manifest.schema import FleetArtifact
from publisher.manifest.validation import check_entry
from publisher.model import DestinationSpec

Expand = Callable[[Entry, DestinationSpec | None], Iterator[Draft]]


def _fleet(entry: Entry, only: DestinationSpec | None) -> Iterator[Draft]:
    shape = check_entry(FleetArtifact, entry.node, entry.field_path, entry.context.problems)
    return iter(()) if shape is None else expand_fleet(entry, shape, only)


KINDS: dict[str, Expand] = {"fleet": _fleet}
DEFAULT_KIND = "fleet"
PLANNED_KINDS = ("conda", "webdav", "arkindex")
