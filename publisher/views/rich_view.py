"""Live progress for a terminal: a row per artifact in flight, finished ones as lines above, totals below.

Only what is in flight is redrawn, at most eight times a second, so a batch of hundreds costs no more than one of
three. The cursor comes back however the block ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import Progress as Tracker
from rich.progress import TaskID
from rich.text import Text

from publisher.events import (
    ArtifactFinished,
    ArtifactStarted,
    Concluded,
    Event,
    Observing,
    Progress,
    ReadingSource,
    Retrying,
    RunFinished,
    RunStarted,
    StepStarted,
    StopRequested,
    Warned,
)
from publisher.model import ArtifactId, Status
from publisher.views.console import is_unicode, print_about, print_indented
from publisher.views.in_flight import in_flight_rows
from publisher.views.text import counted, duration_text, safe_text, size_text
from publisher.views.wording import STATUS_MARKS, outcome_text, retry_text

REDRAWS_PER_SECOND = 8


class RichView:
    """A context manager and a listener; events come one at a time, from any thread."""

    def __init__(self, console: Console, *, monotonic: Callable[[], float]) -> None:
        self._console = console
        self._monotonic = monotonic
        self._tracker = Tracker(console=console, auto_refresh=False, get_time=monotonic)
        self._tasks: dict[ArtifactId, TaskID] = {}
        self._phase = "starting"
        self._total: int | None = None
        self._ended: Counter[Status] = Counter()
        self._sent_bytes = 0
        self._started_at = monotonic()
        self._live = Live(
            console=console,
            get_renderable=self.frame,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the live rows away and bring the cursor back. May be called twice, and from a signal handler."""
        self._live.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._total = event.total
                self._phase = f"{safe_text(event.verb)}: {counted(event.total, 'artifact')}"
            case ReadingSource():
                self._phase = f"reading sources: {event.done} of {event.total}"
            case Observing():
                self._phase = f"asking {safe_text(event.destination)} about {counted(event.count, 'artifact')}"
            case ArtifactStarted():
                self._task(event.id)
            case StepStarted():
                self._step(event)
            case Progress():
                self._tracker.update(
                    self._task(event.id), completed=event.done_bytes, total=event.total_bytes, is_counted=True
                )
            case Retrying():
                self._say(event.id, retry_text(event), style="yellow")
                if event.id is not None:
                    self._tracker.update(self._task(event.id), attempt=event.attempt)
            case ArtifactFinished():
                self._finish(event)
            case Warned():
                self._say(event.id, f"warning: {safe_text(event.message)}", style="yellow")
            case Concluded():
                self._phase = f"tidying up {safe_text(event.destination)}"
            case StopRequested():
                self._phase = f"stopping ({safe_text(event.reason)}), finishing what is past the point of no return"
            case RunFinished():
                self._phase = f"finished in {duration_text(event.seconds)}"
            case _:
                assert_never(event)

    def frame(self) -> RenderableType:
        """Return what is live now: the rows in flight that fit the screen, and the footer."""
        rows = in_flight_rows(self._tracker.tasks, width=self._console.width, height=self._console.height - 3)
        return Group(*rows, self._footer())

    def _task(self, artifact: ArtifactId) -> TaskID:
        if artifact not in self._tasks:
            name = safe_text(str(artifact))
            self._tasks[artifact] = self._tracker.add_task(name, step="starting", attempt=1, is_counted=False)
        return self._tasks[artifact]

    def _step(self, event: StepStarted) -> None:
        is_counted = event.total_bytes is not None  # rich reads a total of None as "leave the old one"
        self._tracker.reset(
            self._task(event.id), total=event.total_bytes, step=str(event.step), attempt=1, is_counted=is_counted
        )

    def _finish(self, event: ArtifactFinished) -> None:
        task = self._tasks.pop(event.id, None)
        if task is not None:
            self._tracker.remove_task(task)
        self._ended[event.outcome.status] += 1
        self._sent_bytes += event.outcome.uploaded_bytes
        mark = STATUS_MARKS[event.outcome.status]
        sign = mark.sign if is_unicode(self._console) else mark.ascii
        lead = Text.assemble((f"{sign} ", mark.style), safe_text(str(event.id)))
        print_about(lead, outcome_text(event.outcome), self._console, style=mark.style)

    def _say(self, artifact: ArtifactId | None, text: str, *, style: str) -> None:
        if artifact is None:
            print_indented(text, self._console, indent=2, style=style)
        else:
            print_about(Text("  " + safe_text(str(artifact))), text, self._console, style=style)

    def _footer(self) -> Text:
        ended = self._ended.total()
        if not ended and not self._tasks:
            return Text(self._phase, style="dim")
        of_total = f" of {self._total}" if self._total is not None else ""
        parts = [(f"{ended}{of_total} done", "")]
        parts += [
            (f"{count} {status}", STATUS_MARKS[status].style)
            for status in Status
            if status is not Status.PUBLISHED and (count := self._ended[status])
        ]
        parts += [(f"{size_text(self._sent_bytes)} sent", "")] if self._sent_bytes else []
        parts.append((duration_text(self._monotonic() - self._started_at), ""))
        if self._phase.startswith("stopping"):
            parts.append((self._phase, "bold yellow"))
        return Text("  ").join(Text(words, style=style or "dim") for words, style in parts)
