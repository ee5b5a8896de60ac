"""The plan for a reader: a table on a wide terminal, two lines an artifact on a narrow one, aligned text in a pipe.

Ids are never cut: where a table does not fit, the layout changes instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from publisher.model import Certainty
from publisher.plan import Action, Plan, PlanRow
from publisher.plan_document import summarize
from publisher.reasons import HINTS, Reason
from publisher.views.console import is_unicode, print_indented, print_sentence
from publisher.views.text import safe_lines, safe_text, size_text
from publisher.views.wording import ACTION_STYLES

HEADINGS = ("action", "id", "reason", "certainty", "source", "upload", "line")
_TO_THE_RIGHT = frozenset({"source", "upload", "line"})
_GAP = 2


Details = Callable[[PlanRow], list[str]]
"""The lines below a row."""


def render_plan(plan: Plan, console: Console, *, apply_command: str | None = None, verbose: bool = False) -> None:
    """Print the plan and, last, what it comes to and what to do next.

    `apply_command` is what a person would run to apply it; by default `publish apply` with the manifest's path.
    """

    def details(row: PlanRow) -> list[str]:
        return [*plan_details(row), *(row_facts(row) if verbose else ())]

    cells = [plan_cells(row) for row in plan.rows]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
    is_wide_enough = sum(widths) + _GAP * len(widths) <= console.width
    if not cells:
        pass
    elif not console.is_terminal:
        _print_aligned(plan, cells, widths, console, details)
    elif is_wide_enough:
        _print_table(plan, cells, console, details)
    else:
        _print_stacked(plan, cells, console, details)
    print_sentence(plan_sentence(plan, apply_command=apply_command), console, style="bold")


def plan_cells(row: PlanRow) -> tuple[str, ...]:
    """Return the texts of one row under `HEADINGS`."""
    return (
        str(row.action),
        safe_text(str(row.id)),
        str(row.reason),
        str(row.certainty),
        size_text(row.source.size_bytes) if row.source else "-",
        size_text(row.upload_bytes) if row.upload_bytes else "-",
        str(row.artifact.line or "-"),
    )


def plan_details(row: PlanRow) -> Iterator[str]:
    """Yield the lines that explain a blocked row, and what is worth a look of any row."""
    if row.action is Action.BLOCKED:
        failure = row.observation.failure
        yield from safe_lines(row.observation.detail or (failure.message if failure else ""))
        hint = failure.hint if failure and failure.hint else HINTS.get(row.reason)
        if hint:
            yield from safe_lines(f"hint: {hint}")
    for note in row.observation.notes:
        yield from safe_lines(f"warning: {note}")


def row_facts(row: PlanRow) -> Iterator[str]:
    """Yield what `--verbose` adds to a row: its source's digest, and what the destination says of it."""
    source, observation = row.source, row.observation
    if source is not None:
        yield f"source {safe_text(row.artifact.source.shown)}  sha256 {source.sha256.hex}"
    if row.action is not Action.BLOCKED and observation.detail:
        yield from safe_lines(f"destination: {observation.detail}")
    if (there := observation.object) is not None:
        where = there.cdn_url or there.url or there.key or there.version_id or "-"
        yield f"object {safe_text(where)}  sha256 {there.sha256 or '-'}"


def plan_sentence(plan: Plan, *, apply_command: str | None = None) -> str:
    """Return the last line: `2 to create, 1 blocked; run ...`."""
    counts = summarize(plan)
    if not counts.total:
        return "the manifest has no artifacts: nothing to do"
    parts = (
        (counts.create, "to create"),
        (counts.finish, "to finish"),
        (counts.skip, "already registered"),
        (counts.blocked, "blocked"),
    )
    what = ", ".join(f"{count} {words}" for count, words in parts if count)
    if counts.upload_bytes:
        what += f" ({size_text(counts.upload_bytes)} to upload, before compression)"
    if any(row.needs_work and row.certainty is Certainty.UNKNOWN for row in plan.rows):
        what += "; no destination was asked"
    return f"{what}; {_next_step(plan, apply_command)}"


def _next_step(plan: Plan, apply_command: str | None) -> str:
    if any(row.reason is Reason.SOURCE_MISSING for row in plan.rows):
        return "apply publishes nothing while a source is missing"
    if plan.has_work:
        command = apply_command or f"publish apply {shlex.quote(safe_text(plan.manifest_path))}"
        rest = ", which leaves what is blocked alone" if plan.is_blocked else ""
        return f"run `{command}`{rest}"
    return "see the lines above for what each blocked artifact needs" if plan.is_blocked else "nothing to do"


def _print_aligned(
    plan: Plan, cells: list[tuple[str, ...]], widths: list[int], console: Console, details: Details
) -> None:
    lines = []
    for index, texts in enumerate((HEADINGS, *cells)):
        padded = (
            text.rjust(width) if heading in _TO_THE_RIGHT else text.ljust(width)
            for heading, text, width in zip(HEADINGS, texts, widths, strict=True)
        )
        lines.append((" " * _GAP).join(padded).rstrip())
        if index:
            lines += [" " * (widths[0] + _GAP) + line for line in details(plan.rows[index - 1])]
    # All at once: a plan may have ten thousand rows, and printing one costs more than deciding it.
    console.print("\n".join(lines), soft_wrap=True)
    console.print()


def _print_table(plan: Plan, cells: list[tuple[str, ...]], console: Console, details: Details) -> None:
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold"
    )
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in _TO_THE_RIGHT else "left", no_wrap=True)
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
