"""The tables of kinds agree: what a manifest may name can be shown to an editor, planned, saved and reached."""

from __future__ import annotations

from publisher.manifest.kinds import DEFAULT_KIND, KINDS
from publisher.manifest.schema import SUMMARIES, Defaults, ManifestFile, manifest_schema
from publisher.plan_entries import NAMES
from publisher.wiring.kinds import KINDS as REACHED


def test_every_kind_is_in_every_table() -> None:
    """A kind that a manifest may name has a summary, names in a saved plan, settings and a stand-in."""
    assert list(KINDS) == list(SUMMARIES) == list(REACHED)
    assert set(KINDS) == set(NAMES)
    assert DEFAULT_KIND in KINDS


def test_an_editor_knows_the_shape_of_every_kind() -> None:
    """The schema of `artifacts` has one shape for each kind."""
    items = manifest_schema()["properties"]["artifacts"]["items"]

    assert len(items.get("anyOf", [items])) == len(KINDS)


def test_defaults_hold_what_entries_share() -> None:
    """Every field of `defaults` is a field of some kind's entries, with the same meaning."""
    annotation = ManifestFile.model_fields["artifacts"].annotation
    entries = getattr(annotation, "__args__", ())
    known = {name for entry in entries for name in getattr(entry, "model_fields", {})}
    known |= {name for union in entries for entry in getattr(union, "__args__", ()) for name in entry.model_fields}

    assert set(Defaults.model_fields) <= known
