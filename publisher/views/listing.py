"""Label and value lines with a mark, for the commands that look and tell: doctor, verify, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from publisher.views.printing import Printer
from publisher.views.text import safe_lines, safe_text
from publisher.views.wording import Mark

if TYPE_CHECKING:
    from rich.console import Console


class Verdict(Enum):
    """The mark of a line; `PLAIN` has none."""

    PLAIN = Mark(" ", " ", "")
    OK = Mark("✓", "ok", "green")
    WARN = Mark("!", "warn", "bold yellow")
    FAIL = Mark("✗", "FAIL", "bold red")


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. Further lines of `value` are aligned under its first."""

    label: str
    value: str
    verdict: Verdict = Verdict.PLAIN


def render_listing(title: str, lines: Sequence[Line], printer: Printer) -> None:
    """Print the title and the lines, labels aligned. In a pipe marks are words and nothing is wrapped."""
    printer.line((safe_text(title), "bold"))
    if printer.console is not None:
        _print_grid(lines, printer.console, is_unicode=printer.is_unicode)
        return
    label_width = max((len(safe_text(line.label)) for line in lines), default=0)
    for line in lines:
        lead = f"  {line.verdict.value.ascii:4}  {safe_text(line.label).ljust(label_width)}  "
        for value in safe_lines(line.value) or [""]:
            printer.line((lead + value).rstrip())
            lead = " " * len(lead)


def _print_grid(lines: Sequence[Line], console: Console, *, is_unicode: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_column(overflow="fold")
    for line in lines:
        mark = line.verdict.value
        sign = mark.sign if is_unicode else mark.ascii
        values = "\n".join(safe_lines(line.value))
        grid.add_row(Text("  " + sign, style=mark.style), Text(safe_text(line.label)), Text(values))
    console.print(grid)


def render_lines(lines: Sequence[str], printer: Printer) -> None:
    """Print lines that somebody else has rendered, literally; a leading `error:`, `warning:` or `hint:` is styled."""
    styles = {"error:": "bold red", "warning:": "bold yellow", "hint:": "cyan"}
    for line in lines:
        text = safe_text(line)
        word = line.partition(" ")[0]
        if word in styles:
            printer.line((word, styles[word]), text.removeprefix(word))
        else:
            printer.line(text)
