"""The reading half of the recipe's driver: looks and compares, and refuses effects that write."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from publisher.cancellation import Cancellation
from publisher.destinations.stepping import Effect, Steps, carry_out
from publisher.destinations.webdav.effects import Compare, Comparison, Measure, RemoteFile
from publisher.destinations.webdav.ports import Repository
from publisher.errors import NotFoundError
from publisher.retry import RetryNotice, RetryPolicy

Result = TypeVar("Result")


class Reader:
    """Drives a piece of the recipe that only asks. `count` is told how many bytes more were read back."""

    def __init__(
        self,
        repository: Repository,
        *,
        cancellation: Cancellation,
        retry: RetryPolicy,
        notice: RetryNotice,
        count: Callable[[int], None] | None = None,
    ) -> None:
        self._repository = repository
        self._cancellation = cancellation
        self._retry = retry
        self._notice = notice
        self._count = count

    def run(self, steps: Steps[Result]) -> Result:
        return carry_out(steps, self.perform)

    def perform(self, effect: Effect[Any]) -> Any:
        """Perform one effect, with retries. RuntimeError for an effect that writes."""
        self._cancellation.check()
        match effect:
            case Measure(path, wanted):
                return self._retried(lambda: self._measure(path, wanted))
            case Compare(path, wanted):
                return self._retried(lambda: self._compare(path, wanted))
        raise RuntimeError(f"{type(effect).__name__} is not a question")

    def _retried(self, action: Callable[[], Result]) -> Result:
        return self._retry.call(action, cancellation=self._cancellation, notice=self._notice)

    def _measure(self, path: str, wanted: RemoteFile) -> Comparison:
        there = self._repository.look(path)
        if there is None:
            return Comparison.ABSENT
        return Comparison.SAME if there.size_bytes in {None, wanted.size_bytes} else Comparison.OTHER

    def _compare(self, path: str, wanted: RemoteFile) -> Comparison:
        """Read what is there only if its length may be right: other content mostly has another length."""
        measured = self._measure(path, wanted)
        if measured is not Comparison.SAME:
            return measured
        seen, digest = 0, sha256()
        try:
            with self._repository.read(path, size_bytes=wanted.size_bytes) as pieces:
                for piece in pieces:
                    self._cancellation.check()
                    seen += len(piece)
                    if seen > wanted.size_bytes:
                        return Comparison.OTHER
                    digest.update(piece)
                    if self._count is not None:
                        self._count(len(piece))
        except NotFoundError:
            return Comparison.ABSENT
        return Comparison.SAME if (seen, digest.hexdigest()) == (wanted.size_bytes, wanted.sha256) else Comparison.OTHER
