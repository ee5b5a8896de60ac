"""The findings as Markdown tables, for a terminal and for the README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.benchmark.results import Results, machine

_MARK = {True: "met", False: "**not met**", None: "not measured"}


def table(results: Results) -> str:
    """Return everything that was found, the machine first."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    facts = machine()
    yield f"{facts['cores']} cores of {facts['processor']}, Python {facts['python']}; medians"
    yield ""
    rows: list[tuple[str, ...]]
    if results.contenders:
        head = ("data", "what", "wall s", "CPU s", "peak MiB", "runs")
        rows = [
            (
                c.data,
                c.name,
                _number(c.typical.wall_s),
                _number(c.typical.cpu_s),
                f"{c.typical.peak_mib:.0f}" if c.typical.peak_mib else "-",
                str(c.typical.runs),
            )
            for c in results.contenders
        ]
        yield from _table(head, rows, right=2)
    if results.findings:
        rows = [(f.goal, f.what, f.measured, f.wanted, _MARK[f.is_met]) for f in sorted(results.findings, key=_order)]
        yield from _table(("goal", "what", "measured", "wanted", ""), rows, right=9)
    if results.points:
        rows = [(p.series, f"{p.x:,}", _number(p.wall_s), f"{p.peak_mib:.0f}") for p in results.points]
        yield from _table(("series", "size", "wall s", "peak MiB"), rows, right=1)
    yield from (f"- {note}" for note in results.notes)


def _order(finding: object) -> int:
    return int(str(getattr(finding, "goal", "P0"))[1:])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: int) -> Iterator[str]:
    """Yield an aligned Markdown table; columns from `right` on are numbers."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(w) if i >= right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    yield line(head)
    yield "|" + "|".join("-" * (w + 1) + (":" if i >= right else "-") for i, w in enumerate(widths)) + "|"
    yield from map(line, rows)
    yield ""


def _number(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
