"""Nodes as JSON values, for files that another program reads as YAML: 0.5 is a number there, `no` is false.

The same reading as PyYAML's `safe_load`, which such programs use, and a home of PyYAML for that. It refuses what JSON
has no word for: dates, infinity, bytes. A manifest is never read so: there scalars are text.
"""

from __future__ import annotations

import math
from datetime import date

import yaml

from publisher.manifest.nodes import ListNode, MapNode, Node, TextNode, place
from publisher.manifest.problems import Problems


class _Scalars(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """PyYAML's rules for one scalar, without its loader."""

    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    def value(self, text: str) -> object:
        """Return the value of a scalar without quotes. Raises ValueError where PyYAML's own construction fails."""
        tag = self.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call] # a gap in the stubs
        try:
            return self.construct_object(yaml.ScalarNode(tag, text))
        except (yaml.YAMLError, LookupError, OverflowError, TypeError) as error:
            raise ValueError("no value of YAML") from error


def is_null(node: Node) -> bool:
    """Say whether nothing stands there: an empty value, `~` or `null` without quotes."""
    return isinstance(node, TextNode) and node.is_plain and node.text in {"", "~", "null", "Null", "NULL"}


def json_of(node: Node, field_path: str, problems: Problems) -> object:
    """Return the node as None, bool, int, float, str, list and dict with text keys; problems are added.

    Recursion is safe: the document limits its depth.
    """
    match node:
        case TextNode():
            return _scalar(node, field_path, problems)
        case ListNode():
            return [json_of(item, f"{field_path}[{index}]", problems) for index, item in enumerate(node.items)]
        case MapNode():
            return {key: json_of(value, f"{field_path}.{key}", problems) for key, (_, value) in node.entries.items()}


def _scalar(node: TextNode, field_path: str, problems: Problems) -> object:
    if not node.is_plain:
        return node.text
    try:
        value = _Scalars().value(node.text)
    except ValueError:
        value = math.nan
    if isinstance(value, date):
        problems.error(place(node, field_path), "YAML reads this as a date, which JSON does not have", hint="quote it")
    elif isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        problems.error(place(node, field_path), "YAML reads this as no value that JSON has", hint="quote it")
    else:
        return value
    return None
