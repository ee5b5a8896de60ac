"""What the expansion of every entry shares: destinations, defaults, variables, paths and the list of problems.

Templates are parsed once here and their errors placed at the right character.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import (
    ROW_SCOPES,
    Bound,
    Reference,
    Rendered,
    Row,
    Scope,
    TemplateError,
    parse_template,
)
from publisher.manifest.matrix import Budget
from publisher.manifest.nodes import MapNode, TextNode, place, place_inside
from publisher.manifest.paths import SourcePaths
from publisher.manifest.problems import Place, Problems
from publisher.manifest.variables import Variables
from publisher.model import DestinationSpec

if TYPE_CHECKING:
    from publisher.revision import ReadRevision

RowNames = Mapping[Scope, Collection[str]]


@dataclass(frozen=True, slots=True)
class Context:
    """`destinations` holds the sound ones; `declared` every name that was written, for messages."""

    path: Path
    source_lines: Sequence[str]
    problems: Problems
    variables: Variables
    paths: SourcePaths
    destinations: Mapping[str, DestinationSpec]
    declared: Collection[str]
    defaults: MapNode | None
    revision: ReadRevision | None
    budget: Budget = field(default_factory=Budget)
    _bound: dict[str, Bound] = field(default_factory=dict)
    _templates: dict[str, tuple[str | Reference, ...]] = field(default_factory=dict)

    def bind(self, node: TextNode, field_path: str, row_names: RowNames) -> Bound | None:
        """Return the template with the run's values filled in, or None after adding the problem."""
        bound = self._bound.get(node.text)
        if bound is not None:
            return bound
        try:
            bound = self.variables.bind(self.parse(node.text), row_names=row_names, suggest=self.problems.suggest)
        except TemplateError as error:
            self.add_template_error(error, node, field_path)
            return None
        if not any(isinstance(part, Reference) for part in bound.parts):
            self._bound[node.text] = bound
        return bound

    def parse(self, text: str) -> tuple[str | Reference, ...]:
        """Return the parts of a template, from memory where it was seen. Raises `TemplateError`."""
        if text not in self._templates:
            self._templates[text] = parse_template(text)
        return self._templates[text]

    def depends_on_row(self, text: str) -> bool:
        """Say whether a text has a different value for each artifact of its entry; False where it is not sound."""
        try:
            return any(isinstance(part, Reference) and part.scope in ROW_SCOPES for part in self.parse(text))
        except TemplateError:
            return False

    def render(self, bound: Bound, row: Row, node: TextNode, field_path: str) -> Rendered | None:
        """Return the text for one row, or None after adding the problem."""
        try:
            return bound.render(row)
        except TemplateError as error:
            self.add_template_error(error, node, field_path)
            return None

    def render_fixed(self, node: TextNode, field_path: str) -> Rendered | None:
        """Return the value of a text that has no row, or None after adding the problem."""
        bound = self.bind(node, field_path, {})
        return bound.render({}) if bound else None

    def add_unknown_destination(self, name: Rendered, text: FieldText) -> None:
        """Say that a destination is not declared, and which one may be meant."""
        known = [visible(declared) for declared in self.declared]
        near = self.problems.suggest(name.shown, known)
        listed = f"there are {', '.join(f'`{declared}`' for declared in known[:8])}" if known else None
        self.problems.error(
            text.place, f"there is no destination `{visible(name.shown, limit=60)}`", hint=near or listed
        )

    def add_template_error(self, error: TemplateError, node: TextNode, field_path: str) -> None:
        where = place_inside(node, field_path, error.offset, self.source_lines)
        self.problems.error(where, error.message, hint=error.hint)


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field's text and where it stands: in the entry itself or in `defaults`."""

    node: TextNode
    field_path: str
    is_default: bool

    @property
    def place(self) -> Place:
        return place(self.node, self.field_path)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of `artifacts`, whose shape is sound."""

    node: MapNode
    field_path: str
    context: Context

    def text(self, name: str) -> FieldText | None:
        """Return a field from the entry, else from the defaults, else None."""
        own = self.node.get(name)
        if isinstance(own, TextNode):
            return FieldText(own, f"{self.field_path}.{name}", is_default=False)
        default = self.context.defaults.get(name) if self.context.defaults else None
        if isinstance(default, TextNode):
            return FieldText(default, f"defaults.{name}", is_default=True)
        return None

    @property
    def place(self) -> Place:
        return place(self.node, self.field_path)
