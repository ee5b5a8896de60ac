"""Untrusted text is made safe in one place; sizes and durations read well at their edges."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.views.text import duration_text, safe_lines, safe_text, size_text
from tests.golden.sample import HOSTILE


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters()))
def test_nothing_that_steers_survives(text: str) -> None:
    """Safe text is one line without control, format or surrogate characters; making it safe twice changes nothing."""
    safe = safe_text(text)

    assert not {unicodedata.category(char) for char in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(safe.splitlines()) <= 1
    assert safe_text(safe) == safe


def test_markup_is_not_touched() -> None:
    """What only looks like markup stays readable: views print it literally."""
    assert safe_text(HOSTILE) == "[red]x[/red] [link=http://evil][2J31mevil | `a` <b> @team  next"


def test_lines_stay_lines() -> None:
    """A text of several lines keeps them, each made safe."""
    assert safe_lines("a\x1b\nb\u202e\r\nc") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1024**3, "1.0 GiB"),
        (5 * 1024**5, "5120.0 TiB"),
    ],
)
def test_sizes(size_bytes: int, text: str) -> None:
    """A size never shows as 1024.0 of a smaller unit."""
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0.0 s"), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (3661.0, "1 h 01 min")],
)
def test_durations(seconds: float, text: str) -> None:
    """A duration never shows as 60 s or as a negative time."""
    assert duration_text(seconds) == text
