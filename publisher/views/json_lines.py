"""Events as JSON lines, for `--progress json` and `--events FILE`.

The first line tells the version; every object has its `type` first. Type and field names are append-only within a
major format version, and a reader ignores what it does not know. Lines are ASCII. Durations are seconds, sizes
bytes; there is no wall clock but the `at` that the caller's `now` gives (UTC, ISO 8601).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TextIO, assert_never

from publisher.errors import LocalResourceError
from publisher.events import (
    ArtifactFinished,
    ArtifactStarted,
    Concluded,
    Event,
    Listener,
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
from publisher.model import ArtifactId, Outcome
from publisher.views.stream import forgiving

FORMAT = "publisher/events"
FORMAT_VERSION = "1.0"

Document = dict[str, object]


class JsonLines:
    """A listener that writes one object a line to `stream`, the version line at once."""

    def __init__(self, stream: TextIO, *, tool_version: str, now: Callable[[], datetime] | None = None) -> None:
        self._stream = forgiving(stream)
        self._now = now
        version = {"format": FORMAT, "format_version": FORMAT_VERSION, "tool_version": tool_version}
        self._write({"type": "version", **version})

    def __call__(self, event: Event) -> None:
        self._write(event_document(event))

    def _write(self, document: Document) -> None:
        if self._now is not None:
            document["at"] = self._now().isoformat()
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()


@contextlib.contextmanager
def events_file(path: Path, *, tool_version: str, now: Callable[[], datetime] | None = None) -> Iterator[Listener]:
    """Yield a listener that writes to a new file at `path`. Raises `LocalResourceError` if it cannot be opened."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise LocalResourceError(
            f"cannot write {path}: {error.strerror or error}", hint="check the folder's permissions and free space"
        ) from error
    with file:
        yield JsonLines(file, tool_version=tool_version, now=now)


def event_document(event: Event) -> Document:
    """Return the object of one event: the closed table of type and field names."""
    match event:
        case RunStarted():
            return {"type": "run_started", "run_id": event.run_id, "verb": event.verb, "total": event.total}
        case ReadingSource():
            return {"type": "reading_source", "id": str(event.id), "done": event.done, "total": event.total}
        case Observing():
            return {"type": "observing", "destination": event.destination, "count": event.count}
        case ArtifactStarted():
            return {"type": "artifact_started", "id": str(event.id), "source_bytes": event.source_bytes}
        case StepStarted():
            return {"type": "step_started", "id": str(event.id), "step": event.step, "total_bytes": event.total_bytes}
        case Progress():
            counts = {"done_bytes": event.done_bytes, "total_bytes": event.total_bytes}
            return {"type": "progress", "id": str(event.id), "step": event.step, **counts}
        case Retrying():
            wait: Document = {"attempt": event.attempt, "wait_seconds": round(event.wait_s, 3), "why": event.why}
            return {"type": "retrying", "id": _optional(event.id), **wait}
        case ArtifactFinished():
            return {"type": "artifact_finished", "id": str(event.id), **_outcome(event.outcome)}
        case Warned():
            return {"type": "warned", "id": _optional(event.id), "message": event.message}
        case Concluded():
            return {"type": "concluded", "destination": event.destination, "message": event.message}
        case StopRequested():
            return {"type": "stop_requested", "reason": event.reason}
        case RunFinished():
            return {"type": "run_finished", "exit_code": event.exit_code, "seconds": round(event.seconds, 3)}
        case _:
            assert_never(event)


def _optional(artifact: ArtifactId | None) -> str | None:
    return str(artifact) if artifact else None


def _outcome(outcome: Outcome) -> Document:
    """Return the fields that the report's entry has too, under the same names."""
    stored, failure = outcome.object, outcome.failure
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "verification": outcome.verification,
        "object": None if stored is None else asdict(stored),
        "attempts": outcome.attempts,
        "uploaded_bytes": outcome.uploaded_bytes,
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
        "notes": list(outcome.notes),
        "error": None
        if failure is None
        else {
            "code": failure.code,
            "message": failure.message,
            "hint": failure.hint,
            "retryable": failure.retryable,
        },
    }
