"""The plan for a reader: a table on a wide terminal, two lines an artifact on a narrow one, aligned text in a pipe.

Ids are never cut: where a table does not fit, the layout changes instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from publisher.model import Certainty
from publisher.plan import Action, Plan, PlanRow
from publisher.reasons import HINTS, Reason
from publisher.views.printing import Printer
from publisher.views.text import safe_lines, safe_text, size_text

HEADINGS = ("action", "id", "reason", "certainty", "source", "upload", "line")
TO_THE_RIGHT = frozenset({"source", "upload", "line"})
GAP = 2
"""Blanks between two columns."""

Details = Callable[[PlanRow], list[str]]
"""The lines below a row."""


def render_plan(plan: Plan, printer: Printer, *, apply_command: str | None = None, verbose: bool = False) -> None:
    """Print the plan and, last, what it comes to and what to do next.

    `apply_command` is what a person would run to apply it; by default `publish apply` with the manifest's path.
    """

    def details(row: PlanRow) -> list[str]:
        return [*plan_details(row), *(row_facts(row) if verbose else ())]

    cells = [plan_cells(row) for row in plan.rows]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
    if not cells:
        pass
    elif printer.console is None:
        _print_aligned(plan, cells, widths, printer, details)
    else:
        from publisher.views.plan_terminal import print_plan

        print_plan(plan, cells, widths, printer.console, details)
    printer.sentence(plan_sentence(plan, apply_command=apply_command), style="bold")


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
    counts = plan.counts()
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
    plan: Plan, cells: list[tuple[str, ...]], widths: list[int], printer: Printer, details: Details
) -> None:
    lines = []
    for index, texts in enumerate((HEADINGS, *cells)):
        padded = (
            text.rjust(width) if heading in TO_THE_RIGHT else text.ljust(width)
            for heading, text, width in zip(HEADINGS, texts, widths, strict=True)
        )
        lines.append((" " * GAP).join(padded).rstrip())
        if index:
            lines += [" " * (widths[0] + GAP) + line for line in details(plan.rows[index - 1])]
    # All at once: a plan may have ten thousand rows, and printing one costs more than deciding it.
    printer.line("\n".join(lines))
    printer.line()
