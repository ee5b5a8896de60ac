"""What a run looks like while it happens: plain lines, JSON lines, the live rows."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from publisher.views.console import human_console
from publisher.views.json_lines import JsonLines
from publisher.views.plain_view import PlainView
from publisher.views.rich_view import RichView
from tests.golden import sample
from tests.golden.golden import check


def test_plain_lines() -> None:
    """Logs get one line a state change, and one every 30 s of a long transfer."""
    clock, stream = sample.Clock(), io.StringIO()
    view = PlainView(stream, monotonic=clock)
    for clock.now, event in sample.events():
        view(event)
    check("apply-plain.txt", stream.getvalue())


def test_json_lines() -> None:
    """Programs get a version line, then one object an event with its type first."""
    clock, stream = sample.Clock(), io.StringIO()
    lines = JsonLines(stream, tool_version="0.1.0", now=lambda: sample.STARTED + timedelta(seconds=clock.now))
    for clock.now, event in sample.events():
        lines(event)
    check("apply-events.jsonl", stream.getvalue())


@pytest.mark.parametrize("width", [120, 80, 40])
def test_live_rows(width: int) -> None:
    """A terminal gets a row an artifact in flight and a footer, at any width."""
    clock, stream = sample.Clock(), io.StringIO()
    environment = {"NO_COLOR": "1", "TERM": "dumb", "LINES": "24"}
    console = human_console(stream, is_terminal=True, environment=environment, width=width)
    view = RichView(console, monotonic=clock)
    for clock.now, event in sample.events():
        view(event)
        if clock.now in {0.2, 0.6, 1.2, 60.0}:
            stream.write(f"--- at {clock.now} s\n")
            console.print(view.frame())
    text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
    check(f"apply-live-{width}-columns.txt", text)
