"""Every fault of the catalogue has a test which names it, or a reason why not."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.faults.catalogue import CATALOGUE, IN_PART, NOT_HERE, NOT_YET

TESTS = Path(__file__).parent.parent
_LEADING = re.compile(r"(?:[CSRFMK]\d+(?:, | and |: ))+")
_ID = re.compile(r"[CSRFMK]\d+")
_CASE = re.compile(r"([CSRFMK]\d+)(?:-.*)?")


def test_every_fault_has_a_test() -> None:
    """An id that no test names needs a reason; a fault without either is one that nobody looks after."""
    missing = set(CATALOGUE) - set(named_ids()) - set(NOT_YET) - set(NOT_HERE)

    assert sorted(missing) == []


def test_reasons_are_for_what_has_no_test() -> None:
    """An id that has a test is not excused any more, and an id that is tested in part has one."""
    named = named_ids()

    assert {name: named[name] for name in {*NOT_YET, *NOT_HERE} if name in named} == {}
    assert [name for name in IN_PART if name not in named] == []


def test_only_known_ids_are_named() -> None:
    """A test names an id of the catalogue, so that a reader can look up what it means."""
    assert {name: where for name, where in named_ids().items() if name not in CATALOGUE} == {}
    assert set(NOT_YET) | set(NOT_HERE) | set(IN_PART) <= set(CATALOGUE)


def named_ids() -> dict[str, list[str]]:
    """Return which tests name which ids: as the first words of a docstring, or as the id of a parameter set."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for name in {*_ids_of_docstring(node), *_ids_of_cases(node)}:
                    found[name].append(f"{path.relative_to(TESTS)}::{node.name}")
    return dict(found)


def _ids_of_docstring(node: ast.FunctionDef) -> list[str]:
    leading = _LEADING.match(ast.get_docstring(node) or "")
    return _ID.findall(leading[0]) if leading else []


def _ids_of_cases(node: ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        for part in ast.walk(decorator):
            if isinstance(part, ast.keyword) and part.arg in {"id", "ids"}:
                for text in ast.walk(part.value):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        case = _CASE.fullmatch(text.value)
                        if case:
                            yield case[1]
