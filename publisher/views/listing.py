"""Label and value lines with a mark, for the commands that look and tell: doctor, verify, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.table import Table
from rich.text import Text

from publisher.views.console import is_unicode
from publisher.views.text import safe_lines, safe_text
from publisher.views.wording import Mark


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


def render_listing(title: str, lines: Sequence[Line], console: Console) -> None:
    """Print the title and the lines, labels aligned. In a pipe marks are words and nothing is wrapped."""
    console.print(Text(safe_text(title), style="bold"), soft_wrap=True)
    if console.is_terminal:
        _print_grid(lines, console)
        return
    label_width = max((len(safe_text(line.label)) for line in lines), default=0)
    for line in lines:
        lead = f"  {line.verdict.value.ascii:4}  {safe_text(line.label).ljust(label_width)}  "
        for value in safe_lines(line.value) or [""]:
            console.print((lead + value).rstrip(), soft_wrap=True)
            lead = " " * len(lead)


def _print_grid(lines: Sequence[Line], console: Console) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_column(overflow="fold")
    for line in lines:
        mark = line.verdict.value
        sign = mark.sign if is_unicode(console) else mark.ascii
        values = "\n".join(safe_lines(line.value))
        grid.add_row(Text("  " + sign, style=mark.style), Text(safe_text(line.label)), Text(values))
    console.print(grid)


def render_lines(lines: Sequence[str], console: Console) -> None:
    """Print lines that somebody else has rendered, literally; a leading `error:`, `warning:` or `hint:` is styled."""
    styles = {"error:": "bold red", "warning:": "bold yellow", "hint:": "cyan"}
    for line in lines:
        text = Text(safe_text(line))
        word = line.partition(" ")[0]
        if word in styles:
            text.stylize(styles[word], 0, len(word))
        console.print(text, soft_wrap=True)
