"""What a command is handed instead of globals: how to reach destinations, tell, be stopped, and know the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from publisher.cancellation import Cancellation
from publisher.destinations.port import Destination, Host, RunFacts
from publisher.events import Listener, ignore
from publisher.model import DestinationSpec
from publisher.provenance import Provenance
from publisher.sources.memory import FORGETFUL, Memory

Connect = Callable[[Sequence[DestinationSpec]], AbstractContextManager[Mapping[str, Destination]]]
"""Build the named destinations from settings, all or none; closes them at the end. Raises `SettingsError`."""


@dataclass(frozen=True, slots=True)
class World:
    """One per process or API call; composed in `wiring`. `monotonic` and `sleep` are in seconds, `now` is UTC."""

    connect: Connect
    environment: Mapping[str, str]
    provenance: Callable[[Path], Provenance]
    """Collect git and CI facts of a checkout, once."""
    emit: Listener = ignore
    cancellation: Cancellation = field(default_factory=Cancellation)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    memory: Memory = FORGETFUL
    """Knows the files that were read before and have not changed."""
    new_run_id: Callable[[], str] = lambda: uuid4().hex

    def host(self, run: RunFacts | None = None) -> Host:
        """Return what destinations may use of this run; `run` is what they may say of it in signed statements."""
        return Host(self.emit, self.cancellation, self.monotonic, self.sleep, run or RunFacts())
