"""Expands an entry for a fleet destination: four names, a compression and a file for each artifact.

It refuses names that an object key, a URL or a row cannot carry, and never changes one to fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from publisher.manifest.context import Context, Entry, FieldText
from publisher.manifest.drafts import Claim, Draft
from publisher.manifest.escaping import visible
from publisher.manifest.identity import FLEET_NAMES, name_problem
from publisher.manifest.interpolation import Bound, Rendered, Row, Scope
from publisher.manifest.matrix import Matrix
from publisher.manifest.schema import FleetArtifact
from publisher.manifest.sourcing import Sourced, captures_of, find_sources, rows_of, source_origin
from publisher.model import Artifact, Compression, DestinationSpec, FleetIdentity, Origin

_FIELDS = (*FLEET_NAMES, "compression", "destination")


def expand_fleet(entry: Entry, shape: FleetArtifact, only: DestinationSpec | None) -> Iterator[Draft]:
    """Yield the artifacts of one entry in order. Problems are added, and what has them is left out.

    `only` is the destination of an entry that names none.
    """
    texts = {name: text for name in _FIELDS if (text := entry.text(name)) is not None}
    for name in FLEET_NAMES:
        if name not in texts:
            hint = f"give it here, or once for all artifacts in `defaults.{name}`"
            entry.context.problems.error(entry.place, f"`{name}` is missing", hint=hint)
    matrix = rows_of(entry)
    scopes = {Scope.MATRIX: matrix.names, Scope.CAPTURE: captures_of(entry)}
    fields = {
        name: _Field(name, text, bound)
        for name, text in texts.items()
        if (bound := entry.context.bind(text.node, text.field_path, scopes))
    }
    drafting = _Drafting(entry, texts, fields, only, _origins(entry, fields, only, matrix))
    for sourced in find_sources(entry, matrix, shape.expect):
        draft = drafting.draft(sourced)
        if draft is not None:
            yield draft


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    text: FieldText
    bound: Bound


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Turns sources into drafts; `judged` remembers the verdict on each text, which many artifacts share."""

    entry: Entry
    texts: Mapping[str, FieldText]
    fields: Mapping[str, _Field]
    only: DestinationSpec | None
    origins: Mapping[str, Origin]
    judged: dict[tuple[str, str], bool] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        return self.entry.context

    def draft(self, sourced: Sourced) -> Draft | None:
        names = {name: self._name(name, sourced.row) for name in FLEET_NAMES}
        compression = self._compression(sourced.row)
        destination = self._destination(sourced.row)
        sound = {name: rendered for name, rendered in names.items() if rendered is not None}
        if len(sound) < len(names) or compression is None or destination is None or sourced.source is None:
            return None
        identity = FleetIdentity(**{name: rendered.text for name, rendered in sound.items()})
        masked = FleetIdentity(**{name: rendered.shown for name, rendered in sound.items()})
        artifact = Artifact(
            destination=destination.name,
            kind=destination.kind,
            identity=identity,
            source=sourced.source,
            compression=compression,
            line=self.entry.node.line,
            origins=self.origins,
        )
        # Stores and disks exist that do not tell upper from lower case, and there two such keys are one object.
        claims = (Claim("identity", identity.path), Claim("object key", identity.object_key.casefold()))
        return Draft(artifact, self.entry.place, destination, f"{destination.name}:{masked.path}", claims)

    def _render(self, name: str, row: Row) -> Rendered | None:
        found = self.fields.get(name)
        return self.context.render(found.bound, row, found.text.node, found.text.field_path) if found else None

    def _name(self, name: str, row: Row) -> Rendered | None:
        rendered = self._render(name, row)
        if rendered is None:
            return None
        key = (name, rendered.text)
        if key not in self.judged:
            problem = name_problem(name, rendered.text, shown=rendered.shown)
            self.judged[key] = problem is None
            if problem is not None:
                self.context.problems.error(self.fields[name].text.place, problem[0], hint=problem[1])
        return rendered if self.judged[key] else None

    def _compression(self, row: Row) -> Compression | None:
        if "compression" not in self.texts:
            return Compression.FAST
        rendered = self._render("compression", row)
        if rendered is None:
            return None
        if rendered.text in list(Compression):
            return Compression(rendered.text)
        self.context.problems.error(
            self.fields["compression"].text.place,
            f"`{visible(rendered.shown, limit=60)}` is no compression",
            hint=self.context.problems.suggest(rendered.shown, list(Compression)) or "there are fast, best and none",
        )
        return None

    def _destination(self, row: Row) -> DestinationSpec | None:
        if "destination" not in self.texts:
            return self.only
        rendered = self._render("destination", row)
        if rendered is None:
            return None
        destination = self.context.destinations.get(rendered.text)
        if destination is None and rendered.text not in self.context.declared:
            self.context.add_unknown_destination(rendered, self.fields["destination"].text)
        return destination


def _origins(
    entry: Entry, fields: Mapping[str, _Field], only: DestinationSpec | None, matrix: Matrix
) -> dict[str, Origin]:
    """Return where each value came from; one mapping for all artifacts of an entry, since only the row differs."""
    path = entry.context.path.as_posix()
    origins: dict[str, Origin] = {}
    for name in _FIELDS:
        if name in fields:
            text, bound = fields[name].text, fields[name].bound
            detail = ", ".join((*(["defaults"] if text.is_default else []), *bound.details))
            origins[name] = Origin(f"{path}:{text.node.line}", detail)
    if only is not None:
        origins.setdefault("destination", Origin(f"{path}:{only.line}", "the only destination"))
    origins.setdefault("compression", Origin("built in", "not set in the manifest"))
    origins["file"] = source_origin(entry, matrix)
    return origins
