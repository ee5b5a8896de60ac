"""The retry policy, in one place: what is tried again, how often, and how long to wait.

Only transport failures are tried again (no answer, 5xx, 429, throttling); a refusal never is. Waits are full-jitter
exponential, or what the destination asked for, bounded. Waiting ends at once when a stop is requested.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from publisher.cancellation import Cancellation
from publisher.errors import ProtocolError, TransportError

Result = TypeVar("Result")

RetryNotice = Callable[[int, float, str], None]
"""Told before each wait: the attempt that failed (from 1), the wait in seconds, and why."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all; waits of up to `base_s`, doubling to `cap_s`; Retry-After up to `retry_after_cap_s`."""

    attempts: int = 6
    base_s: float = 0.5
    cap_s: float = 20.0
    retry_after_cap_s: float = 60.0

    def wait_s(self, attempt: int, retry_after_s: float | None = None) -> float:
        """Return how long to wait after the given failed attempt (from 1), in seconds."""
        if retry_after_s is not None:
            return min(retry_after_s, self.retry_after_cap_s)
        return random.uniform(0, min(self.cap_s, self.base_s * 2.0**attempt))  # noqa: S311 - spreads load, hides nothing

    def call(self, action: Callable[[], Result], *, cancellation: Cancellation, notice: RetryNotice) -> Result:
        """Call until it succeeds, is refused, or the attempts are used up; then the last error is raised.

        Only for requests that may be repeated safely: reads, and writes that are idempotent by contract.
        """

        attempt = 0
        while True:
            attempt += 1
            try:
                return action()
            except TransportError as error:
                # An answer of another shape will be that again.
                if isinstance(error, ProtocolError) or attempt >= self.attempts or cancellation.requested:
                    raise
                wait_s, why = self.wait_s(attempt, error.retry_after_s), error.message
            notice(attempt, wait_s, why)
            cancellation.wait(wait_s)
