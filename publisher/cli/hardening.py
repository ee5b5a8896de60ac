"""What a process does that will hold keys: no core dump, no look into it by others, no word of a failure's values.

Best effort: where the system has no such switch, nothing happens. Memory that is swapped out is out of scope.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Switch core dumps off for this process and its children, and debuggers and /proc/PID/mem for this process."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        # A limit of 0 keeps no kernel from handing the dump to a collector (core_pattern with a pipe); this does.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def tell_failures_briefly() -> None:
    """Let what nobody catches, in any thread, be told by its kind and place only: its text may hold anything."""
    logging.raiseExceptions = False
    sys.excepthook = lambda kind, _error, trace: _tell(kind, trace)
    threading.excepthook = lambda failure: _tell(failure.exc_type, failure.exc_traceback)


def _tell(kind: type[BaseException], trace: TracebackType | None) -> None:
    frames = traceback.extract_tb(trace)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"error: internal error: {kind.__name__}{where}\n")
