"""One token that says "stop": set by a signal or a caller, asked by everything that waits or loops."""

from __future__ import annotations

import threading

from publisher.errors import Cancelled


class Cancellation:
    """A thread-safe stop request. Long work asks `check()` between steps; sleeps are `wait()`."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._hurried = threading.Event()
        self._signal: int | None = None

    def request(self, signal: int | None = None) -> None:
        """Ask everybody to stop; the first signal number is remembered for the exit code."""
        if self._signal is None:
            self._signal = signal
        self._event.set()

    def hurry(self) -> None:
        """Ask to leave at once: nothing is finished any more, not even what is past the point of no return."""
        self._event.set()
        self._hurried.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    @property
    def hurried(self) -> bool:
        return self._hurried.is_set()

    @property
    def event(self) -> threading.Event:
        """The event behind the token, for whoever waits on nothing else."""
        return self._event

    @property
    def signal(self) -> int | None:
        return self._signal

    def wait(self, seconds: float) -> None:
        """Sleep up to `seconds`; return early when a stop is requested."""
        self._event.wait(seconds)

    def check(self) -> None:
        """Raise `Cancelled` if a stop was requested."""
        if self.requested:
            raise self.cancelled()

    def cancelled(self) -> Cancelled:
        """Return the error of work that was stopped."""
        return Cancelled("stopped on request", hint="run the same command again to go on", signal=self._signal)
