"""Runs a program beside us: an argument list and never a shell, a scrubbed environment, a process group of its own.

Its standard output is read by whoever started it, its last words are kept, and leaving the context leaves no process
behind, neither it nor what it started.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from publisher.errors import LocalResourceError, SourceError
from publisher.leftovers import ended_at_last

TICK_S: Final = 0.2
"""How often whoever waits for a program asks whether to stop."""
_ENDING_S: Final = 30.0
"""How long a program may take to end after its last byte."""
_PIPE_BYTES: Final = 1024 * 1024
_LINES_KEPT: Final = 20
_LINE_BYTES: Final = 2_000
_KEPT_NAMES: Final = frozenset(
    # What finds the engine, the registries' credentials and certificates, and the network. Nothing else: the
    # environment of a publisher holds the secrets of its destinations.
    {"PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY"}
    | {"REGISTRY_AUTH_FILE", "SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
    | {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
)


def environment_of_tools(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that a tool may see, with messages in English."""
    return {name: environment[name] for name in _KEPT_NAMES if name in environment} | {"LC_ALL": "C.UTF-8"}


class Child:
    """A running program. `output` is the file descriptor of its standard output, `fill` reads from it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], output: IO[bytes], complaints: IO[bytes]) -> None:
        self.name = name
        self._process = process
        self._ending = threading.Lock()
        self._output = output
        self._lines: deque[bytes] = deque(maxlen=_LINES_KEPT)
        self._listener = threading.Thread(target=self._listen, args=(complaints,), daemon=True, name="tool-words")
        self._listener.start()

    @property
    def output(self) -> int:
        return self._output.fileno()

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error; complete once it has ended."""
        return b"".join(self._lines).decode("utf-8", "replace")

    def fill(self, buffer: memoryview) -> int:
        """Read the next bytes into a buffer; 0 at the end."""
        return os.readv(self.output, [buffer])

    def end(self) -> int:
        """Wait for the end of a program that closed its output, for half a minute; return its exit code.

        What it started and left running is ended with it.
        """
        deadline = time.monotonic() + _ENDING_S
        # Not reaped yet, it still owns its process group: the number cannot be somebody else's.
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        self.kill()
        return self._process.returncode

    def kill(self) -> None:
        """End it and all that it started, now; twice is fine."""
        with self._ending:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._listener.join(TICK_S)

    def close(self) -> None:
        self.kill()
        self._output.close()

    def _listen(self, complaints: IO[bytes]) -> None:
        with complaints:
            for line in iter(lambda: complaints.readline(_LINE_BYTES), b""):
                self._lines.append(line)


@contextlib.contextmanager
def started(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Child]:
    """Start a program found on the PATH of `environment`. Raises `SourceError` if it is not there.

    Raises `LocalResourceError` if this machine cannot start it.
    """
    program = shutil.which(command[0], path=environment.get("PATH", os.defpath))
    if program is None:
        raise SourceError(f"the program {command[0]} is not installed (or not on PATH)", hint=_INSTALL.get(command[0]))
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            process_group=0,
        )
    except OSError as error:
        raise LocalResourceError(f"{command[0]} cannot be started: {error.strerror}") from error
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("a pipe was asked for")
    with contextlib.suppress(OSError):
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    child = Child(command[0], process, process.stdout, process.stderr)
    with ended_at_last(child.close):
        yield child


_INSTALL = {
    "docker": "install the Docker client, or take the image from elsewhere: docker://name:tag, or docker-archive:path",
    "skopeo": "install skopeo, or save the image with `docker save` and write docker-archive:path",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended, what it answered, and its last words on standard error."""

    code: int
    output: bytes
    words: str


def ask(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    limit_bytes: int,
    seconds: float,
    check: Callable[[], None],
) -> Answer:
    """Run a program that answers a question. Raises `SourceError` if it says too much or takes too long."""
    deadline = time.monotonic() + seconds
    output = bytearray()
    with started(command, environment) as child:
        waiting = select.poll()
        waiting.register(child.output, select.POLLIN)
        while True:
            check()
            if time.monotonic() > deadline:
                raise SourceError(f"{command[0]} did not answer within {seconds:.0f} seconds", hint="try it by hand")
            if not waiting.poll(TICK_S * 1000):
                continue
            piece = os.read(child.output, _PIPE_BYTES)
            if not piece:
                break
            output += piece
            if len(output) > limit_bytes:
                raise SourceError(f"{command[0]} answered with more than {limit_bytes} bytes")
        return Answer(child.end(), bytes(output), child.last_words)
