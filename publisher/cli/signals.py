"""SIGINT and SIGTERM as a stop request: the run ends in order and still writes its report.

The second SIGINT leaves at once; the protocol makes that as safe as a power cut.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from publisher.cancellation import Cancellation
from publisher.events import Listener, StopRequested

_SHOW_CURSOR = b"\x1b[?25h\n"
"""A live display has hidden the cursor, and nothing else is left to bring it back."""


@contextlib.contextmanager
def stop_on_signals(cancellation: Cancellation, emit: Listener) -> Iterator[None]:
    """Turn the first signal into a stop request while the block runs, and tell so. Only in the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if cancellation.signal is not None and number == signal.SIGINT:
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR)
            os._exit(128 + number)
        cancellation.request(number)

    def tell() -> None:
        cancellation.event.wait()
        if cancellation.signal is not None:
            emit(StopRequested(signal.Signals(cancellation.signal).name))
        elif cancellation.requested:
            emit(StopRequested("the time budget of --timeout is used up"))

    # A handler must not wait for the lock around a listener, so another thread does the telling.
    threading.Thread(target=tell, name="stop", daemon=True).start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stop_after(seconds: float | None, cancellation: Cancellation) -> Iterator[None]:
    """Request a stop after `seconds`; with None, never. What is past the point of no return is finished."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, cancellation.request)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
