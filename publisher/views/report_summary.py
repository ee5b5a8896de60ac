"""The end of a run for a person: what failed and why, then one line with what happened and what to do next."""

from __future__ import annotations

from publisher.exit_codes import ExitCode
from publisher.model import Status
from publisher.report import ArtifactReport, ObjectReport, Report, Summary
from publisher.views.error_lines import error_lines
from publisher.views.listing import Line, render_lines, render_listing
from publisher.views.printing import Printer
from publisher.views.text import duration_text, safe_lines, safe_text, size_text
from publisher.views.wording import STATUS_MARKS

NEEDS_ATTENTION = frozenset({Status.FAILED, Status.BLOCKED, Status.CANCELLED})

NEXT_STEPS: dict[int, str] = {
    ExitCode.FAILED: "run the same command again: what is registered is skipped",
    ExitCode.INPUT: "fix the input named above, then run the same command again",
    ExitCode.CREDENTIALS: "renew the credentials, then run the same command again",
    ExitCode.NEEDS_A_PERSON: "a person must decide about what is named above; running again does not settle it",
    ExitCode.STALE_PLAN: "make a new plan, then apply it",
    ExitCode.UNKNOWN_OUTCOME: "run the same command again: it settles what got no answer",
    ExitCode.SIGHUP: "interrupted: run the same command again to go on",
    ExitCode.SIGINT: "interrupted: run the same command again to go on",
    ExitCode.SIGTERM: "interrupted: run the same command again to go on",
}


def render_report(report: Report, printer: Printer, *, report_path: str | None = None) -> None:
    """Print what needs attention, notes, and the last line. `report_path` is where the JSON report lies."""
    if report.error:
        render_lines(error_lines(report.error), printer)
    for entry in report.artifacts:
        _render_entry(entry, printer)
    for destination in report.destinations:
        for note in destination.notes:
            printer.indented(f"{safe_text(destination.name)}: {safe_text(note)}", indent=0)
    if report.exit_code and not report.error:
        printer.sentence(next_step(report.exit_code), style="yellow")
    where = f"; report: {safe_text(report_path)}" if report_path else ""
    last = f"{summary_sentence(report.summary)} in {duration_text(report.summary.seconds)}{where}"
    printer.sentence(last, style="bold red" if report.exit_code else "bold green")


def render_details(report: Report, printer: Printer) -> None:
    """Print where each artifact's object lies, its digests and how long each step took."""
    for entry in report.artifacts:
        lines = [Line("source", f"{entry.source.path}  sha256 {entry.source.sha256 or '-'}")]
        if entry.object:
            lines += _object_lines(entry.object)
        if entry.seconds:
            lines.append(Line("seconds", ", ".join(f"{step} {spent:.2f}" for step, spent in entry.seconds.items())))
        render_listing(f"{entry.id}  {entry.status} ({entry.reason})", lines, printer)


def _object_lines(stored: ObjectReport) -> list[Line]:
    digest = f"sha256 {stored.sha256 or '-'}"
    named = {"cdn_url": stored.cdn_url, "url": stored.url, "version": stored.version_id}
    first = Line("object", f"{stored.key}  {digest}") if stored.key else Line("content", digest)
    return [first, *(Line(name, value) for name, value in named.items() if value)]


def next_step(exit_code: int) -> str:
    """Return what a person does after this exit code; an unknown one is a failure."""
    return NEXT_STEPS.get(exit_code, "see the report")


def summary_sentence(summary: Summary) -> str:
    """Return the counts that are not zero: `3 published (1.2 MiB sent), 1 already registered, 1 failed`."""
    if not summary.total:
        return "nothing was done"
    sent = f" ({size_text(summary.uploaded_bytes)} sent)" if summary.uploaded_bytes else ""
    parts = (
        (summary.published, f"published{sent}"),
        (summary.adopted, "finished from what was there"),
        (summary.skipped, "already registered"),
        (summary.failed, "failed"),
        (summary.blocked, "blocked"),
        (summary.cancelled, "cancelled"),
    )
    return ", ".join(f"{count} {words}" for count, words in parts if count)


def _render_entry(entry: ArtifactReport, printer: Printer) -> None:
    if entry.status not in NEEDS_ATTENTION and not entry.notes:
        return
    mark = STATUS_MARKS[entry.status]
    sign = mark.sign if printer.is_unicode else mark.ascii
    printer.line((f"{sign} {entry.status} ", mark.style), safe_text(entry.id), (f" {entry.reason}", "dim"))
    lines = safe_lines(entry.error.message) if entry.error else []
    if entry.error and entry.error.hint:
        lines += safe_lines(f"hint: {entry.error.hint}")
    lines += [f"note: {safe_text(note)}" for note in entry.notes]
    for line in lines:
        printer.indented(line, indent=4)
