"""YAML text to nodes with places: a small, strict part of YAML, read event by event. The only home of PyYAML.

Mappings, lists and text are all there is. Refused: duplicate keys, anchors, aliases, merge keys, tags, directives,
several documents, keys that are not text, nesting deeper than `MAX_DEPTH`, more than `MAX_VALUES`. No constructor runs
and nothing recurses, so hostile input costs no more than its length. PyYAML's own messages quote the input, so they are
never passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from publisher.manifest.dialect import MANIFEST, Dialect
from publisher.manifest.escaping import is_safe, visible
from publisher.manifest.nodes import ListNode, MapNode, Node, TextNode
from publisher.manifest.problems import Place, Problems

MAX_DEPTH = 16
MAX_VALUES = 200_000

# libyaml where PyYAML was built with it: the same events, ten times as fast.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SYNTAX = (
    ("mapping values are not allowed", "`key: value` cannot stand here", "quote text that holds `: `"),
    ("',' or ']'", "expected `,` or `]`", "quote text that holds `{`, `[` or `,` inside a `[...]` list"),
    ("',' or '}'", "expected `,` or `}`", "quote text that holds `{`, `[` or `,` inside a `{...}` mapping"),
    ("could not find expected ':'", "expected `:` after this key", None),
    (
        "cannot start any token",
        "this character cannot start text",
        "quote text that starts with `@`, a backtick or `%`",
    ),
    ("end of stream", "the quote is not closed", None),
    ("unknown escape", "unknown escape in double quotes", "use single quotes, where a backslash is only a backslash"),
    ("'-' indicator", "expected `- ` for the next item of the list", "check the indentation"),
    ("block end", "the indentation does not fit the lines above", None),
    ("expected key", "expected a key", "check the indentation"),
)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet; a list has no `entries` and a mapping no `items`."""

    line: int
    column: int
    path: str
    is_map: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[TextNode, Node]] = field(default_factory=dict)
    key: TextNode | None = None

    def close(self) -> Node:
        if self.is_map:
            return MapNode(self.line, self.column, self.entries)
        return ListNode(self.line, self.column, tuple(self.items))


def read_document(text: str, problems: Problems, dialect: Dialect = MANIFEST) -> MapNode | None:
    """Return the top mapping, or None where there is none to go on with; every problem found is added."""
    reader = _Reader(problems, dialect)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not reader.take(event):
                return None
    except yaml.YAMLError as error:
        _add_syntax_error(error, problems)
        return None
    return reader.finish()


class _Reader:
    """Builds nodes from events with a stack of its own, so that depth is a limit and not a crash."""

    def __init__(self, problems: Problems, dialect: Dialect) -> None:
        self._problems = problems
        self._dialect = dialect
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0
        self._values = 0
        self._is_sound = True

    def take(self, event: yaml.Event) -> bool:
        """Take the next event; False means that reading on makes no sense."""
        match event:
            case yaml.ScalarEvent():
                self._values += 1
                if self._values > MAX_VALUES:
                    self._refuse(event, f"{self._dialect.the} has more than {MAX_VALUES:,} keys and values", "split it")
                    return False
                self._check_properties(event)
                self._add(TextNode(*_position(event), event.value, is_plain=event.implicit[0]))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                return self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self._stack.pop()
                self._add(closed.close())
            case yaml.AliasEvent():
                self._refuse(event, f"aliases are not allowed in {self._dialect.a}", "write the value out")
                self._add(TextNode(*_position(event), ""))
            case yaml.DocumentStartEvent():
                return self._start_document(event)
        return not self._problems.is_full

    def finish(self) -> MapNode | None:
        if not self._is_sound:
            return None
        if isinstance(self._root, MapNode):
            return self._root
        empty = self._root is None or (isinstance(self._root, TextNode) and not self._root.text)
        line, column = (self._root.line, self._root.column) if self._root else (1, 1)
        found = "it is empty" if empty else f"found {'a list' if isinstance(self._root, ListNode) else 'text'}"
        self._problems.error(
            Place(line, column, ""),
            f"{self._dialect.a} is {self._dialect.shape}; {found}",
            shown_columns=0,
        )
        return None

    def _start_document(self, event: yaml.DocumentStartEvent) -> bool:
        self._documents += 1
        if self._documents > 1:
            message = f"a second document starts here: {self._dialect.a} is one document"
            self._refuse(event, message, "write another file")
            return False
        if event.version or event.tags:
            message = f"directives (`%YAML`, `%TAG`) are not allowed in {self._dialect.a}"
            self._refuse(event, message, "remove the `%` line")
        return True

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> bool:
        self._check_properties(event)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(event, f"the nesting is deeper than {MAX_DEPTH}", None)
            return False
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Open(*_position(event), self._path_of_next(), is_map))
        return True

    def _add(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        is_value = not parent.is_map or parent.key is not None
        is_free = self._dialect.is_prose and is_value
        if isinstance(node, TextNode) and not is_free and not is_safe(node.text.replace("\n", "")):
            self._problems.error(
                Place(node.line, node.column, self._path_of_next()),
                "the text holds a control or invisible character",
                hint="remove the escape; names and paths are printable text",
                shown_columns=0,
            )
            self._is_sound = False
        if not parent.is_map:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._as_key(node, parent)
        else:
            # The first value of a duplicate key stays, so that the rest of the file is still checked.
            parent.entries.setdefault(parent.key.text, (parent.key, node))
            parent.key = None

    def _as_key(self, node: Node, parent: _Open) -> TextNode:
        where = Place(node.line, node.column, parent.path)
        if not isinstance(node, TextNode):
            self._problems.error(where, "a key is text; this one is a list or a mapping", shown_columns=0)
            self._is_sound = False
            return TextNode(node.line, node.column, "")
        if node.text == "<<":
            self._problems.error(
                where, "merge keys (`<<`) are not allowed", hint=self._dialect.instead, shown_columns=0
            )
            self._is_sound = False
        elif node.text in parent.entries:
            first = parent.entries[node.text][0]
            self._problems.error(
                Place(node.line, node.column, _join(parent.path, node.text)),
                f"the key `{visible(node.text)}` is written twice",
                hint=f"it first stands at line {first.line}, column {first.column}",
                shown_columns=node.column - 1 + len(node.text),
            )
        return node

    def _path_of_next(self) -> str:
        if not self._stack:
            return ""
        parent = self._stack[-1]
        if not parent.is_map:
            return f"{parent.path}[{len(parent.items)}]"
        return _join(parent.path, parent.key.text) if parent.key else parent.path

    def _check_properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            hint = f"write the value out, or {self._dialect.instead}"
            self._refuse(event, f"anchors are not allowed in {self._dialect.a}", hint)
        if event.tag is not None:
            message = f"tags are not allowed in {self._dialect.a}"
            self._refuse(event, message, "values are text; quote one that starts with `!`")

    def _refuse(self, event: yaml.Event, message: str, hint: str | None) -> None:
        self._problems.error(Place(*_position(event), self._path_of_next()), message, hint=hint, shown_columns=0)
        self._is_sound = False


def _join(path: str, key: str) -> str:
    return f"{path}.{visible(key)}" if path else visible(key)


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _add_syntax_error(error: yaml.YAMLError, problems: Problems) -> None:
    mark = getattr(error, "problem_mark", None)
    opened = getattr(error, "context_mark", None)
    where = Place(mark.line + 1, mark.column + 1, "") if mark else Place(1, 1, "")
    said = str(getattr(error, "problem", ""))
    message, hint = next(
        ((ours, advice) for theirs, ours, advice in _SYNTAX if theirs in said), ("this is not valid YAML", None)
    )
    if mark and opened and (opened.line, opened.column) != (mark.line, mark.column):
        message += f" (in what starts at line {opened.line + 1}, column {opened.column + 1})"
    problems.error(where, message, hint=hint, shown_columns=0)
