"""Plain lines: quiet enough for a log, never silent about a state."""

from __future__ import annotations

import io

from publisher.events import ArtifactFinished, Event, Progress, Step, StepStarted
from publisher.model import ArtifactId, Outcome, Status
from publisher.views.plain_view import PlainView
from tests.golden.sample import Clock

ID = ArtifactId("fleet", "dev/m/arm64/1")


def spoken(*timed: tuple[float, Event]) -> list[str]:
    clock, stream = Clock(), io.StringIO()
    view = PlainView(stream, monotonic=clock)
    for clock.now, event in timed:
        view(event)
    return stream.getvalue().splitlines()


def test_a_long_transfer_speaks_every_30_s() -> None:
    """Progress is told at most once every 30 s per artifact, counted from its last line."""
    steps = [(0.1 * tick, Progress(ID, Step.UPLOAD, tick, 1000)) for tick in range(1, 1000)]

    lines = spoken((0.0, StepStarted(ID, Step.UPLOAD, 1000)), *steps)

    assert [line.rpartition(": ")[2] for line in lines] == [
        "upload 1000 B",
        "upload 30% of 1000 B",
        "upload 60% of 1000 B",
        "upload 90% of 1000 B",
    ]


def test_artifacts_do_not_silence_each_other() -> None:
    """Each artifact has its own 30 s."""
    other = ArtifactId("fleet", "dev/n/arm64/1")
    started = [(0.0, StepStarted(name, Step.UPLOAD, 10)) for name in (ID, other)]

    lines = spoken(*started, *((31.0, Progress(name, Step.UPLOAD, 5, 10)) for name in (ID, other)))

    assert len(lines) == 4


def test_an_empty_transfer_is_complete() -> None:
    """A transfer of nothing is no division by zero."""
    lines = spoken((0.0, StepStarted(ID, Step.UPLOAD, 0)), (40.0, Progress(ID, Step.UPLOAD, 0, 0)))

    assert lines[-1].endswith("upload 100% of 0 B")


def test_an_end_is_always_told() -> None:
    """Every artifact's end has a line, whatever was told before."""
    lines = spoken(*((0.0, ArtifactFinished(ID, Outcome(status, "why"))) for status in Status))

    assert [line.split(": ")[1].split(",")[0] for line in lines] == [str(status) for status in Status]
