"""The YAML document as three kinds of node, each with its place. Scalars are text and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from publisher.manifest.problems import Place


@dataclass(frozen=True, slots=True)
class TextNode:
    """A scalar exactly as written, quotes and escapes resolved. `is_plain` says that it had no quotes."""

    line: int
    column: int
    text: str
    is_plain: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ListNode:
    line: int
    column: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """`entries` maps each key's text to the key's own node and its value, in the order of the file."""

    line: int
    column: int
    entries: Mapping[str, tuple[TextNode, Node]]

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return None if entry is None else entry[1]


Node = TextNode | ListNode | MapNode


def plain(node: Node) -> object:
    """Return the node as str, list and dict. Recursion is safe: the document limits its depth."""
    match node:
        case TextNode():
            return node.text
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(value) for key, (_, value) in node.entries.items()}


def describe(node: Node) -> str:
    """Say what stands there, for "expected a list, found ..."."""
    match node:
        case TextNode():
            return "text" if node.text else "nothing"
        case ListNode():
            return "a list"
        case MapNode():
            return "a mapping"


def place(node: Node, field_path: str) -> Place:
    return Place(node.line, node.column, field_path)


def place_inside(node: TextNode, field_path: str, offset: int, source_lines: Sequence[str]) -> Place:
    """Return the place of the character at `offset` of a scalar, where the source shows it there, else its start.

    Escapes, folded lines and block scalars move characters; then pointing at the start is honest.
    """
    line = source_lines[node.line - 1] if node.line <= len(source_lines) else ""
    for quote in (0, 1):
        column = node.column - 1 + quote + offset
        if line[node.column - 1 + quote : column + 1] == node.text[: offset + 1]:
            return Place(node.line, column + 1, field_path)
    return place(node, field_path)
