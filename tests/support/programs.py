"""Real programs for the tests: where they are, free ports for them, and how they are started and stopped."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest


def need(program: str, package: str) -> str:
    """Return the path of a program of a Debian package; skip without it, but fail in CI ("set and not false")."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        reason = f"{program} not found (Debian package {package})"
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def from_wheel(program: str) -> str:
    """Return the path of a program that a Python package installed; a missing one is a failure, never a skip."""
    path = Path(sysconfig.get_path("scripts")) / program
    if not path.exists():
        pytest.fail(f"{path} is missing: install the project with the extra 'test'")
    return str(path)


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago, for a program that binds it a while later.

    From 32,768 on the system would give it to an outgoing connection meanwhile; blocks are taken from 20,000 on.
    """
    while True:
        port = secrets.choice(range(10_000, 20_000))
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def free_block(*, size: int = 5, twin: int = 10_000) -> int:
    """Return B so that B..B+size-1 and the same numbers plus `twin` are free: SeaweedFS derives gRPC ports so."""
    # Workers of one test run start at different places, so that they seldom try the same block.
    # Below 32,768, also with the twin: from there on the system gives ports to outgoing connections.
    candidates = list(range(20_000, 22_700, 10))
    start = (os.getpid() * 37) % len(candidates)
    for base in candidates[start:] + candidates[:start]:
        with ExitStack() as held:
            try:
                for port in [*range(base, base + size), *range(base + twin, base + twin + size)]:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise RuntimeError("no free block of ports")


class Server:
    """A started program. Its output goes to a log file, which `fail` shows."""

    def __init__(self, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ) | dict(env or {}),
                process_group=0,
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Poll until `ready` says so; RuntimeError if the program ends or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.process.args!r} did not get ready:\n{tail}")
            time.sleep(0.05)

    def stop(self, *, grace_s: float = 5.0) -> None:
        """End the program politely, then firmly."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
