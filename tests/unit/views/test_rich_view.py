"""The live display: bounded, literal, and gone when the block ends."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys

from publisher.events import ArtifactFinished, ArtifactStarted, Event, Progress, Step, StepStarted, Warned
from publisher.model import ArtifactId, Outcome, Status
from publisher.views.console import human_console
from publisher.views.rich_view import RichView
from tests.golden.sample import Clock, hostile_id


def frame_after(*events: Event, width: int = 120, height: int = 24) -> tuple[str, str]:
    """Return what was printed above the live rows, and the live rows."""
    stream = io.StringIO()
    environment = {"TERM": "dumb", "LINES": str(height)}
    console = human_console(stream, is_terminal=True, environment=environment, width=width)
    view = RichView(console, monotonic=Clock())
    for event in events:
        view(event)
    above = stream.getvalue()
    console.print(view.frame())
    return above, stream.getvalue()[len(above) :]


def name(number: int) -> ArtifactId:
    return ArtifactId("fleet", f"dev/model-{number}/arm64/1")


def test_only_what_is_in_flight_is_live() -> None:
    """Of 300 artifacts the finished ones are lines above; the live part has a row for each of the others."""
    done = [ArtifactFinished(name(number), Outcome(Status.SKIPPED, "already_registered")) for number in range(296)]
    running = [ArtifactStarted(name(number), 10) for number in range(296, 300)]

    above, live = frame_after(*done, *running)

    assert above.count("skipped") == 296
    assert len(live.splitlines()) == 5


def test_more_in_flight_than_lines() -> None:
    """Rows that do not fit the screen are counted, not drawn; the live part never scrolls."""
    _, live = frame_after(*(ArtifactStarted(name(number), 10) for number in range(100)), height=20)

    assert len(live.splitlines()) <= 20
    assert "and 84 more in flight" in live


def test_ids_are_whole_at_40_columns() -> None:
    """A long id is folded, never shortened."""
    long = ArtifactId("fleet", "dev/" + "detector-" * 8 + "x/arm64/2026-04-15")

    above, live = frame_after(
        StepStarted(long, Step.UPLOAD, 10), Progress(long, Step.UPLOAD, 5, 10), Warned("odd", long), width=40
    )

    assert str(long) in live.replace("\n", "")
    assert str(long) in above
    assert all(len(line) <= 40 for line in live.splitlines())


def test_hostile_text_is_printed_literally() -> None:
    """Markup in an id or message is shown as it is, and no control character reaches the terminal."""
    above, live = frame_after(ArtifactStarted(hostile_id(), 1), Warned(hostile_id().path, hostile_id()), width=200)

    for text in (above, live):
        assert "[red]x[/red] [link=http://evil]" in text
        assert all(line.isprintable() for line in text.splitlines())


def test_progress_may_fall_back() -> None:
    """A request that is sent again lets the bytes fall back; the row follows."""
    _, live = frame_after(
        StepStarted(name(1), Step.UPLOAD, 100),
        Progress(name(1), Step.UPLOAD, 90, 100),
        Progress(name(1), Step.UPLOAD, 10, 100),
    )

    assert "10 B / 100 B" in live


def test_a_step_without_bytes_shows_no_old_ones() -> None:
    """A step that counts nothing does not keep the bytes of the step before."""
    _, live = frame_after(StepStarted(name(1), Step.UPLOAD, 100), StepStarted(name(1), Step.REGISTER))

    assert "100 B" not in live


INTERRUPTED = """
import os, sys, time
from publisher.events import StepStarted, Step
from publisher.model import ArtifactId
from publisher.views.choose import ProgressMode, progress_listener
try:
    with progress_listener(
        ProgressMode.RICH, sys.stderr, is_terminal=True, environment=os.environ, no_color=False, quiet=False,
        monotonic=time.monotonic, tool_version="1",
    ) as listener:
        listener(StepStarted(ArtifactId("fleet", "dev/m/arm64/1"), Step.UPLOAD, 10))
        time.sleep(60)
except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
"""


def test_ctrl_c_brings_the_cursor_back() -> None:
    """After Ctrl-C the live rows are gone and the cursor is visible, before anything else is printed."""
    master, slave = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stderr=slave, env=environment) as process:
        os.close(slave)
        seen = read_until(master, b"upload")
        process.send_signal(signal.SIGINT)
        seen += read_until(master, b"stopped")
    os.close(master)

    assert seen.count(b"\x1b[?25l") == 1
    assert b"\x1b[?25h" in seen[: seen.index(b"stopped")]


def read_until(descriptor: int, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        ready, _, _ = select.select([descriptor], [], [], 30)
        assert ready, f"the terminal never showed {mark!r}"
        seen += os.read(descriptor, 65536)
    return seen
