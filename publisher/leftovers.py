"""What must not outlive this process, programs it started and files of plaintext: ended by whoever leaves in a hurry.

In the usual case each is ended where it was made, when its block ends. A process that leaves without waiting for its
threads (`workers.left_behind`) never gets there, and calls `end_leftovers` instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

_leftovers: dict[object, Callable[[], None]] = {}


@contextlib.contextmanager
def ended_at_last(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` once: when the block ends, or before, when the process does."""
    token = object()
    _leftovers[token] = end
    try:
        yield
    finally:
        # Taking it out is atomic, so that only one of two threads ends it.
        if _leftovers.pop(token, None) is not None:
            end()


def end_leftovers() -> None:
    """End everything that is left, the youngest first. Errors are of no use to a process that leaves."""
    while _leftovers:
        try:
            _, end = _leftovers.popitem()
        except KeyError:
            return
        with contextlib.suppress(Exception):
            end()
