"""`matrix:` to rows: the product of the axes, minus `exclude`, plus `include`, as GitHub Actions does it.

The differences are on the strict side: an `exclude` that names no axis or no value of its axis is an error, and so is
an axis without values or with one value twice. It refuses to build a product before knowing that it is small enough.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from publisher.manifest.escaping import visible
from publisher.manifest.interpolation import Rendered, Row, Scope
from publisher.manifest.nodes import ListNode, MapNode, TextNode, place
from publisher.manifest.problems import Problems

MAX_ADJUSTMENTS = 256
MAX_STEPS = 500_000
_RESERVED = ("include", "exclude")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

Combination = dict[str, Rendered]
Render = Callable[[TextNode, str], Rendered | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """`names` are all axes and included names; `rows` map `matrix.{name}`, for some or all of them, to values."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]


NO_MATRIX = Matrix((), ({},))


@dataclass(slots=True)
class Budget:
    """How much work one manifest may still cause: combinations, times the items of `include` and `exclude`."""

    steps: int = MAX_STEPS

    def takes(self, steps: int) -> bool:
        """Take so many steps, or say that they are too many."""
        if steps > self.steps:
            return False
        self.steps -= steps
        return True


@dataclass(frozen=True, slots=True)
class _Builder:
    field_path: str
    render: Render
    problems: Problems

    def axes(self, node: MapNode) -> dict[str, list[Rendered]]:
        axes: dict[str, list[Rendered]] = {}
        for name, (key, values) in node.entries.items():
            if name in _RESERVED or not isinstance(values, ListNode):
                continue
            path = f"{self.field_path}.{visible(name)}"
            if not _NAME.fullmatch(name):
                self.problems.error(
                    place(key, path),
                    f"`{visible(name)}` is no name for a matrix variable",
                    hint="use letters, digits, `_` and `-`, and start with a letter",
                )
            if not values.items:
                self.problems.error(place(values, path), f"the matrix variable `{name}` has no values")
            axes[name] = self._values(values, path)
        return axes

    def _values(self, values: ListNode, path: str) -> list[Rendered]:
        seen: dict[str, Rendered] = {}
        for index, item in enumerate(values.items):
            if not isinstance(item, TextNode) or (value := self.render(item, f"{path}[{index}]")) is None:
                continue
            if value.text in seen:
                self.problems.error(place(item, f"{path}[{index}]"), f"the value `{visible(value.shown)}` stands twice")
            seen.setdefault(value.text, value)
        return list(seen.values())

    def adjustments(self, node: MapNode, kind: str) -> list[tuple[MapNode, str, Combination]]:
        listed = node.get(kind)
        if not isinstance(listed, ListNode):
            return []
        path = f"{self.field_path}.{kind}"
        if len(listed.items) > MAX_ADJUSTMENTS:
            self.problems.error(place(listed, path), f"`{kind}` has more than {MAX_ADJUSTMENTS} items")
            return []
        found: list[tuple[MapNode, str, Combination]] = []
        for index, item in enumerate(listed.items):
            where = f"{path}[{index}]"
            if not isinstance(item, MapNode):
                continue
            if not item.entries:
                self.problems.error(place(item, where), f"this item of `{kind}` is empty")
                continue
            found.append((item, where, self._combination(item, where)))
        return found

    def _combination(self, item: MapNode, where: str) -> Combination:
        combination: Combination = {}
        for name, (key, value) in item.entries.items():
            path = f"{where}.{visible(name)}"
            if not _NAME.fullmatch(name):
                self.problems.error(place(key, path), f"`{visible(name)}` is no name for a matrix variable")
            elif isinstance(value, TextNode) and (rendered := self.render(value, path)) is not None:
                combination[name] = rendered
        return combination

    def check_exclude(
        self, item: MapNode, where: str, combination: Combination, axes: dict[str, list[Rendered]]
    ) -> None:
        for name, value in combination.items():
            key, node = item.entries[name]
            path = f"{where}.{name}"
            if name not in axes:
                self.problems.error(
                    place(key, path),
                    f"`exclude` names `{name}`, which is not a matrix variable here",
                    hint=self.problems.suggest(name, axes),
                )
            elif value.text not in {known.text for known in axes[name]}:
                self.problems.error(
                    place(node, path),
                    f"`{visible(value.shown)}` is not among the values of `{name}`: nothing is excluded",
                    hint=self.problems.suggest(value.shown, [known.shown for known in axes[name]]),
                )


def expand_matrix(node: MapNode, field_path: str, *, budget: Budget, render: Render, problems: Problems) -> Matrix:
    """Return the rows, first axis slowest; the names and no rows after adding problems.

    `node` has the shape of the schema. `render` gives the value of a text, or None after reporting.
    """
    before = problems.count
    builder = _Builder(field_path, render, problems)
    axes = builder.axes(node)
    excludes = builder.adjustments(node, "exclude")
    includes = builder.adjustments(node, "include")
    for item, where, combination in excludes:
        builder.check_exclude(item, where, combination, axes)
    size = (math.prod(map(len, axes.values())) if axes else 0) + len(includes)
    if not budget.takes(size * (1 + len(excludes) + len(includes))):
        problems.error(
            place(node, field_path),
            f"this matrix has {size:,} combinations, which is more than one manifest may have",
            hint="split the manifest",
        )
    names = tuple(dict.fromkeys([*axes, *(name for _, _, include in includes for name in include)]))
    if problems.count > before:
        return Matrix(names, ())
    rows = _include(_exclude(_product(axes), [item for _, _, item in excludes]), [item for _, _, item in includes])
    if not rows:
        problems.error(
            place(node, field_path),
            "this matrix has no combinations: `exclude` removes all of them"
            if axes
            else "this matrix has no variables",
        )
    return Matrix(names, tuple({f"{Scope.MATRIX}.{name}": value for name, value in row.items()} for row in rows))


def _product(axes: dict[str, list[Rendered]]) -> list[Combination]:
    if not axes:
        return []
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _exclude(rows: list[Combination], excludes: list[Combination]) -> list[Combination]:
    for exclude in excludes:
        rows = [row for row in rows if not _agrees(row, exclude)]
    return rows


def _include(originals: list[Combination], includes: list[Combination]) -> list[Combination]:
    """Add each include to the original rows that it does not contradict; where there is none, as a row of its own."""
    rows = [dict(row) for row in originals]
    for include in includes:
        fitting = [
            row
            for original, row in zip(originals, rows, strict=False)
            if all(original[name].text == value.text for name, value in include.items() if name in original)
        ]
        for row in fitting:
            row.update(include)
        if not fitting:
            rows.append(dict(include))
    return rows


def _agrees(row: Combination, exclude: Combination) -> bool:
    return all(name in row and row[name].text == value.text for name, value in exclude.items())
