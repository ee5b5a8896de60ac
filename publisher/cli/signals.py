"""SIGINT, SIGTERM and SIGHUP as a stop request: the run ends in order and still writes its report.

A second signal leaves at once: nothing is finished any more, and if the report is not written within `LEAVE_S`, the
process ends without it. The protocol makes that as safe as a power cut. Signals that the parent process ignores (nohup,
a shell's background job) stay ignored.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from publisher.cancellation import Cancellation

if TYPE_CHECKING:
    from publisher.events import Listener

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEATED_WITHIN_S = 0.3
"""What comes so soon after the first signal is that one, sent twice: by `timeout`, or by a wrapper and its terminal."""

LEAVE_S = 1.0

_LEAVING = b"leaving at once; running the same command again settles what was under way\n"
_SHOW_CURSOR = b"\x1b[?25h\n"
"""A live display has hidden the cursor, and nothing else is left to bring it back."""


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Cancellation]:
    """Yield a token that the first signal turns into a stop request, and the second into haste. Main thread only.

    Another thread reads the signals, so that the main thread may wait for anything and hold any lock meanwhile.
    """
    cancellation = Cancellation()
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    caught = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _leave_it_to_the_reader) for number in caught}
    descriptor_before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    reader = threading.Thread(target=_read, args=(reading, cancellation), name="signals", daemon=True)
    reader.start()
    try:
        yield cancellation
    finally:
        signal.set_wakeup_fd(descriptor_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        writing.close()
        reader.join()
        reading.close()


@contextlib.contextmanager
def telling_of_stops(cancellation: Cancellation, emit: Listener) -> Iterator[None]:
    """Tell of a stop request as soon as there is one."""
    from publisher.events import StopRequested

    over = threading.Event()

    def tell() -> None:
        cancellation.event.wait()
        if over.is_set():
            return
        if cancellation.signal is not None:
            emit(StopRequested(signal.Signals(cancellation.signal).name))
        else:
            emit(StopRequested("the time budget of --timeout is used up"))

    threading.Thread(target=tell, name="stop", daemon=True).start()
    try:
        yield
    finally:
        over.set()


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


def _leave_it_to_the_reader(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: having a handler is what makes Python write the signal's number to the wakeup descriptor."""


def _read(reading: socket.socket, cancellation: Cancellation) -> None:
    first: int | None = None
    first_at = 0.0
    while received := reading.recv(1):
        number = received[0]
        if number not in SIGNALS:
            continue
        if first is None:
            first, first_at = number, time.monotonic()
            cancellation.request(number)
        elif time.monotonic() - first_at >= REPEATED_WITHIN_S:
            cancellation.hurry()
            _say(_LEAVING)
            if _ends_in_time(reading):
                return
            if os.isatty(2):
                _say(_SHOW_CURSOR)
            os._exit(128 + first)


def _ends_in_time(reading: socket.socket) -> bool:
    """Wait for the end of the block: False after `LEAVE_S`, or if one more signal comes."""
    ends_at = time.monotonic() + LEAVE_S
    while (left_s := ends_at - time.monotonic()) > 0 and select.select([reading], [], [], left_s)[0]:
        received = reading.recv(1)
        if not received:
            return True
        if received[0] in SIGNALS:
            return False
    return False


def _say(text: bytes) -> None:
    """Write to standard error if that is possible right now: nobody may read it any more."""
    with contextlib.suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text)
