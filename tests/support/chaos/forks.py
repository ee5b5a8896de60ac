"""Real `publish` processes that start in milliseconds: forks of one interpreter which has imported everything already.

Each fork has an environment, folder, output file and loopback address of its own and runs the command's own entry
point. As a program (`python -m tests.support.chaos.forks`) it is that interpreter: it reads orders from standard input,
one JSON object a line, and tells the pid and later the exit code of each (negative: the signal that ended it).
"""

from __future__ import annotations

import gc
import http.client
import importlib
import json
import logging
import os
import pkgutil
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

_LOGGED_CHARACTERS = 8 * 1024
PROJECT = Path(__file__).parent.parent.parent.parent


@dataclass
class Child:
    """One running publisher."""

    output: Path
    pid: int = 0
    code: int | None = None
    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60.0) -> int:
        """Return the exit code; TimeoutError if it does not end in time."""
        if not self.ended.wait(seconds) or self.code is None:
            raise TimeoutError(f"publisher {self.pid} did not end in {seconds:g} s:\n{self.said}")
        return self.code

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")


class Forks:
    """Starts publishers; a context manager. All that still run are killed at its end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="forks", daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def start(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str],
        folder: Path,
        output: Path,
        source: str = "127.0.0.1",
        limits: Mapping[str, int] | None = None,
        watched: tuple[Path, Path] | None = None,
    ) -> Child:
        """Start `publish` with these arguments; returns when it runs. `limits` are names of `resource`, soft limits.

        `watched` are two files: for what every library logs at DEBUG, and for the data keys that are made.
        """
        child = Child(output)
        order: dict[str, object] = {
            "arguments": [str(argument) for argument in arguments],
            "environment": dict(environment),
            "folder": str(folder),
            "output": str(output),
            "source": source,
            "limits": dict(limits or {}),
            "watched": [str(path) for path in watched or ()],
        }
        with self._lock:
            order["id"] = len(self._children)
            self._children[len(self._children)] = child
            if self._process.stdin is None:
                raise RuntimeError("the interpreter has no standard input")
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        child.started.wait(60)
        if not child.pid:
            raise RuntimeError("the interpreter that forks has died, or does not answer")
        return child

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            child = self._children[told["id"]]
            if "pid" in told:
                child.pid = told["pid"]
                child.started.set()
            else:
                child.code = told["code"]
                child.ended.set()
        for child in self._children.values():
            child.started.set()
            child.ended.set()


def main() -> None:
    """Import everything, then fork for every order until there are no more."""
    _warm_up()
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as watched:
        watched.register(0, selectors.EVENT_READ)
        watched.register(woken, selectors.EVENT_READ)
        pending = b""
        while True:
            for key, _ in watched.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    _tell_the_ended(running)
                    continue
                data = os.read(0, 1 << 16)
                if not data:
                    for pid in running:
                        os.kill(pid, signal.SIGKILL)
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    order = json.loads(line)
                    pid = os.fork()
                    if pid == 0:
                        _be_a_publisher(order)
                    running[pid] = order["id"]
                    _tell({"id": order["id"], "pid": pid})


def _tell_the_ended(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell({"id": running.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _tell(document: Mapping[str, int]) -> None:
    os.write(1, json.dumps(document).encode() + b"\n")


def _warm_up() -> None:
    """Import what a run imports late, so that no fork pays for it."""
    import publisher

    for name in ("isal.igzip_lib", "psycopg", "rich.progress", "sqlalchemy.dialects.postgresql"):
        importlib.import_module(name)
    for found in pkgutil.walk_packages(publisher.__path__, "publisher."):
        # What cannot be imported fails where a run needs it; the program itself would start at once.
        with suppress(ImportError):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    gc.freeze()


def _be_a_publisher(order: dict[str, Any]) -> NoReturn:
    """Become the process of one command: nothing of this program is left but its imports."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        quiet, said = os.open(os.devnull, os.O_RDONLY), os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for target, descriptor in ((0, quiet), (1, said), (2, said)):
            os.dup2(descriptor, target)
        os.closerange(3, 1024)
        for name, limit in order["limits"].items():
            number = getattr(resource, name)
            resource.setrlimit(number, (limit, resource.getrlimit(number)[1]))
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        _come_from(order["source"])
        if order["watched"]:
            _watch(*order["watched"])
        from publisher.cli import main

        sys.argv = ["publish", *order["arguments"]]
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _watch(log: str, keys: str) -> None:
    """Log everything at DEBUG, as somebody does who looks for a fault, and note each data key as it is drawn."""
    logging.basicConfig(filename=log, level=logging.DEBUG, force=True)
    for name in ("botocore", "urllib3", "http.client", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    http.client.HTTPConnection.debuglevel = 1
    told = logging.getLogger("http.client")

    def tell(*words: object) -> None:
        # It shows bodies, too. What is longer is ciphertext, in megabytes of which four bytes of a key are no surprise.
        text = " ".join(map(str, words))
        told.debug(text if len(text) < _LOGGED_CHARACTERS else f"{len(text)} characters")

    http.client.print = tell  # type: ignore[attr-defined]  # else it prints to standard output
    from publisher.sealing import format as sealing_format

    def drawn(size: int) -> bytes:
        key = os.urandom(size)
        with Path(keys).open("a") as file:
            file.write(key.hex() + "\n")
        return key

    sealing_format.new_data_key.__defaults__ = (drawn,)


def _come_from(source: str) -> None:
    """Let every connection of this process come from one loopback address, so that a proxy knows whose it is."""
    connect = socket.socket.connect

    def connect_from(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_INET:
            self.bind((source, 0))
        connect(self, address)

    socket.socket.connect = connect_from  # type: ignore[method-assign,assignment]  # this process is a test's own


if __name__ == "__main__":
    main()
