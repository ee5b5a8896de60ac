"""Races: several writers try at once to make the same object, and exactly one may succeed.

Says what came of many rounds; knows neither PUT nor uploads in parts.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

from publisher.errors import PublisherError
from publisher.stores.capabilities import Enforcement
from publisher.stores.port import CompleteAnswer, CreateAnswer, UploadGone

ROUNDS = 24
WRITERS = (2, 8)
LANES = 12
ATTEMPTS = 3

_HEAD_START_S = 0.25
_NO_VERDICT: set[CompleteAnswer] = {CreateAnswer.AMBIGUOUS, CreateAnswer.BUSY, UploadGone.GONE}

Prepare = Callable[[str, bytes], Callable[[], CompleteAnswer]]
"""Given a key and bytes, does what may be done beforehand and returns the one request that makes the object."""


class Race:
    """Lets writers race for one new key in each round."""

    def __init__(
        self, prepare: Prepare, *, new_key: Callable[[], str], bytes_of: Callable[[str], bytes | None]
    ) -> None:
        self._prepare = prepare
        self._new_key = new_key
        self._bytes_of = bytes_of
        self._starting = Lock()
        self._stop = Event()

    def run(self) -> Enforcement | None:
        """Let 2 and 8 writers race in turn: ENFORCED or RACY, None if lost answers left it open.

        Some stores fail only one round in four, hence so many rounds. Rounds start one after the other, so that the
        writers of one meet as closely as this machine can make them, but a round does not wait for the losers of
        those before: a fair store may keep them waiting for seconds. Raises what the requests raise.
        """
        wanted = [WRITERS[number % len(WRITERS)] for number in range(ROUNDS)]
        with (
            ThreadPoolExecutor(LANES * max(WRITERS), thread_name_prefix="probe") as pool,
            ThreadPoolExecutor(LANES, thread_name_prefix="probe-round") as lanes,
        ):
            for _ in range(ATTEMPTS):
                verdicts = list(lanes.map(lambda writers: self._unless_stopped(writers, pool), wanted))
                if False in verdicts:
                    return Enforcement.RACY
                wanted = [writers for writers, verdict in zip(wanted, verdicts, strict=True) if verdict is None]
                if not wanted:
                    return Enforcement.ENFORCED
        return None

    def _unless_stopped(self, writers: int, pool: ThreadPoolExecutor) -> bool | None:
        try:
            verdict = self._round(writers, pool)
        except PublisherError:
            self._stop.set()
            raise
        if verdict is False:
            self._stop.set()
        return verdict

    def _round(self, writers: int, pool: ThreadPoolExecutor) -> bool | None:
        """Return whether exactly one writer won and its bytes are there; None if that stays open."""
        start, first = Barrier(writers), Event()

        def send(request: Callable[[], CompleteAnswer]) -> CompleteAnswer:
            start.wait()
            try:
                return request()
            finally:
                first.set()

        with self._starting:
            if self._stop.is_set():
                return None
            key = self._new_key()
            bodies = [f"{key} {number}".encode() for number in range(writers)]
            requests = list(pool.map(lambda data: self._prepare(key, data), bodies))
            sent = [pool.submit(send, request) for request in requests]
            first.wait(_HEAD_START_S)
        answers = [future.result() for future in sent]
        winners = [data for data, answer in zip(bodies, answers, strict=True) if answer is CreateAnswer.CREATED]
        if len(winners) == 1:
            return self._bytes_of(key) == winners[0]
        if winners:
            return False
        return None if _NO_VERDICT & set(answers) else False
