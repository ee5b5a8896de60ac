"""The command `publish` in a process that dies at one act on the disk: `python -m tests.support.rigs.dying`.

Python tells of every link and rename before it happens (an audit event), so the death needs no change in the program:
`before` dies at the event itself, `after` at the first event that follows it.

Usage: dying EVENT PART before|after ARGUMENTS... where EVENT is, say, `os.link`, and PART stands in one of its names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.command import PROJECT
from tests.support.rigs.rig import When


def die_at(
    event: str, part: str, when: When, *arguments: str | Path, environment: Mapping[str, str], folder: Path
) -> None:
    """Run `publish` with these arguments in `folder`, dying. Raises `AssertionError` if it lives."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, event, part, when, *map(str, arguments)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != -signal.SIGKILL:
        raise AssertionError(f"the publisher ended with {done.returncode} and never came to {event} of {part}:\n{done}")


def main(event: str, part: str, when: str, *arguments: str) -> int:
    """Become a publisher that dies."""
    is_due = False

    def watch(name: str, values: tuple[Any, ...]) -> None:
        nonlocal is_due
        if name == "os.kill":
            return  # our own, below
        if is_due:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == event and any(isinstance(value, str) and part in value for value in values):
            if when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            is_due = True

    from publisher.cli.process import run

    sys.addaudithook(watch)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
