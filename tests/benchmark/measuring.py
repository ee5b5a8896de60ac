"""One run of one command: wall time, CPU seconds and peak memory of the command and everything it starts.

CPU is what `wait4` reports for the process and the children it waited for. Memory is the largest sum of the peak
resident sizes (VmHWM, kept by the kernel, so no short peak is missed) of all processes that were alive together, looked
at every 50 ms. Shared pages count once for each process, which is to a pipeline's disadvantage by a few MiB a program;
page cache, which a cgroup's figure would hold, does not count.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds and MiB of one run."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Typical:
    """Medians of several runs, and how many there were."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    runs: int


class FailedRunError(Exception):
    """A measured command failed: its figures would mean nothing."""


def measure(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Run:
    """Run a command to its end. Raises `FailedRunError` with the end of its output if it fails."""
    log = folder / "output.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        with _Watch(process.pid) as watch:
            _, status, used = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(errors="replace")[-2000:]
        raise FailedRunError(f"{command[0]} ended with {process.returncode}:\n{said}")
    return Run(wall_s, used.ru_utime + used.ru_stime, watch.peak_kib / 1024)


def typical(runs: Sequence[Run]) -> Typical:
    return Typical(
        statistics.median(run.wall_s for run in runs),
        statistics.median(run.cpu_s for run in runs),
        statistics.median(run.peak_mib for run in runs),
        len(runs),
    )


def alternate(contenders: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, Typical]:
    """Run all contenders in turn, A B A B, so that a slow minute of the machine hits them all; return medians."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            runs[name].append(contender())
    return {name: typical(found) for name, found in runs.items()}


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a running process and its living children have used so far."""
    return sum(map(_own_cpu, _tree(pid)))


def _own_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class _Watch:
    """Adds up the peak memory of a process tree while it lives."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak_kib = 0

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak_kib = max(self.peak_kib, sum(map(_peak_kib, _tree(self._pid))))
            if self._ended.wait(_EVERY_S):
                return


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _peak_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
