"""What the expansion of every kind does: bind an entry's fields once, render them for each artifact, tell origins.

A kind says which fields it has and what each may be; it never parses a template or places an error itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from publisher.manifest.context import Context, Entry, FieldText, RowNames
from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Bound, Rendered, Row
from publisher.model import DestinationSpec, Origin

Judge = Callable[[Rendered], "Verdict"]
Verdict = tuple[str, str | None] | None
"""The message and hint of what is wrong with a text, or None for a sound one."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field's text, with everything filled in but what depends on the artifact."""

    text: FieldText
    bound: Bound


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one entry, from the entry itself or from `defaults`.

    `written` are those that stand somewhere; `sound` those whose template has no problem. `judged` remembers the
    verdict on each text, which many artifacts share.
    """

    entry: Entry
    only: DestinationSpec | None
    written: Mapping[str, FieldText]
    sound: Mapping[str, Field]
    judged: dict[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Entry, names: Sequence[str], row_names: RowNames, *, only: DestinationSpec | None) -> Fields:
        """Bind the fields `names` and `destination`. Problems are added.

        `row_names` are the names of the entry's matrix and captures; `only` is the destination of an entry that names
        none.
        """
        written = {name: text for name in (*names, "destination") if (text := entry.text(name)) is not None}
        sound = {
            name: Field(text, bound)
            for name, text in written.items()
            if (bound := entry.context.bind(text.node, text.field_path, row_names))
        }
        return cls(entry, only, written, sound)

    @property
    def context(self) -> Context:
        return self.entry.context

    def require(self, names: Sequence[str]) -> None:
        """Add a problem for each of these fields that stands nowhere."""
        for name in names:
            if name not in self.written:
                hint = f"give it here, or once for all artifacts in `defaults.{name}`"
                self.context.problems.error(self.entry.place, f"`{name}` is missing", hint=hint)

    def render(self, name: str, row: Row) -> Rendered | None:
        """Return a field's text for one artifact; None where it stands nowhere or has a problem, which is added."""
        found = self.sound.get(name)
        return self.context.render(found.bound, row, found.text.node, found.text.field_path) if found else None

    def judge(self, name: str, row: Row, problem_of: Judge) -> Rendered | None:
        """Return a field's text if `problem_of` has nothing against it; its problem is added once for each text."""
        rendered = self.render(name, row)
        if rendered is None:
            return None
        key = (name, rendered.text)
        if key not in self.judged:
            problem = problem_of(rendered)
            self.judged[key] = problem is None
            if problem is not None:
                self.context.problems.error(self.sound[name].text.place, problem[0], hint=problem[1])
        return rendered if self.judged[key] else None

    def choose(self, name: str, row: Row, allowed: Collection[str], *, default: str, what: str) -> str | None:
        """Return which of the `allowed` words a field is, `default` where it stands nowhere, or None after a problem.

        `what` is what such a word is called: `compression`.
        """
        if name not in self.written:
            return default

        def problem_of(rendered: Rendered) -> Verdict:
            if rendered.text in allowed:
                return None
            known = ", ".join(list(allowed)[:-1]) + f" and {list(allowed)[-1]}"
            near = self.context.problems.suggest(rendered.shown, list(allowed))
            return f"`{visible(rendered.shown, limit=60)}` is no {what}", near or f"there are {known}"

        rendered = self.judge(name, row, problem_of)
        return rendered.text if rendered else None

    def destination(self, row: Row) -> DestinationSpec | None:
        """Return where an artifact goes, or None after adding the problem."""
        if "destination" not in self.written:
            return self.only
        rendered = self.render("destination", row)
        if rendered is None:
            return None
        found = self.context.destinations.get(rendered.text)
        if found is None and rendered.text not in self.context.declared:
            self.context.add_unknown_destination(rendered, self.sound["destination"].text)
        return found

    def origins(self, *, built_in: Sequence[str] = ()) -> dict[str, Origin]:
        """Return where each value came from: one mapping for all artifacts of an entry, since only the row differs.

        `built_in` are the fields that have a value where the manifest gives none.
        """
        path = self.context.path.as_posix()
        found: dict[str, Origin] = {}
        for name, item in self.sound.items():
            detail = ", ".join((*(["defaults"] if item.text.is_default else []), *item.bound.details))
            found[name] = Origin(f"{path}:{item.text.node.line}", detail)
        if self.only is not None:
            found.setdefault("destination", Origin(f"{path}:{self.only.line}", "the only destination"))
        for name in built_in:
            found.setdefault(name, Origin("built in", "not set in the manifest"))
        return found
