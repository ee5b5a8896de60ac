"""Rows M1 to M5 of the catalogue of bad input: which YAML is read, which is refused, where, and how fast."""

from __future__ import annotations

import time

import pytest

from tests.support.kinds import fleet_of
from tests.unit.manifest.building import HEAD, entry, parse, place, refused, the_problem

CANARY = "canary-8f2e"


@pytest.mark.parametrize(
    "written", ["2026-04-15", "1.10", "1.0", "017", "0x1F", "1_000", "no", "on", "null", "true", "1e3", "0o17"]
)
def test_scalars_stay_text(written: str) -> None:
    """M1: what YAML would make a date, a number, a boolean or nothing is the text that was written."""
    manifest = parse(f"{HEAD}  - resource_name: {written}\n    file: m.bin\n    version: {written}\n")

    assert fleet_of(manifest.artifacts[0]).version == written
    assert fleet_of(manifest.artifacts[0]).resource_name == written


@pytest.mark.parametrize(("written", "said"), [("12:30:45", "`:`"), ("~", "`~`"), ("", "is empty")])
def test_text_that_is_no_name_is_refused_and_not_converted(written: str, said: str) -> None:
    """M1: a time, a tilde and nothing are kept as text, and then refused as names with their place."""
    problem = the_problem(f"{HEAD}  - resource_name: m\n    file: m.bin\n    version: {written}\n")

    assert said in problem.message
    assert problem.line == 7
    assert problem.field_path == "artifacts[0].version"


@pytest.mark.parametrize(
    ("text", "line", "column", "first"),
    [
        ("version: 1\nversion: 1\n", 2, 1, "line 1, column 1"),
        ("version: 1\ndestinations:\n  a: {kind: fleet, kind: fleet}\n", 3, 20, "line 3, column 7"),
        ('version: 1\n"version": 1\n', 2, 1, "line 1, column 1"),
    ],
)
def test_duplicate_keys_show_both_places(text: str, line: int, column: int, first: str) -> None:
    """M2: a key that is written twice is an error which names both places, at the top and nested."""
    error = refused(text)

    problem = next(item for item in error.diagnostics if "twice" in item.message)
    assert place(problem) == (line, column)
    assert problem.hint is not None
    assert first in problem.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\n", "anchors are not allowed in a manifest"),
        ("a: *x\n", "aliases are not allowed in a manifest"),
        ("&x a: *x\n", "anchors are not allowed in a manifest"),
        ("a: &x [*x]\n", "anchors are not allowed in a manifest"),
        ("<<: {a: 1}\n", "merge keys (`<<`) are not allowed"),
        ("a: !!python/object/apply:os.system [ls]\n", "tags are not allowed in a manifest"),
        ("a: !!binary aGk=\n", "tags are not allowed in a manifest"),
        ("a: !!set {b}\n", "tags are not allowed in a manifest"),
        ("a: !own b\n", "tags are not allowed in a manifest"),
        ("? [a]\n: b\n", "a key is text; this one is a list or a mapping"),
        ("a: 1\n---\nb: 1\n", "a second document starts here: a manifest is one document"),
        ("%YAML 1.1\n---\na: 1\n", "directives (`%YAML`, `%TAG`) are not allowed in a manifest"),
        ('a: "\\0"\n', "the text holds a control or invisible character"),
        ('a: "\\e[31m"\n', "the text holds a control or invisible character"),
        ('a: "\\u202e"\n', "the text holds a control or invisible character"),
        ("a:\n\t- b\n", "a tab stands here"),
        ("a: \x1b[31m\n", "the character \\x1b is not allowed in a manifest"),
        ("a: b: c\n", "`key: value` cannot stand here"),
        ("a: [b, {c\n", "expected `,` or `}`"),
        ("a: @b\n", "this character cannot start text"),
        ("a: 'b\n", "the quote is not closed"),
        ('a: "\\q"\n', "unknown escape in double quotes"),
    ],
)
def test_yaml_beyond_the_small_part_is_refused(text: str, message: str) -> None:
    """M3, M5: anchors, aliases, merge keys, tags, other documents, odd keys and characters are errors with a place."""
    error = refused(text)

    assert error.diagnostics[0].message.startswith(message)
    assert error.diagnostics[0].line >= 1
    assert error.diagnostics[0].column >= 1


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "it is empty"), ("# only\n", "it is empty"), ("- a\n", "found a list"), ("a\n", "found text")],
)
def test_the_top_is_a_mapping(text: str, found: str) -> None:
    """M5: an empty file, a list or text at the top is refused by saying what a manifest is."""
    assert found in the_problem(text).message


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("\ufeffversion: 1".encode(), "the file starts with a byte order mark", (1, 1)),
        ("version: 1".encode("utf-16"), "the file starts with a byte order mark", (1, 1)),
        ("version: 1".encode("utf-16-le"), "a NUL character stands here", (1, 2)),
        (b"version: 1\nab\xff", "the file is not UTF-8 here", (2, 3)),
        (b"a: \xed\xa0\x80", "the file is not UTF-8 here", (1, 4)),
        ("a: b\u2028c".encode(), "the character \\u2028 is not allowed in a manifest", (1, 5)),
    ],
)
def test_other_encodings_are_refused(text: bytes, message: str, where: tuple[int, int]) -> None:
    """M5: a byte order mark, UTF-16, bad UTF-8 and Unicode line ends are refused at their line and column."""
    problem = the_problem(text)

    assert problem.message == message
    assert place(problem) == where


@pytest.mark.parametrize(
    "text",
    [
        f"a: [{CANARY}: {{\n",
        f"a: &x {CANARY}\n",
        f"a: !{CANARY} b\n",
        f"a: '{CANARY}\n",
        f"*{CANARY}\n",
        f'a: "{CANARY}\\0"\n',
        f"- {CANARY}\n",
        f"{CANARY}\n",
        f"a: {CANARY}\t\n",
    ],
)
def test_a_file_that_is_not_a_manifest_is_never_quoted(text: str) -> None:
    """M5: a wrong file may be a secret, so neither messages nor shown lines repeat its text."""
    from publisher.manifest import render

    error = refused(text)

    shown = [line for item in error.diagnostics for line in render(item, error.source_lines, error.path)]
    assert CANARY not in "\n".join([str(error), *shown])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "[" * 100_000,
        "{" * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "".join(f"{' ' * depth}a{depth}:\n" for depth in range(500)),
        "a: 1\n" * 200_000,
        "a: [" + "a," * 300_000 + "]",
        "{" + "a," * 300_000,
        "'" * 1_000_000,
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n",
        "a: &a\n  <<: [" + "*a," * 10_000 + "]\n",
        HEAD + "  - {}\n" * 150_000,
        "x" * 10_000_000,
    ],
    ids=lambda text: text[:12].replace("\n", " "),
)
def test_hostile_input_is_refused_in_time(text: str) -> None:
    """M3, M4: depth, length and repetition end in an error, without a recursion error, within two seconds of CPU."""
    started = time.process_time()

    error = refused(text)

    assert time.process_time() - started < 2
    assert error.exit_code == 3


def test_the_depth_limit_is_exact() -> None:
    """M4: sixteen levels are read, the seventeenth is refused."""
    deepest = refused("a: " + "[" * 15 + "]" * 15)
    deeper = refused("a: " + "[" * 16 + "]" * 16)

    assert all("nesting" not in item.message for item in deepest.diagnostics)
    assert deeper.diagnostics[0].message == "the nesting is deeper than 16"


def test_more_than_ten_thousand_artifacts_are_refused() -> None:
    """M4: a manifest has at most 10,000 artifacts, whether they are written out or come from a matrix."""
    numbers = ", ".join(map(str, range(101)))
    problem = the_problem(
        entry(f"resource_name: '${{matrix.a}}.${{matrix.b}}', file: m.bin, matrix: {{a: [{numbers}], b: [{numbers}]}}")
    )

    assert problem.message == "a manifest has at most 10,000 artifacts"
