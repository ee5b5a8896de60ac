"""`files:`: patterns, captures, order and the completeness gate (row M10)."""

from __future__ import annotations

import pytest

from tests.unit.manifest.building import entry, parse, refused, the_problem

NAME = "resource_name: 'm-${capture.a}-${capture.b}'"


def shown(pattern: str, names: list[str], extra: str = "") -> list[str]:
    """Return the sources that a pattern finds; each gets its own name from a capture of the whole."""
    manifest = parse(entry(f"resource_name: m, files: '{pattern}', version: '${{capture.v}}'{extra}"), names=names)
    return [artifact.source.shown for artifact in manifest.artifacts]


@pytest.mark.parametrize(
    ("pattern", "names", "found"),
    [
        ("{v}.bin", ["b.bin", "a.bin", "c.txt"], ["a.bin", "b.bin"]),
        ("out/{v}.bin", ["out/a.bin", "a.bin", "out/x/b.bin"], ["out/a.bin"]),
        ("**/{v}.bin", ["a.bin", "x/b.bin", "x/y/c.bin"], ["a.bin", "x/b.bin", "x/y/c.bin"]),
        ("x/**/{v}.bin", ["a.bin", "x/b.bin", "x/y/c.bin"], ["x/b.bin", "x/y/c.bin"]),
        ("{v}/m.bin", ["a/m.bin", "b/m.bin", "b/n.bin"], ["a/m.bin", "b/m.bin"]),
        ("?-{v}.bin", ["a-1.bin", "ab-2.bin"], ["a-1.bin"]),
        ("*-{v}.bin", ["a-1.bin", "2.bin"], ["a-1.bin"]),
        ("./out//{v}.bin", ["out/a.bin"], ["out/a.bin"]),
        ("[{v}].bin", ["[a].bin", "a.bin"], ["[a].bin"]),
        ("{v}.bin", ["a.bin", "Z.bin"], ["Z.bin", "a.bin"]),
        ("{v}.bin", [".hidden.bin", "a.bin"], ["a.bin"]),
        (".{v}.bin", [".hidden.bin", "a.bin"], [".hidden.bin"]),
        ("**/{v}.bin", [".git/b.bin", "a.bin"], ["a.bin"]),
    ],
)
def test_patterns_match_as_documented_in_sorted_order(pattern: str, names: list[str], found: list[str]) -> None:
    """M10: `*` and `?` stay in one name, `**` is any folders, hidden names do not match, order is by code point."""
    assert shown(pattern, names) == found


def test_captures_fill_the_names() -> None:
    """One artifact for each match, named by what was captured."""
    manifest = parse(
        entry("files: 'out/{a}-{b}.trt', resource_name: '${capture.a}', architecture: '${capture.b}', expect: 2"),
        names=["out/small-arm64.trt", "out/large-amd64.trt"],
    )

    assert [str(artifact.id) for artifact in manifest.artifacts] == [
        "fleet:dev/large/amd64/1",
        "fleet:dev/small/arm64/1",
    ]


def test_interpolated_values_match_literally() -> None:
    """A `*` that came from a variable is not a wildcard."""
    problem = the_problem(entry("resource_name: m, files: '${V}.bin'"), names=["a.bin"], V="*")

    assert problem.message == "the pattern matches no file"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{a}{b}.bin", "nothing stands between two wildcards, so that a name can be split in many ways"),
        ("{a}*.bin", "nothing stands between two wildcards, so that a name can be split in many ways"),
        ("{a}-{a}.bin", "the capture `{a}` stands twice"),
        ("{1}.bin", "`{` does not start a capture such as `{model}`"),
        ("a}.bin", "`}` closes nothing"),
        ("a**.bin", "`**` stands for whole folders"),
        ("**", "a pattern ends with the name of files"),
        ("**/a/**/b", "`**` can stand in a pattern once"),
        ("../*.bin", "the path `../*.bin` leads out of the project's root"),
        ("/etc/*", "the path `/etc/*` is absolute"),
        ("*.nothing", "the pattern matches no file"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(pattern: str, message: str) -> None:
    """M10: a pattern that is ambiguous by itself, leaves the root or matches nothing is an error."""
    problem = the_problem(entry(f"resource_name: m, files: '{pattern}'"))

    assert problem.message == message
    assert problem.field_path == "artifacts[0].files"


def test_a_name_that_can_be_split_in_two_ways_is_refused() -> None:
    """A guess would publish under a wrong name, so both readings are shown and the way to decide is named."""
    problem = the_problem(entry(f"{NAME}, files: '{{a}}-{{b}}.bin'"), names=["x-y-z.bin"])

    assert problem.message == "a file name can be read in two ways: a=x, b=y-z or a=x-y, b=z"
    assert problem.hint == "list the values, `expect: {a: [...], b: [...]}`, or use `matrix` for one of them"


def test_listed_values_decide_how_a_name_is_split() -> None:
    """With the values of each capture listed there is nothing to guess."""
    manifest = parse(
        entry("resource_name: '${capture.a}', architecture: '${capture.b}', files: '{a}-{b}.bin', "
              "expect: {a: [det-s, det-l], b: [x86-64]}"),
        names=["det-s-x86-64.bin", "det-l-x86-64.bin"],
    )  # fmt: skip

    assert [artifact.identity.path for artifact in manifest.artifacts] == ["dev/det-l/x86-64/1", "dev/det-s/x86-64/1"]


@pytest.mark.parametrize(
    ("expect", "names", "message"),
    [
        ("2", ["a-1.bin"], "expected 2 files, found 1"),
        ("2", [], "expected 2 files, found none"),
        ("1", ["a-1.bin", "a-2.bin"], "expected 1 files, found 2"),
        ("4", ["a-1.bin", "a-2.bin", "b-1.bin"], "expected 4 files, found 3; missing: `b-2.bin`"),
        ("{a: [a, b], b: ['1']}", ["a-1.bin"], "missing: `b-1.bin`"),
        ("{a: [a], b: ['1']}", ["a-1.bin", "c-1.bin"], "not expected: `c-1.bin`"),
        ("{a: [a, b], b: ['1']}", ["a-1.bin", "c-1.bin"], "missing: `b-1.bin`; not expected: `c-1.bin`"),
        ("{a: [a]}", ["a-1.bin"], "`expect` lists values of `a`"),
        ("{a: [x, x-y], b: [y-z, z]}", ["x-y-z.bin"], "`x-y-z.bin` stands for two combinations of the listed values"),
    ],
)
def test_the_completeness_gate_names_what_is_missing(expect: str, names: list[str], message: str) -> None:
    """`expect` refuses fewer and more files, and names the missing ones where the captures tell which they are."""
    problem = the_problem(entry(f"{NAME}, files: '{{a}}-{{b}}.bin', expect: {expect}"), names=names)

    assert problem.message == message
    assert problem.field_path == "artifacts[0].expect"


def test_the_gate_counts_all_rows_of_a_matrix_and_names_the_missing_combination() -> None:
    """With a matrix, `expect` is the total, and a file that one row lacks is named."""
    body = (
        "resource_name: 'm-${capture.a}', version: '${matrix.v}', files: '{a}_${matrix.v}.bin', matrix: {v: ['1', '2']}"
    )
    names = ["x_1.bin", "y_1.bin", "x_2.bin"]

    assert len(parse(entry(f"{body}, expect: 3"), names=names).artifacts) == 3
    assert the_problem(entry(f"{body}, expect: 4"), names=names).message == (
        "expected 4 files, found 3; missing: `y_2.bin`"
    )
    assert the_problem(entry(body), names=["x_1.bin"]).message == "the pattern matches no file for v=2"


def test_expected_lists_need_a_pattern_of_captures_only() -> None:
    """Lists name exact files, so `*` has no place beside them."""
    problem = the_problem(entry("resource_name: '${capture.a}', files: '{a}-*.bin', expect: {a: [x]}"))

    assert problem.message == "`expect` with lists needs a pattern without `*`, `?` and `**`"


def test_an_unknown_capture_suggests_one() -> None:
    """A misspelt `${capture.…}` suggests the capture that exists."""
    problem = the_problem(entry("resource_name: '${capture.modle}', files: '{model}.bin'"))

    assert problem.hint == "did you mean `capture.model`?"


def test_a_folder_is_no_match() -> None:
    """M10: directories are not matches; a missing folder has none."""
    assert refused(entry("resource_name: m, files: 'out*'"), names=["out/a.bin"]).diagnostics[0].message == (
        "the pattern matches no file"
    )
    assert the_problem(entry("resource_name: m, files: 'nothing/*.bin'")).message == "the pattern matches no file"
