"""What happens during a run, as one closed set of frozen events.

The core emits; listeners (views, the JSON-lines writer, a caller's own function) format. Nothing here formats text,
counts or decides. A listener is called from worker threads, one event at a time (`Serialized` sees to that).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from publisher.model import ArtifactId, Outcome


class Step(StrEnum):
    """The visible steps of one artifact, in their order."""

    PREPARE = "prepare"
    """Look again, compress, encrypt, hash."""
    UPLOAD = "upload"
    VERIFY = "verify"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`total` artifacts will be looked at; `verb` is the command's name."""

    run_id: str
    verb: str
    total: int


@dataclass(frozen=True, slots=True)
class ReadingSource:
    """A source is being fingerprinted: `done` of `total` artifacts are read."""

    id: ArtifactId
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Observing:
    """A destination is being asked about `count` artifacts."""

    destination: str
    count: int


@dataclass(frozen=True, slots=True)
class ArtifactStarted:
    id: ArtifactId
    source_bytes: int


@dataclass(frozen=True, slots=True)
class StepStarted:
    """`total_bytes` is what `Progress.done_bytes` will count up to in this step, or None where nothing is counted."""

    id: ArtifactId
    step: Step
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of the current step so far; it may fall back when a request is sent again."""

    id: ArtifactId
    step: Step
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request will be sent again after `wait_s` seconds. `why` is the error's message."""

    id: ArtifactId | None
    attempt: int
    wait_s: float
    why: str


@dataclass(frozen=True, slots=True)
class ArtifactFinished:
    id: ArtifactId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know that is not a failure; `id` is None where it concerns the whole run."""

    message: str
    id: ArtifactId | None = None


@dataclass(frozen=True, slots=True)
class Concluded:
    """A destination tidied up after the run, or could not; `message` is its sentence about one thing."""

    destination: str
    message: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A signal or a caller asked the run to stop; artifacts past the point of no return are finished first."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    exit_code: int
    seconds: float


Event = (
    RunStarted
    | ReadingSource
    | Observing
    | ArtifactStarted
    | StepStarted
    | Progress
    | Retrying
    | ArtifactFinished
    | Warned
    | Concluded
    | StopRequested
    | RunFinished
)

Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""


class Tee:
    """Hand every event to several listeners, in their order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)

    def __call__(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)


class Serialized:
    """Let one thread at a time through to a listener, so that listeners need no locks."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._listener(event)
