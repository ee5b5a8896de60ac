"""A text stream whose failures are nobody's business: a closed pipe silences it, a missing character is replaced.

A view that cannot write must not end a publish; whoever needs the facts has the report.
"""

from __future__ import annotations

import io
import os
from typing import TextIO, cast


class _Forgiving(io.TextIOBase):
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._gone = False

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute here
        return self._encoding

    def isatty(self) -> bool:
        return not self._gone and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                self._stream.write(text.encode(self._encoding, "replace").decode(self._encoding))
            except (OSError, ValueError):
                self._abandon()
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._abandon()

    def _abandon(self) -> None:
        """Go silent, and point the descriptor at nothing: Python flushes what is left once more when it exits."""
        self._gone = True
        try:
            descriptor = self._stream.fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        except (OSError, ValueError):
            return


def forgiving(stream: TextIO) -> TextIO:
    """Return a stream over `stream` that replaces what its encoding lacks and goes silent once a write fails."""
    return stream if isinstance(stream, _Forgiving) else cast(TextIO, _Forgiving(stream))
