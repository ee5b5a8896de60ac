"""Asks a checkout's git a question, safely: the only place that runs `git`.

No shell, no hook, no network, no pager, bounded time, and an environment made anew. It never overrides git's ownership
check. What git says on standard error is classified and never passed on: it may quote paths and addresses.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TIMEOUT_S = 5.0

_SETTINGS = (
    "protocol.allow=never",
    "core.fsmonitor=false",
    "i18n.logOutputEncoding=UTF-8",
)


class GitProblem(StrEnum):
    """Why git gave no answer; the values are the words of messages."""

    NOT_INSTALLED = "git is not installed"
    NO_FOLDER = "there is no such folder"
    NO_REPOSITORY = "it is in no git repository"
    NOT_TRUSTED = "git does not trust the repository, because another user owns it"
    TOO_SLOW = "git took too long"
    REFUSED = "git has no answer"


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What git printed, or None and the reason. Bytes that are not UTF-8 are replaced."""

    text: str | None
    problem: GitProblem | None = None


def ask_git(folder: Path, environment: Mapping[str, str], *arguments: str) -> GitAnswer:
    """Run `git ARGUMENTS` in `folder` for what it prints; a question, never a change. Never raises.

    No GIT_* variable of the environment points elsewhere; HOME stays, because CI systems state there which checkouts
    are to be trusted. A partial clone must not fetch what it lacks: no transport is allowed. No hook runs either,
    because without optional locks no index is written.
    """
    kept = {name: environment[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME") if environment.get(name)}
    settings = [option for setting in _SETTINGS for option in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *settings, "-C", str(folder), *arguments],
            env={"PATH": os.defpath, **kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return GitAnswer(None, GitProblem.TOO_SLOW)
    except FileNotFoundError:
        return GitAnswer(None, GitProblem.NOT_INSTALLED)
    except (OSError, ValueError, subprocess.SubprocessError):
        return GitAnswer(None, GitProblem.REFUSED)
    if done.returncode == 0:
        return GitAnswer(done.stdout.decode("utf-8", "replace"))
    return GitAnswer(None, _problem(done.stderr))


def _problem(said: bytes) -> GitProblem:
    """Return what git's English message means: it has one exit status for most of its failures."""
    if b"dubious ownership" in said:
        return GitProblem.NOT_TRUSTED
    if b"not a git repository" in said:
        return GitProblem.NO_REPOSITORY
    if b"cannot change to" in said:
        return GitProblem.NO_FOLDER
    return GitProblem.REFUSED
