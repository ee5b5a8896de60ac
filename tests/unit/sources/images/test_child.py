"""Programs that run beside us: what they may see, how much they may say, and that none is left behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.errors import Cancelled, SourceError
from publisher.sources.images.child import ask, environment_of_tools, started

ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}


def python(program: str) -> list[str]:
    return [Path(sys.executable).name, "-c", program]


def never() -> None:
    """Do not ask to stop."""


def until(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened()


def is_alive(pid: int) -> bool:
    """Say whether a process runs; a dead one that nobody waited for is not alive, but would be found in /proc."""
    return Path(f"/proc/{pid}").exists()


def test_a_tool_sees_no_secret_of_ours() -> None:
    """A child gets what finds engine, registry logins and network, and nothing else of the environment."""
    given = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "DOCKER_CONFIG": "/x",
        "REGISTRY_AUTH_FILE": "/y",
        "DOCKER_HOST": "unix:///z",
        "S3_SECRET_KEY": "s",
        "ADMIN_API_TOKEN": "t",
        "PUBLISH_RECOVERY_KEY": "r",
        "LD_PRELOAD": "/evil.so",
    }

    seen = environment_of_tools(given)

    assert set(seen) == {"PATH", "HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_HOST", "LC_ALL"}


def test_an_answer_has_code_output_and_last_words() -> None:
    """A question's answer is what the program printed, its exit code and the end of what it complained about."""
    answer = ask(
        python("import sys; print('out'); [print('line', n, file=sys.stderr) for n in range(5000)]; sys.exit(3)"),
        ENVIRONMENT,
        limit_bytes=100,
        seconds=60,
        check=never,
    )

    assert (answer.code, answer.output) == (3, b"out\n")
    assert answer.words.endswith("line 4999\n")
    assert len(answer.words) < 1000


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("print('x' * 100_000)", "more than 1000 bytes"),
        ("import time; time.sleep(60)", "did not answer within 1 seconds"),
    ],
)
def test_a_tool_that_says_too_much_or_nothing_is_ended(program: str, complaint: str) -> None:
    """Neither output nor time is without a limit."""
    with pytest.raises(SourceError, match=complaint):
        ask(python(program), ENVIRONMENT, limit_bytes=1000, seconds=1, check=never)


def test_a_program_that_is_not_there_is_named() -> None:
    """A missing tool is an error with what to install, found before anything is started."""
    with (
        pytest.raises(SourceError, match="the program skopeo is not installed") as missing,
        started(["skopeo"], {"PATH": "/nonexistent"}),
    ):
        pass

    assert "docker-archive:path" in (missing.value.hint or "")


def test_a_stop_ends_the_tool_at_once(tmp_path: Path) -> None:
    """A stop request ends a program that is asked something, together with what it started, and nobody is left."""
    pids = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, time\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{inner.pid}}.')\n"
        "time.sleep(600)\n"
    )
    stop = Cancellation()

    def check() -> None:
        if pids.exists() and pids.read_text().endswith("."):
            stop.request()
        stop.check()

    with pytest.raises(Cancelled):
        ask(python(program), ENVIRONMENT, limit_bytes=1000, seconds=60, check=check)

    mine, its = (int(pid) for pid in pids.read_text().rstrip(".").split())
    assert not is_alive(mine), "the child was not waited for"
    assert until(lambda: not is_alive(its) or Path(f"/proc/{its}/stat").read_text().split()[2] == "Z")


def test_what_a_tool_leaves_running_ends_with_it(tmp_path: Path) -> None:
    """A program that ends well but leaves another behind leaves it no longer than that."""
    pid = tmp_path / "pid"
    program = (
        "import subprocess, sys\n"
        "quiet = subprocess.DEVNULL\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        f"open({str(pid)!r}, 'w').write(str(subprocess.Popen(sleep, stdout=quiet, stderr=quiet).pid))\n"
    )

    answer = ask(python(program), ENVIRONMENT, limit_bytes=1000, seconds=60, check=never)

    left = int(pid.read_text())
    assert answer.code == 0
    assert until(lambda: not is_alive(left) or Path(f"/proc/{left}/stat").read_text().split()[2] == "Z")
