"""The part of a rig that every kind behind HTTP shares: each server stands behind a proxy that sees every request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

from tests.support.chaos.forks import Child, Forks
from tests.support.chaos.messages import LOST, Fate, Message, MessageProxy, everything_passes
from tests.support.command import bare_environment
from tests.support.rigs.rig import When


class ProxiedRig:
    """A base for rigs. The kind sets `folder`, `environment` and `manifest`, and says which request is the write.

    `environment` names the proxies, never the servers behind them.
    """

    folder: Path
    manifest: Path
    environment: dict[str, str]
    local = None

    def __init__(self, forks: Forks, proxies: Sequence[MessageProxy]) -> None:
        self._forks = forks
        self._proxies = proxies

    def is_write(self, message: Message) -> bool:
        """Say whether this request is the one by which the artifact comes to be there."""
        raise NotImplementedError

    def crash(self, when: When) -> None:
        """Kill a publisher while its write is on the way, or the answer on the way back."""
        aimed = threading.Event()
        victims: list[Child] = []

        def kill() -> None:
            aimed.wait(10)
            victims[0].kill()
            victims[0].ended.wait(10)

        with self.at_write(when, kill, is_lost=True):
            child = self._forks.start(
                *("apply", self.manifest, "--report", self.folder / "killed.json"),
                environment=bare_environment(self.folder, self.environment),
                folder=self.folder,
                output=self.folder / "killed.log",
            )
            victims.append(child)
            aimed.set()
            code = child.wait()
        if code != -SIGKILL:
            raise AssertionError(f"the publisher ended with {code} before its write:\n{child.said}")

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Reset every connection."""
        with self.decided(lambda _message: LOST):
            yield

    @contextmanager
    def at_write(self, when: When, act: Callable[[], None], *, is_lost: bool = False) -> Iterator[None]:
        """Call `act` at the next write; with `is_lost` the request never arrives, or its answer never comes."""
        taken = threading.Lock()

        def decide(message: Message) -> Fate:
            if not self.is_write(message) or not taken.acquire(blocking=False):
                return everything_passes(message)
            if when == "before":
                return Fate(before=act, arrives=not is_lost, answers=not is_lost)
            return Fate(after=act, answers=not is_lost)

        with self.decided(decide):
            yield

    @contextmanager
    def decided(
        self, decide: Callable[[Message], Fate], proxies: Sequence[MessageProxy] | None = None
    ) -> Iterator[None]:
        """Let `decide` say what becomes of each request, at all proxies or at these."""
        chosen = self._proxies if proxies is None else proxies
        for proxy in chosen:
            proxy.decide = decide
        try:
            yield
        finally:
            for proxy in chosen:
                proxy.decide = everything_passes
