"""Where lines for people are printed: into a pipe, one after the other and unstyled, or on a terminal.

A pipe needs no rich, which takes a tenth of a start: jobs publish without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from publisher.views.stream import forgiving

if TYPE_CHECKING:
    from rich.console import Console

Piece = str | tuple[str, str]
"""A text, or a text and its rich style."""


class Printer(Protocol):
    """Prints text literally; a style shows on a terminal only."""

    @property
    def console(self) -> Console | None:
        """The console of a terminal, for what only that can show; None for a pipe."""

    @property
    def is_unicode(self) -> bool:
        """Whether the encoding has marks and box lines."""

    def line(self, *pieces: Piece) -> None:
        """Print the pieces as one line that is never wrapped by us: it may be copied."""

    def indented(self, text: str, *, indent: int, style: str = "") -> None:
        """Print a line indented: wrapped below itself on a terminal, in one piece in a pipe."""

    def sentence(self, text: str, *, style: str = "") -> None:
        """Print a line that names no id: wrapped between words on a terminal, in one piece in a pipe."""


class Pipe:
    """A printer into a file or a pipe. `stream` must be one whose failures are nobody's business."""

    console = None

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def is_unicode(self) -> bool:
        return self._stream.encoding.lower().startswith("utf")

    def line(self, *pieces: Piece) -> None:
        self._stream.write("".join(piece if isinstance(piece, str) else piece[0] for piece in pieces) + "\n")
        self._stream.flush()

    def indented(self, text: str, *, indent: int, style: str = "") -> None:
        self.line(" " * indent, (text, style))

    def sentence(self, text: str, *, style: str = "") -> None:
        self.line((text, style))


def human_printer(
    stream: TextIO,
    *,
    is_terminal: bool,
    environment: Mapping[str, str],
    no_color: bool = False,
    width: int | None = None,
) -> Printer:
    """Return a printer to `stream`, which may fail: it goes silent then.

    `environment` gives a terminal's TERM, COLUMNS and NO_COLOR; `width` (columns) overrides what it says.
    """
    if not is_terminal:
        return Pipe(forgiving(stream))
    from publisher.views.console import Terminal, human_console

    return Terminal(human_console(stream, is_terminal=True, environment=environment, no_color=no_color, width=width))
