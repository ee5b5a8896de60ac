"""Ask a destination about many artifacts at once, and give up early where it cannot be reached.

A failed lookup is an answer (`unknown`), never an exception and never "absent". Where the first answers are all that
there is no answer, asking on would only wait as long again for each of thousands of artifacts: the others get the
same failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from publisher.cancellation import Cancellation
from publisher.errors import Cancelled, PublisherError, TransportError
from publisher.model import ArtifactId, Certainty, Observation, ReadyArtifact, State, failure_from
from publisher.workers import each_or_cancelled

CANNOT_TELL = "cannot tell what is registered"

THREADS = 8
PATIENCE = 8
"""After how many questions one gives up, if not a single one was answered; each was repeated by then."""


def unknown(error: PublisherError) -> Observation:
    """Return the answer for an artifact that could not be looked up, which says so."""
    failure = failure_from(error)
    if not isinstance(error, Cancelled) and CANNOT_TELL not in failure.message:
        failure = replace(failure, message=f"{CANNOT_TELL}: {failure.message}")
    return Observation(State.UNKNOWN, Certainty.UNKNOWN, failure.message, failure=failure)


def ask_each(
    items: Sequence[ReadyArtifact],
    look: Callable[[ReadyArtifact], Observation],
    *,
    threads: int = THREADS,
    cancellation: Cancellation | None = None,
) -> Mapping[ArtifactId, Observation]:
    """Return what `look` says of each item. What it raises of our errors is `unknown` with that failure.

    `look` repeats what is worth repeating itself. After `PATIENCE` items without any answer the rest is not asked.
    Raises `Cancelled` soon after a stop was requested with the token `cancellation`.
    """
    reach = Reach(PATIENCE)

    def ask(item: ReadyArtifact) -> Observation:
        given_up = reach.given_up
        if given_up is not None:
            return unknown(given_up)
        try:
            observation = look(item)
        except PublisherError as error:
            reach.failed(error)
            return unknown(error)
        reach.answered()
        return observation

    stop = cancellation or Cancellation()
    answers = each_or_cancelled(items, ask, threads=threads, cancellation=stop, name="observe")
    return dict(zip((item.artifact.id for item in items), answers, strict=True))


class Reach:
    """Whether a destination can be reached at all: given up after `patience` questions of which none was answered.

    Only silence counts (`TransportError` itself). A refusal or an odd answer is an answer: the next artifact's may be
    another. Safe to share between threads.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._unanswered = 0
        self._is_reached = False
        self._failure: PublisherError | None = None
        self._lock = threading.Lock()

    @property
    def given_up(self) -> PublisherError | None:
        """Return the failure that every further question would end with, or None to go on asking."""
        return self._failure

    def answered(self) -> None:
        self._is_reached = True

    def failed(self, error: PublisherError) -> None:
        if type(error) is not TransportError:
            self._is_reached = True
            return
        with self._lock:
            self._unanswered += 1
            if not self._is_reached and self._unanswered >= self._patience:
                self._failure = error
