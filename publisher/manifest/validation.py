"""Problems of shape, found by the models, as diagnostics at their place, with a suggestion for a near miss."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from publisher.manifest.escaping import visible
from publisher.manifest.nodes import ListNode, MapNode, Node, TextNode, describe, place, plain
from publisher.manifest.problems import Place, Problems
from publisher.manifest.schema import Envelope
from publisher.manifest.shapes.base import OUR_PROBLEM, ShapeProblem, Strict, check_shape

ModelT = TypeVar("ModelT", bound=Strict)

_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "too_short": "at least one entry",
}
_SETTING_WORDS = frozenset(
    {"url", "uri", "endpoint", "bucket", "host", "hostname", "port", "region", "proxy", "ca", "user", "username"}
    | {"secret", "token", "password", "passwd", "key", "credential", "credentials", "auth", "database", "dsn"}
)
_UNKNOWN_FIELD = "extra_forbidden"
_DESTINATIONS_EXAMPLE = "for example `destinations: {fleet: {kind: fleet}}`"


def check_envelope(root: MapNode, problems: Problems) -> bool:
    """Check all but the entries of `artifacts`; False for a newer format, in which nothing else has a meaning."""
    newer = _newer_format(root)
    if newer is not None:
        problems.error(
            place(newer, "version"),
            f"this manifest has format {visible(newer.text)}; this version of publish reads format 1",
            hint="use a newer publish",
        )
        return False
    _, found = check_shape(Envelope, plain(root))
    _report(Envelope, root, "", found, problems)
    return True


def check_entry(model: type[ModelT], node: MapNode, field_path: str, problems: Problems) -> ModelT | None:
    """Return the entry as its kind's model, or None after adding every problem of shape."""
    checked, found = check_shape(model, plain(node))
    _report(model, node, field_path, found, problems)
    return checked


def _newer_format(root: MapNode) -> TextNode | None:
    version = root.get("version")
    if isinstance(version, TextNode) and re.fullmatch("[1-9][0-9]{0,3}", version.text) and version.text != "1":
        return version
    return None


def _report(
    model: type[Strict], root: MapNode, field_path: str, found: Sequence[ShapeProblem], problems: Problems
) -> None:
    """Add the problems; a field is not called missing where a misspelling of it stands beside it."""
    meant: set[tuple[str | int, ...]] = set()
    for problem in found:
        if problem.kind == _UNKNOWN_FIELD:
            key = _locate(root, problem.path)[1]
            near = problems.nearest(str(problem.path[-1]), _fields_at(model, problem.path))
            if key is not None:
                where = Place(key.line, key.column, _field_path(field_path, problem.path))
                _add_unknown(key, where, _fields_at(model, problem.path), near, problems)
            if near is not None:
                meant.add((*problem.path[:-1], near))
    for problem in found:
        if problem.kind != _UNKNOWN_FIELD and problem.path not in meant:
            node, _ = _locate(root, problem.path)
            _add(problem, node, _field_path(field_path, problem.path), problems)


def _add(problem: ShapeProblem, node: Node, field_path: str, problems: Problems) -> None:
    if problem.kind == "missing":
        last = visible(str(problem.path[-1]), limit=60)
        hint = _DESTINATIONS_EXAMPLE if field_path == "destinations" else None
        problems.error(place(node, field_path), f"`{last}` is missing", hint=hint, shown_columns=0)
    elif problem.kind == OUR_PROBLEM:
        problems.error(place(node, field_path), problem.message)
    else:
        expected = _EXPECTED.get(problem.kind, "something else")
        problems.error(place(node, field_path), f"expected {expected}, found {describe(node)}")


def _add_unknown(key: TextNode, where: Place, known: list[str], near: str | None, problems: Problems) -> None:
    """Report an unknown field. The value beside it is not quoted: it may be a secret in the wrong place."""
    name = visible(key.text, limit=60)
    words = {word.lower() for word in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", key.text)}
    if not _SETTING_WORDS.isdisjoint(words):
        message = f"`{name}` has no place in a manifest: destinations come from the environment"
        hint = "set it as a variable of the pipeline; `env_prefix: EU_` reads EU_S3_ENDPOINT and so on"
    else:
        message = f"unknown field `{name}`"
        hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
    problems.error(where, message, hint=hint, shown_columns=key.column - 1 + len(key.text))


def _fields_at(model: type[Strict], path: tuple[str | int, ...]) -> list[str]:
    """Return the names of the fields that are known beside the one at `path`."""
    if len(path) >= 2 and path[0] == "destinations":
        return ["kind", "env_prefix"]
    field = model.model_fields.get(str(path[0])) if len(path) == 2 else None
    for argument in getattr(field.annotation, "__args__", ()) if field else ():
        if isinstance(argument, type) and issubclass(argument, Strict):
            return list(argument.model_fields)
    return list(model.model_fields)


def _locate(root: Node, path: tuple[str | int, ...]) -> tuple[Node, TextNode | None]:
    """Return the deepest node on the path that exists, and its key where it has one."""
    node: Node = root
    key: TextNode | None = None
    for step in path:
        if isinstance(node, MapNode) and step in node.entries:
            key, node = node.entries[str(step)]
        elif isinstance(node, ListNode) and isinstance(step, int):
            key, node = None, node.items[step]
        else:
            break
    return node, key


def _field_path(base: str, path: tuple[str | int, ...]) -> str:
    text = base
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{visible(step, limit=60)}" if text else visible(step, limit=60)
    return text
