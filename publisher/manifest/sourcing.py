"""The sources of one entry: `file:` and `image:` give one for each row of the matrix, `files:` one for each match.

The same for every kind of destination. It refuses to look at what is in a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from publisher.manifest.completeness import CompletenessError, Found, claim_listed, require_count
from publisher.manifest.context import Entry
from publisher.manifest.escaping import visible
from publisher.manifest.images import image_source
from publisher.manifest.interpolation import Bound, Rendered, Row, Scope, TemplateError
from publisher.manifest.matching import Match, find_matches
from publisher.manifest.matrix import NO_MATRIX, Matrix, expand_matrix
from publisher.manifest.nodes import MapNode, TextNode, place
from publisher.manifest.paths import PathError
from publisher.manifest.pattern import Captures, PatternError, below, capture_names, compile_pattern
from publisher.model import FileSource, Origin, Source

FILE_FORMS = ("file", "files")
EXAMPLES = {"file": "path", "files": "pattern", "image": "name:tag"}
"""The fields that name a source, with what stands there."""

Read = Callable[[Entry, Rendered, TextNode, str], Source | None]
"""From a rendered text, its node and its field's path to a source; None after adding the problem."""

Expected = int | Mapping[str, Sequence[str]] | None


@dataclass(frozen=True, slots=True)
class Sourced:
    """The values of one row and of the captures, and the source they led to; None where that has a problem, added."""

    row: Row
    source: Source | None


@dataclass(frozen=True, slots=True)
class Group:
    """The matches of `files` for one row of the matrix, in sorted order.

    `names` are what of each one's path lies below the last folder that the pattern spells out.
    """

    row: Row
    members: tuple[Sourced, ...]
    names: tuple[str, ...]


def rows_of(entry: Entry) -> Matrix:
    """Return the entry's matrix: one empty row where it has none, no rows after adding problems."""
    node = entry.node.get("matrix")
    if not isinstance(node, MapNode):
        return NO_MATRIX
    context = entry.context
    return expand_matrix(
        node,
        f"{entry.field_path}.matrix",
        budget=context.budget,
        render=context.render_fixed,
        problems=context.problems,
    )


def captures_of(entry: Entry) -> tuple[str, ...]:
    """Return the names of the captures of the entry's `files` pattern."""
    node = entry.node.get("files")
    if not isinstance(node, TextNode):
        return ()
    try:
        parts = entry.context.parse(node.text)
    except TemplateError:
        return ()
    return tuple(name for part in parts if isinstance(part, str) for name in capture_names(part))


def find_sources(
    entry: Entry, matrix: Matrix, expected: Expected, *, forms: Sequence[str] = FILE_FORMS
) -> Iterator[Sourced]:
    """Yield the sources in order, those with a problem too, so that the names beside them are still judged.

    `forms` are the fields by which an entry of this kind may name its source; it has exactly one of them.
    """
    written = [name for name in forms if isinstance(entry.node.get(name), TextNode)]
    problems = entry.context.problems
    if len(written) > 1:
        key = max((entry.node.entries[name][0] for name in written[1:]), key=lambda key: (key.line, key.column))
        either = f"an entry has `{written[0]}` or `{written[1]}`, not both"
        problems.error(place(key, f"{entry.field_path}.{key.text}"), either)
    elif not written:
        examples = [f"`{name}: {EXAMPLES[name]}`" for name in forms]
        hint = f"give it {', '.join(examples[:-1])} or {examples[-1]}"
        problems.error(entry.place, "this entry has no source", hint=hint)
    else:
        yield from _named(entry, written[0], matrix, expected)


def _named(entry: Entry, name: str, matrix: Matrix, expected: Expected) -> Iterator[Sourced]:
    node = entry.node.get(name)
    if not isinstance(node, TextNode):
        return
    if name == "files":
        for group in _groups(entry, node, matrix, expected):
            yield from group.members
        return
    if expected is not None:
        key = entry.node.entries["expect"][0]
        message = f"`expect` belongs to `files`, not to `{name}`"
        entry.context.problems.error(place(key, f"{entry.field_path}.expect"), message)
    yield from _single(entry, name, node, matrix, image_source if name == "image" else _source)


def source_origin(entry: Entry, matrix: Matrix, *, forms: Sequence[str] = FILE_FORMS) -> dict[str, Origin]:
    """Return where the entry's source is written and what its name is made of, under what it is: a file, an image."""
    name = next((name for name in forms if name in entry.node.entries), forms[0])
    what = "file" if name == "files" else name
    node = entry.node.get(name)
    where = f"{entry.context.path.as_posix()}:{node.line if node else entry.node.line}"
    if not isinstance(node, TextNode):
        return {what: Origin(where)}
    bound = entry.context.bind(node, f"{entry.field_path}.{name}", {Scope.MATRIX: matrix.names})
    details = bound.details if bound else ()
    return {what: Origin(where, ", ".join((*(("a match of `files`",) if name == "files" else ()), *details)))}


def _single(entry: Entry, name: str, node: TextNode, matrix: Matrix, read: Read) -> Iterator[Sourced]:
    context, path = entry.context, f"{entry.field_path}.{name}"
    bound = context.bind(node, path, {Scope.MATRIX: matrix.names})
    seen: dict[str, Source | None] = {}
    if bound is None:
        return
    for row in matrix.rows:
        rendered = context.render(bound, row, node, path)
        if rendered is None:
            continue
        if rendered.text not in seen:
            seen[rendered.text] = read(entry, rendered, node, path)
        yield Sourced(row, seen[rendered.text])


def find_groups(entry: Entry, matrix: Matrix, expected: Expected) -> Iterator[Group]:
    """Yield the matches of `files` row by row, for a kind that makes one artifact of all of them.

    Nothing where the entry has no `files`, or after problems were added. A group can be empty under `expect`.
    """
    node = entry.node.get("files")
    if isinstance(node, TextNode):
        yield from _groups(entry, node, matrix, expected)


def _groups(entry: Entry, node: TextNode, matrix: Matrix, expected: Expected) -> Iterator[Group]:
    context, path = entry.context, f"{entry.field_path}.files"
    before = context.problems.count
    bound = context.bind(node, path, {Scope.MATRIX: matrix.names})
    if bound is None:
        return
    found = [match for row in matrix.rows for match in _find(entry, bound, row, node)]
    if not found or context.problems.count > before:
        return
    try:
        decided = _complete(entry, expected, found)
    except CompletenessError as error:
        where = entry.node.get("expect") or node
        context.problems.error(place(where, f"{entry.field_path}.expect"), error.message, hint=error.hint)
        return
    for row, matches in zip(found, decided, strict=True):
        if not matches and expected is None:
            hint = "build the files first, or correct the pattern"
            context.problems.error(place(node, path), _nothing(row.row), hint=hint)
        members = tuple(_members(entry, node, row, matches))
        clear = [match.shown for match in matches if match.other is None]
        yield Group(row.row, members, tuple(below(row.pattern, path) for path in clear))


def _members(entry: Entry, node: TextNode, row: Found, matches: Sequence[Match]) -> Iterator[Sourced]:
    for match in matches:
        if match.other is not None:
            _add_ambiguous(entry, node, match)
            continue
        shown = match.shown if row.is_public else node.text
        source = _source(entry, Rendered(match.shown, shown), node, f"{entry.field_path}.files")
        captures = {f"capture.{name}": Rendered(value, value) for name, value in match.captures.items()}
        yield Sourced({**row.row, **captures}, source)


def _find(entry: Entry, bound: Bound, row: Row, node: TextNode) -> Iterator[Found]:
    context, path = entry.context, f"{entry.field_path}.files"
    try:
        rendered = bound.render(row)
        context.paths.check_text(rendered)
        pattern = compile_pattern(bound.pieces(row))
        yield Found(row, pattern, find_matches(pattern, context.paths), rendered.text == rendered.shown)
    except TemplateError as error:
        context.add_template_error(error, node, path)
    except (PatternError, PathError) as error:
        context.problems.error(place(node, path), error.message, hint=error.hint)


def _complete(entry: Entry, expected: Expected, found: Sequence[Found]) -> list[Sequence[Match]]:
    """Return the matches of each row, decided by `expect`. Raises `CompletenessError`."""
    if isinstance(expected, Mapping):
        names = captures_of(entry)
        if set(names) != set(expected):
            raise CompletenessError(
                f"`expect` lists values of {', '.join(f'`{visible(name)}`' for name in expected)}",
                hint=f"the captures of the pattern are {', '.join(f'`{name}`' for name in names) or 'none'}",
            )
        return list(claim_listed(expected, found, budget=entry.context.budget))
    if expected is not None:
        require_count(expected, found)
    return [row.matches for row in found]


def _source(entry: Entry, path: Rendered, node: TextNode, field_path: str) -> FileSource | None:
    try:
        return entry.context.paths.source(path, entry.context.problems)
    except PathError as error:
        entry.context.problems.error(place(node, field_path), error.message, hint=error.hint)
        return None


def _nothing(row: Row) -> str:
    values = ", ".join(f"{name.removeprefix('matrix.')}={visible(value.shown)}" for name, value in row.items())
    return f"the pattern matches no file{f' for {values}' if values else ''}"


def _add_ambiguous(entry: Entry, node: TextNode, match: Match) -> None:
    def read(captures: Captures | None) -> str:
        return ", ".join(f"{name}={visible(value)}" for name, value in (captures or {}).items())

    names = ", ".join(f"{name}: [...]" for name in match.captures)
    entry.context.problems.error(
        place(node, f"{entry.field_path}.files"),
        f"a file name can be read in two ways: {read(match.captures)} or {read(match.other)}",
        hint=f"list the values, `expect: {{{names}}}`, or use `matrix` for one of them",
    )
