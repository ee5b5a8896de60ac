"""Expands an entry for a fleet destination: four names, a compression and a source for each artifact.

It refuses names that an object key, a URL or a row cannot carry, and never changes one to fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from publisher.manifest.context import Entry
from publisher.manifest.drafting import Fields
from publisher.manifest.drafts import Claim, Draft
from publisher.manifest.identity import FLEET_NAMES, key_problem, name_problem
from publisher.manifest.interpolation import Rendered, Row, Scope
from publisher.manifest.shapes.fleet import FleetArtifact
from publisher.manifest.sourcing import Sourced, captures_of, find_sources, rows_of, source_origin
from publisher.model import Artifact, Compression, DestinationSpec, FleetIdentity, ImageSource, Origin

FORMS = ("file", "files", "image")


def expand_fleet(entry: Entry, shape: FleetArtifact, only: DestinationSpec | None) -> Iterator[Draft]:
    """Yield the artifacts of one entry in order. Problems are added, and what has them is left out.

    `only` is the destination of an entry that names none.
    """
    matrix = rows_of(entry)
    scopes = {Scope.MATRIX: matrix.names, Scope.CAPTURE: captures_of(entry)}
    fields = Fields.of(entry, (*FLEET_NAMES, "compression"), scopes, only=only)
    fields.require(FLEET_NAMES)
    origins = fields.origins(built_in=["compression"])
    origins |= source_origin(entry, matrix, forms=FORMS)
    drafting = _Drafting(fields, origins)
    for sourced in find_sources(entry, matrix, shape.expect, forms=FORMS):
        draft = drafting.draft(sourced)
        if draft is not None:
            yield draft


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Turns sources into drafts."""

    fields: Fields
    origins: Mapping[str, Origin]

    def draft(self, sourced: Sourced) -> Draft | None:
        entry = self.fields.entry
        names = {name: self._name(name, sourced.row) for name in FLEET_NAMES}
        compression = self.fields.choose(
            "compression", sourced.row, list(Compression), default=Compression.FAST, what="compression"
        )
        destination = self.fields.destination(sourced.row)
        sound = {name: rendered for name, rendered in names.items() if rendered is not None}
        if len(sound) < len(names) or compression is None or destination is None or sourced.source is None:
            return None
        identity = FleetIdentity(**{name: rendered.text for name, rendered in sound.items()})
        if not self._is_storable(identity):
            return None
        source = sourced.source
        if isinstance(source, ImageSource):
            source = replace(source, architecture=identity.architecture)
        masked = FleetIdentity(**{name: rendered.shown for name, rendered in sound.items()})
        artifact = Artifact(
            destination=destination.name,
            kind=destination.kind,
            identity=identity,
            source=source,
            compression=Compression(compression),
            line=entry.node.line,
            origins=self.origins,
        )
        # Stores and disks exist that do not tell upper from lower case, and there two such keys are one object.
        claims = (Claim("identity", identity.path), Claim("object key", identity.object_key.casefold()))
        return Draft(artifact, entry.place, destination, f"{destination.name}:{masked.path}", claims)

    def _name(self, name: str, row: Row) -> Rendered | None:
        return self.fields.judge(name, row, lambda found: name_problem(name, found.text, shown=found.shown))

    def _is_storable(self, identity: FleetIdentity) -> bool:
        problem = key_problem(identity)
        if problem is not None:
            entry = self.fields.entry
            entry.context.problems.error(entry.place, problem[0], hint=problem[1])
        return problem is None
