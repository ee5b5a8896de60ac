"""Plan and report as Markdown, for a pull-request comment and a CI system's job summary.

Every text of a manifest, a file or a destination is escaped: it can start no markup, no HTML, no cell, no mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from publisher.plan import Plan
from publisher.report import Report
from publisher.views.error_lines import error_lines
from publisher.views.plan_table import HEADINGS, plan_cells, plan_details, plan_sentence
from publisher.views.report_summary import NEEDS_ATTENTION, next_step, summary_sentence
from publisher.views.text import duration_text, safe_text, size_text

MAX_CHARACTERS = 60_000
"""A little under what GitHub takes as a comment (65,536 characters)."""

_SPECIAL = re.compile(r"[\\`*_\[\]~$|<>&]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}


def escape(text: str) -> str:
    """Return `text` as one line of literal Markdown, fit for a table cell."""
    escaped = _SPECIAL.sub(lambda match: _ENTITIES.get(match[0], "\\" + match[0]), safe_text(text))
    return escaped.replace("@", "@&#8203;")


def code(text: str) -> str:
    """Return `text` as a code span, fit for a table cell. A backtick in it is shown as an apostrophe."""
    return "`" + safe_text(text).replace("`", "'").replace("|", "\\|") + "`"


def plan_markdown(plan: Plan, *, apply_command: str | None = None) -> str:
    """Return a heading, a table row an artifact, what is blocked and why, and the sentence of the plan."""
    release = f", release {code(plan.release)}" if plan.release else ""
    rows = [[cells[0], code(cells[1]), code(cells[2]), *cells[3:]] for cells in (plan_cells(row) for row in plan.rows)]
    details = [_detail(code(str(row.id)), lines) for row in plan.rows if (lines := list(plan_details(row)))]
    last = plan_sentence(plan, apply_command=apply_command)
    words, _, command = last.partition("`")
    sentence = escape(words) + (code(command.partition("`")[0]) + escape(command.partition("`")[2]) if command else "")
    return _document(
        f"### Plan of {code(plan.manifest_path)}{release}",
        _table(HEADINGS, rows, right={"source", "upload", "line"}) if rows else [],
        details,
        f"**{sentence}**" if not command else sentence,
    )


def report_markdown(report: Report) -> str:
    """Return a heading, a table row an artifact, what needs attention and why, and the counts."""
    rows = [
        [
            str(entry.status),
            code(entry.id),
            code(entry.reason),
            size_text(entry.source.size_bytes) if entry.source.size_bytes is not None else "-",
            duration_text(entry.seconds["total"]) if "total" in entry.seconds else "-",
        ]
        for entry in report.artifacts
    ]
    details = [
        _detail(code(entry.id), (line.removeprefix("error: ") for line in error_lines(entry.error)))
        for entry in report.artifacts
        if entry.error and entry.status in NEEDS_ATTENTION
    ]
    details += [_detail(code(item.name), item.notes) for item in report.destinations if item.notes]
    if report.error:
        details.insert(0, _detail("the whole run", error_lines(report.error)))
    what_next = f"; {next_step(report.exit_code)}" if report.exit_code and not report.error else ""
    release = f", release {code(report.manifest.release)}" if report.manifest.release else ""
    took = duration_text(report.summary.seconds)
    return _document(
        f"### Report of {code(report.manifest.path)}{release}",
        _table(("status", "id", "reason", "source", "time"), rows, right={"source", "time"}) if rows else [],
        details,
        f"**{escape(summary_sentence(report.summary))}** in {took}{what_next} (exit code {report.exit_code})",
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[str]) -> list[str]:
    ruler = ["---:" if heading in right else "---" for heading in headings]
    return ["| " + " | ".join(cells) + " |" for cells in (headings, ruler, *rows)]


def _detail(about: str, lines: Iterable[str]) -> str:
    return f"- {about}: " + "<br>".join(escape(line) for line in lines)


def _document(heading: str, table: list[str], details: list[str], last: str) -> str:
    """Put the parts together, leaving out what would not fit and saying so. Details come before rows of the table."""
    room = MAX_CHARACTERS - len(heading) - len(last) - 200
    kept_details = _fitting(details, room // 2)
    kept_rows = _fitting(table, room - sum(len(line) + 1 for line in kept_details))
    more_rows = len(table) - len(kept_rows)
    more_details = len(details) - len(kept_details)
    blocks = [
        heading,
        "\n".join(kept_rows),
        f"and {more_rows} more artifacts" if more_rows else "",
        "\n".join(kept_details + ([f"- and {more_details} more"] if more_details else [])),
        last,
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _fitting(lines: list[str], room: int) -> list[str]:
    used = 0
    for count, line in enumerate(lines):
        used += len(line) + 1
        if used > room:
            return lines[:count]
    return lines
