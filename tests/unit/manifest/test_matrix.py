"""The matrix: order, exclude, include, and what is an error in it."""

from __future__ import annotations

import pytest

from tests.support.kinds import fleet_of
from tests.unit.manifest.building import entry, parse, the_problem


def names_of(matrix: str, name: str = "${matrix.a}-${matrix.b:-none}") -> list[str]:
    manifest = parse(entry(f"resource_name: '{name}', file: m.bin, matrix: {matrix}"))
    return [fleet_of(artifact).resource_name for artifact in manifest.artifacts]


@pytest.mark.parametrize(
    ("matrix", "names"),
    [
        ("{a: [x, y], b: ['1', '2']}", ["x-1", "x-2", "y-1", "y-2"]),
        ("{a: [x, y], b: ['1', '2'], exclude: [{a: x, b: '2'}]}", ["x-1", "y-1", "y-2"]),
        ("{a: [x, y], b: ['1', '2'], exclude: [{a: x}]}", ["y-1", "y-2"]),
        ("{a: [x, y], include: [{a: x, b: '9'}]}", ["x-9", "y-none"]),
        ("{a: [x, y], include: [{b: '9'}]}", ["x-9", "y-9"]),
        ("{a: [x], include: [{a: z, b: '9'}]}", ["x-none", "z-9"]),
        ("{a: [x], include: [{b: '1'}, {b: '2'}]}", ["x-2"]),
        ("{a: [x, y], b: ['1'], include: [{a: x, b: '2'}]}", ["x-1", "y-1", "x-2"]),
        ("{include: [{a: x, b: '1'}, {a: y}]}", ["x-1", "y-none"]),
        ("{a: [x, y], exclude: [{a: x}, {a: y}], include: [{a: z, b: q}]}", ["z-q"]),
    ],
)
def test_rows_follow_the_documented_rules(matrix: str, names: list[str]) -> None:
    """The first variable changes slowest; `exclude` removes what agrees; `include` adds as GitHub Actions does."""
    assert names_of(matrix) == names


NO_AXIS = "`exclude` names `arhc`, which is not a matrix variable here"
NO_VALUE = "`lagre` is not among the values of `a`: nothing is excluded"
ALL_GONE = "this matrix has no combinations: `exclude` removes all of them"
LETTERS = "use letters, digits, `_` and `-`, and start with a letter"


@pytest.mark.parametrize(
    ("matrix", "message", "hint"),
    [
        ("{a: []}", "the matrix variable `a` has no values", None),
        ("{a: [x, x]}", "the value `x` stands twice", None),
        ("{}", "this matrix has no variables", None),
        ("{a: [x], exclude: [{a: x}]}", ALL_GONE, None),
        ("{arch: [x], exclude: [{arhc: x}]}", NO_AXIS, "did you mean `arch`?"),
        ("{a: [large], exclude: [{a: lagre}]}", NO_VALUE, "did you mean `large`?"),
        ("{a: [x], exclude: [{}]}", "this item of `exclude` is empty", None),
        ("{'a b': [x]}", "`a b` is no name for a matrix variable", LETTERS),
    ],
)
def test_a_matrix_that_cannot_be_meant_is_refused(matrix: str, message: str, hint: str | None) -> None:
    """A matrix without combinations, or an `exclude` that excludes nothing, is a mistake and not an empty result."""
    problem = the_problem(entry(f"resource_name: m, file: m.bin, matrix: {matrix}"))

    assert problem.message == message
    assert problem.hint == hint


def test_an_unknown_matrix_variable_suggests_one() -> None:
    """A misspelt `${matrix.…}` suggests the variable that exists."""
    problem = the_problem(entry("resource_name: '${matrix.varient}', file: m.bin, matrix: {variant: [x]}"))

    assert problem.message == "there is no `matrix.varient`"
    assert problem.hint == "did you mean `matrix.variant`?"


def test_a_variable_that_only_some_rows_have_needs_a_default() -> None:
    """A value that `include` gives to one row is not set in the others."""
    problem = the_problem(
        entry("resource_name: 'm${matrix.b}', file: m.bin, matrix: {a: [x], include: [{a: z, b: q}]}")
    )

    assert problem.message == "`matrix.b` is not set"


def test_matrix_values_may_come_from_the_environment() -> None:
    """Values of the matrix are interpolated like any other text."""
    manifest = parse(
        entry("resource_name: 'm-${matrix.a}', file: m.bin, matrix: {a: ['${V}', x]}"), environment={"V": "q"}
    )

    assert [fleet_of(artifact).resource_name for artifact in manifest.artifacts] == ["m-q", "m-x"]


def test_a_matrix_bomb_is_refused_before_it_is_built() -> None:
    """M4: the number of combinations is known before the first is made."""
    axes = ", ".join(f"v{index}: [{', '.join(map(str, range(100)))}]" for index in range(20))

    assert (
        "combinations, which is more than one manifest may have"
        in the_problem(entry(f"resource_name: m, file: m.bin, matrix: {{{axes}}}")).message
    )
