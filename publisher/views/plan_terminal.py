"""The plan on a terminal: a table where it fits, else two lines an artifact."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from publisher.plan import Plan, PlanRow
from publisher.views.console import is_unicode, print_indented
from publisher.views.plan_table import GAP, HEADINGS, TO_THE_RIGHT, Details
from publisher.views.text import size_text
from publisher.views.wording import ACTION_STYLES


def print_plan(plan: Plan, cells: list[tuple[str, ...]], widths: list[int], console: Console, details: Details) -> None:
    """Print the rows of a plan. `cells` are their texts, `widths` those of the columns."""
    if sum(widths) + GAP * len(widths) <= console.width:
        _print_table(plan, cells, console, details)
    else:
        _print_stacked(plan, cells, console, details)


def _print_table(plan: Plan, cells: list[tuple[str, ...]], console: Console, details: Details) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in TO_THE_RIGHT else "left", no_wrap=True)
    for row, texts in zip(plan.rows, cells, strict=True):
        table.add_row(Text(texts[0], style=ACTION_STYLES[row.action]), *(Text(text) for text in texts[1:]))
    console.print(table)
    console.print()
    for row, texts in zip(plan.rows, cells, strict=True):
        _print_details(row, console, details(row), heading=texts[1])


def _print_stacked(plan: Plan, cells: list[tuple[str, ...]], console: Console, details: Details) -> None:
    dot = " · " if is_unicode(console) else ", "
    for row, texts in zip(plan.rows, cells, strict=True):
        console.print(Text.assemble((f"{row.action} ", ACTION_STYLES[row.action]), texts[1]), soft_wrap=True)
        facts = [str(row.reason), str(row.certainty)]
        facts += [f"{size_text(row.upload_bytes)} to upload"] if row.upload_bytes else []
        facts += [f"line {row.artifact.line}"] if row.artifact.line else []
        for line in _joined(facts, dot=dot, width=console.width - 2):
            print_indented(line, console, indent=2, style="dim")
        for line in details(row):
            print_indented(line, console, indent=2, style="yellow")
    console.print()


def _joined(parts: list[str], *, dot: str, width: int) -> list[str]:
    """Join the parts into lines of at most `width` columns, breaking between parts only."""
    lines = parts[:1]
    for part in parts[1:]:
        longer = lines[-1] + dot + part
        lines[-1:] = [longer] if len(longer) <= width else [lines[-1], part]
    return lines


def _print_details(row: PlanRow, console: Console, lines: list[str], *, heading: str) -> None:
    if lines:
        console.print(Text.assemble((f"{row.action} ", ACTION_STYLES[row.action]), heading), soft_wrap=True)
        for line in lines:
            print_indented(line, console, indent=2)
        console.print()
