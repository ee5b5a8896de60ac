"""The keys of one mapping, each read as what it has to be; every problem at its place. Used by the two forms.

It refuses unknown keys, and to convert: text is the text that was written, although YAML might read a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from publisher.manifest.escaping import visible
from publisher.manifest.nodes import ListNode, MapNode, Node, TextNode, describe, place
from publisher.manifest.problems import Place, Problems
from publisher.manifest.typed import is_null, json_of


class Fields:
    """One mapping. Each method returns None, or its default, where the key is absent, null or wrong."""

    def __init__(self, node: MapNode, field_path: str, problems: Problems, known: Collection[str]) -> None:
        self.node = node
        self.field_path = field_path
        self._problems = problems
        self._misspelt = self._refuse_unknown(known)

    def text(
        self, name: str, *, required: bool = False, pattern: str | None = None, rule: str = "", limit: int | None = None
    ) -> str | None:
        """Return a text that is not empty. `rule` says in words what `pattern` says."""
        node = self._node(name, required=required)
        if node is None:
            return None
        if not isinstance(node, TextNode):
            self.refuse(name, f"expected text, found {describe(node)}")
        elif not node.text.strip():
            self.refuse(name, f"`{name}` is empty")
        elif limit is not None and len(node.text) > limit:
            self.refuse(name, f"`{name}` is longer than {limit} characters")
        elif pattern is not None and not re.fullmatch(pattern, node.text):
            self.refuse(name, f"`{name}` is not allowed here", rule)
        else:
            return node.text
        return None

    def choice(self, name: str, allowed: Sequence[str], *, required: bool = False) -> str | None:
        node = self._node(name, required=required)
        if node is None:
            return None
        if isinstance(node, TextNode) and node.text in allowed:
            return node.text
        found = f"`{visible(node.text, limit=40)}`" if isinstance(node, TextNode) else describe(node)
        self.refuse(name, f"`{name}` cannot be {found}", f"there are {', '.join(allowed)}")
        return None

    def json(self, name: str) -> object:
        """Return any value as YAML means it."""
        node = self._node(name)
        return None if node is None else json_of(node, self._path(name), self._problems)

    def mapping(self, name: str) -> MapNode | None:
        node = self._node(name)
        if node is None or isinstance(node, MapNode):
            return node
        self.refuse(name, f"expected a mapping, found {describe(node)}")
        return None

    def list(self, name: str) -> ListNode | None:
        node = self._node(name)
        if node is None or isinstance(node, ListNode):
            return node
        self.refuse(name, f"expected a list, found {describe(node)}")
        return None

    def section(self, name: str, known: Collection[str]) -> Fields | None:
        """Return the keys of a mapping below this one."""
        node = self.mapping(name)
        return None if node is None else Fields(node, self._path(name), self._problems, known)

    def mappings(self, name: str, known: Collection[str]) -> Iterator[Fields]:
        """Yield the mappings of a list below this one."""
        node = self.list(name)
        for index, item in enumerate(node.items if node else ()):
            path = f"{self._path(name)}[{index}]"
            if isinstance(item, MapNode):
                yield Fields(item, path, self._problems, known)
            else:
                self._problems.error(place(item, path), f"expected a mapping, found {describe(item)}")

    def refuse(self, name: str, message: str, hint: str | None = None) -> None:
        """Add a problem at the value of a key, or at the mapping where there is none."""
        node = self.node.get(name) or self.node
        self._problems.error(place(node, self._path(name)), message, hint=hint)

    def _node(self, name: str, *, required: bool = False) -> Node | None:
        node = self.node.get(name)
        if node is not None and not is_null(node):
            return node
        if required and name not in self._misspelt:
            self.refuse(name, f"`{name}` is missing")
        return None

    def _path(self, name: str) -> str:
        return f"{self.field_path}.{name}" if self.field_path else name

    def _refuse_unknown(self, known: Collection[str]) -> frozenset[str]:
        """Report unknown keys; return what they may have been meant for, which is then not called missing."""
        meant = set()
        for key, (node, _) in self.node.entries.items():
            if key in known:
                continue
            near = self._problems.nearest(key, [name for name in known if name not in self.node.entries])
            hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
            # The value beside it is not quoted: it may be a secret in the wrong place.
            where = Place(node.line, node.column, self._path(visible(key, limit=60)))
            self._problems.error(where, f"unknown key `{visible(key, limit=60)}`", hint=hint)
            if near:
                meant.add(near)
        return frozenset(meant)
