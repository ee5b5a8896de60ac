"""Progress as plain lines for logs: one a state change, no cursor movement, no colour.

A long transfer says where it is at most once every 30 s. Reads no clock of its own and survives a closed stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO, assert_never

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
from publisher.model import ArtifactId
from publisher.views.stream import forgiving
from publisher.views.text import counted, duration_text, safe_text, size_text
from publisher.views.wording import outcome_text, retry_text

EVERY_S = 30.0


class PlainView:
    """A listener that writes lines to `stream`; `monotonic` returns seconds."""

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float]) -> None:
        self._stream = forgiving(stream)
        self._monotonic = monotonic
        self._spoke_at: dict[ArtifactId | None, float] = {}

    def __call__(self, event: Event) -> None:
        line = self._line(event)
        if line is not None:
            self._stream.write(line + "\n")
            self._stream.flush()

    def _line(self, event: Event) -> str | None:
        match event:
            case RunStarted():
                return f"{safe_text(event.verb)}: {counted(event.total, 'artifact')}"
            case ReadingSource():
                if event.done and not self._is_time(None):
                    return None
                self._spoke(None)
                return f"reading sources: {event.done} of {event.total}"
            case Observing():
                return f"asking {safe_text(event.destination)} about {counted(event.count, 'artifact')}"
            case ArtifactStarted():
                return None  # its first step says so
            case StepStarted():
                self._spoke(event.id)
                size = f" {size_text(event.total_bytes)}" if event.total_bytes is not None else ""
                return f"{_name(event.id)}: {event.step}{size}"
            case Progress():
                if not self._is_time(event.id):
                    return None
                self._spoke(event.id)
                return f"{_name(event.id)}: {event.step} {_share(event)}"
            case Retrying():
                self._spoke(event.id)
                return f"{_name(event.id)}: {retry_text(event)}" if event.id else retry_text(event)
            case ArtifactFinished():
                self._spoke_at.pop(event.id, None)
                return f"{_name(event.id)}: {outcome_text(event.outcome)}"
            case Warned():
                return f"warning: {_name(event.id) + ': ' if event.id else ''}{safe_text(event.message)}"
            case Concluded():
                return None  # the end of the run tells it, also where progress is not shown
            case StopRequested():
                return f"stopping ({safe_text(event.reason)}): what is past the point of no return is finished first"
            case RunFinished():
                return f"finished in {duration_text(event.seconds)}"
            case _:
                assert_never(event)

    def _is_time(self, key: ArtifactId | None) -> bool:
        return self._monotonic() - self._spoke_at.setdefault(key, self._monotonic()) >= EVERY_S

    def _spoke(self, key: ArtifactId | None) -> None:
        self._spoke_at[key] = self._monotonic()


def _name(artifact: ArtifactId) -> str:
    return safe_text(str(artifact))


def _share(event: Progress) -> str:
    percent = 100 * event.done_bytes // event.total_bytes if event.total_bytes else 100
    return f"{percent}% of {size_text(event.total_bytes)}"
