"""The one way a rich console is made here: no markup, no guessing, a stream that cannot fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from publisher.views.printing import Piece
from publisher.views.stream import forgiving


def human_console(
    stream: TextIO,
    *,
    is_terminal: bool,
    environment: Mapping[str, str],
    no_color: bool = False,
    width: int | None = None,
) -> Console:
    """Return a console that prints text literally to `stream`.

    `environment` gives TERM, COLUMNS and NO_COLOR; `width` (columns) overrides what the terminal says.
    """
    return Console(
        file=forgiving(stream),
        force_terminal=is_terminal,
        no_color=True if no_color else None,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ=environment,
    )


def is_unicode(console: Console) -> bool:
    """Tell whether the console's encoding has marks and box lines."""
    return console.encoding.lower().startswith("utf")


def print_indented(line: str, console: Console, *, indent: int, style: str = "") -> None:
    """Print a line of text indented: wrapped below itself on a terminal, in one piece in a pipe."""
    if console.is_terminal:
        console.print(Padding(Text(line, style=style), (0, 0, 0, indent), expand=False))
    else:
        console.print(" " * indent + line, style=style, soft_wrap=True)


def print_sentence(text: str, console: Console, *, style: str = "") -> None:
    """Print a line that names no id: wrapped between words on a terminal, in one piece in a pipe."""
    console.print(text, style=style, soft_wrap=not console.is_terminal)


def print_about(lead: Text, text: str, console: Console, *, style: str = "") -> None:
    """Print `lead`, which ends in an id and is never wrapped by us, and what is said of it: beside it, else below."""
    if len(lead) + 1 + len(text) <= console.width or not console.is_terminal:
        console.print(Text.assemble(lead, " ", (text, style)), soft_wrap=True)
    else:
        console.print(lead, soft_wrap=True)
        print_indented(text, console, indent=4, style=style)


class Terminal:
    """A printer on a rich console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @property
    def is_unicode(self) -> bool:
        return is_unicode(self.console)

    def line(self, *pieces: Piece) -> None:
        self.console.print(Text.assemble(*pieces), soft_wrap=True)

    def indented(self, text: str, *, indent: int, style: str = "") -> None:
        print_indented(text, self.console, indent=indent, style=style)

    def sentence(self, text: str, *, style: str = "") -> None:
        print_sentence(text, self.console, style=style)
