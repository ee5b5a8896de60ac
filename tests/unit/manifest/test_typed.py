"""Values of files that other programs read as YAML: the same values, and nothing that JSON has no word for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from publisher.manifest.dialect import MANIFEST
from publisher.manifest.document import read_document
from publisher.manifest.problems import Problems
from publisher.manifest.typed import is_null, json_of

WORDS = ["0.5", "50", "no", "true", "~", "", "1:30", "017", "0x1F", "1e3", "1.", "-1", "1_000", "'50'", '"no"', "a b"]

values = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def written(value: object) -> str:
    """Return nested words as flow YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(inner) or "~" for inner in value) + "]"
    return str(value)


@given(values)
def test_values_are_those_of_safe_load(value: object) -> None:
    """Quoted text stays text, plain text is what PyYAML's safe_load makes of it, at every depth."""
    text = f"key: {written(value)}\n"
    problems = Problems(Path("f.yml"))
    root = read_document(text, problems)
    assert root is not None

    read = json_of(root, "", problems)

    assert not problems.has_errors
    assert read == yaml.safe_load(text)
    assert json.loads(json.dumps(read)) == read


@pytest.mark.parametrize("scalar", ["2026-04-15", "2026-04-15 12:00:00", "2026-13-45", ".inf", "-.inf", ".nan", "="])
def test_what_json_cannot_say_is_refused_with_its_place(scalar: str) -> None:
    """Dates, infinity and YAML's oddities are an error at their place; quoted they are text."""
    problems = Problems(Path("f.yml"))
    root = read_document(f"a:\n  - {scalar}\n  - '{scalar}'\n", problems)
    assert root is not None

    read = json_of(root, "", problems)

    (problem,) = problems.as_error().diagnostics
    assert (problem.line, problem.column, problem.field_path) == (2, 5, ".a[0]")
    assert read == {"a": [None, scalar]}


@pytest.mark.parametrize(
    ("value", "is_nothing"), [("null", True), ("~", True), ("", True), ("'null'", False), ("0", False)]
)
def test_only_an_unquoted_null_is_nothing(value: str, is_nothing: bool) -> None:
    """`command: null` is as good as no key; the quoted word is a text."""
    root = read_document(f"a: {value}\n", Problems(Path("f.yml")), MANIFEST)
    assert root is not None

    assert is_null(root.entries["a"][1]) is is_nothing
