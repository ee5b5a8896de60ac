"""The process: argv in, exit code out, and no traceback in between."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

from publisher.cli import arkindex, looking, publishing, repairing
from publisher.cli.app import app
from publisher.cli.hardening import tell_failures_briefly
from publisher.cli.options import with_each_tag, with_local_value
from publisher.cli.session import Screen, Style
from publisher.errors import Cancelled, PublisherError
from publisher.exit_codes import ExitCode
from publisher.leftovers import end_leftovers
from publisher.views.stream import forgiving
from publisher.workers import left_behind

COMMANDS = (publishing, arkindex, looking, repairing)
"""The modules whose commands are registered with the application by importing them."""


def end_with_command() -> NoReturn:
    """Run the command line of this process and end it."""
    tell_failures_briefly()
    code = run(sys.argv[1:])
    if left_behind():
        # A thread still waits for a server. The interpreter's own way out would wait for it, too.
        end_leftovers()
        for stream in (sys.stdout, sys.stderr):
            forgiving(stream).flush()
        os._exit(code)
    # The interpreter looks for garbage once more on its way out, among all that was ever imported: a tenth of a start.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Errors are shown on standard error, never as a traceback."""
    try:
        answer = app(with_each_tag(with_local_value(arguments)), standalone_mode=False, prog_name="publish")
    except Cancelled as error:
        Screen(Style(), os.environ).show_error(error)
        return error.exit_code if error.signal is None else 128 + error.signal
    except PublisherError as error:
        Screen(Style(), os.environ).show_error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return int(ExitCode.SIGINT)
    except Exception as error:
        if _is_usage_error(error):
            return int(ExitCode.USAGE)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        sys.stderr.write(f"error: internal error: {type(error).__name__} at {where}\n")
        return int(ExitCode.FAILED)
    return answer if isinstance(answer, int) else int(ExitCode.OK)


def _is_usage_error(error: Exception) -> bool:
    """Show what typer says of a wrong command line. Its exception classes live in a private package."""
    show = getattr(error, "show", None)
    if show is None or not hasattr(error, "format_message"):
        return False
    show(file=sys.stderr)
    return True
