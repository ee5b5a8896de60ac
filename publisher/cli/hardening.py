"""What a process does that will hold keys: it leaves no core dump, and no other process of its user may look into it.

Best effort: where the system has no such switch, nothing happens. Memory that is swapped out is out of scope.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Switch core dumps off for this process and its children, and debuggers and /proc/PID/mem for this process."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A limit of 0 keeps no kernel from handing the dump to a collector (core_pattern with a pipe); this does.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
