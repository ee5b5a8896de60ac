"""Which view a run gets, as a table; and that it starts and ends."""

from __future__ import annotations

import io

import pytest

from publisher.events import Warned
from publisher.views.choose import ProgressMode, progress_listener, settle

TERMINAL = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("mode", "is_terminal", "environment", "quiet", "settled"),
    [
        ("auto", True, TERMINAL, False, "rich"),
        ("auto", False, TERMINAL, False, "plain"),
        ("auto", True, TERMINAL | {"CI": "true"}, False, "plain"),
        ("auto", True, TERMINAL | {"CI": "false"}, False, "rich"),
        ("auto", True, {"TERM": "dumb"}, False, "plain"),
        ("auto", True, {}, False, "plain"),
        ("rich", True, TERMINAL | {"CI": "true"}, False, "rich"),
        ("rich", False, TERMINAL, False, "plain"),
        ("rich", True, {"TERM": "dumb"}, False, "plain"),
        ("plain", True, TERMINAL, False, "plain"),
        ("plain", True, TERMINAL, True, "none"),
        ("auto", True, TERMINAL, True, "none"),
        ("json", True, TERMINAL, True, "json"),
        ("none", True, TERMINAL, False, "none"),
    ],
)
def test_the_rule_of_progress(
    mode: str, is_terminal: bool, environment: dict[str, str], quiet: bool, settled: str
) -> None:
    """Live rows need a capable terminal and, unless asked for, no CI; quiet silences people's views only."""
    found = settle(ProgressMode(mode), is_terminal=is_terminal, environment=environment, quiet=quiet)

    assert found == settled


@pytest.mark.parametrize(
    ("mode", "first"), [("plain", "warning: x\n"), ("json", '{"type": "version"'), ("none", ""), ("rich", "warning: x")]
)
def test_each_mode_listens(mode: str, first: str) -> None:
    """Every mode yields a listener that takes events."""
    stream = io.StringIO()

    with progress_listener(
        ProgressMode(mode),
        stream,
        is_terminal=False,
        environment={},
        no_color=True,
        quiet=False,
        monotonic=lambda: 0.0,
        tool_version="1",
    ) as listener:
        listener(Warned("x"))

    assert stream.getvalue().startswith(first)


@pytest.mark.parametrize("environment", [TERMINAL | {"NO_COLOR": "1"}, TERMINAL])
def test_no_colour_is_no_colour(environment: dict[str, str]) -> None:
    """NO_COLOR and --no-color leave no colour sequence; without them there is one."""
    stream = io.StringIO()

    with progress_listener(
        ProgressMode.RICH,
        stream,
        is_terminal=True,
        environment=environment,
        no_color=False,
        quiet=False,
        monotonic=lambda: 0.0,
        tool_version="1",
    ) as listener:
        listener(Warned("x"))

    assert ("\x1b[33m" in stream.getvalue()) is ("NO_COLOR" not in environment)
