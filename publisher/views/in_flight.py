"""The live rows of artifacts in flight, one line each where the terminal is wide enough, else two."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.progress import Task
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from publisher.views.text import duration_text, size_text

BAR_MIN, BAR_MAX = 8, 30
_STEP, _NARROW_STEP, _BYTES, _SPEED = 12, 9, 23, 12
_PERCENT = 4
_BESIDE_BAR = _STEP + _BYTES + _SPEED + 8
"""Columns taken by step, bytes, speed and the gaps of a full row."""


def in_flight_rows(tasks: Sequence[Task], *, width: int, height: int) -> list[RenderableType]:
    """Return the rows that fit into `height` lines, and how many more there are.

    Tasks have the fields `step` (str), `attempt` (int) and `is_counted` (bool: bytes are counted in this step).
    """
    if not tasks:
        return []
    id_width = max(len(task.description) for task in tasks)
    if id_width + _BESIDE_BAR + BAR_MIN <= width:
        shown = _fitting(tasks, height)
        rows: list[RenderableType] = [_wide(shown, bar=min(BAR_MAX, width - id_width - _BESIDE_BAR))]
    else:
        shown = _fitting(tasks, height // (1 + -(-id_width // width)))
        rows = [part for task in shown for part in _narrow(task, width=width)]
    if len(shown) < len(tasks):
        rows.append(Text(f"and {len(tasks) - len(shown)} more in flight", style="dim"))
    return rows


def _fitting(tasks: Sequence[Task], count: int) -> Sequence[Task]:
    return tasks if len(tasks) <= count else tasks[: max(count - 1, 1)]


def _wide(tasks: Sequence[Task], *, bar: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=_STEP)
    table.add_column(width=bar)
    table.add_column(no_wrap=True, justify="right", min_width=_BYTES)
    table.add_column(no_wrap=True, justify="right", min_width=_SPEED)
    for task in tasks:
        table.add_row(
            Text(task.description), _step(task), _bar(task, bar), Text(_bytes(task)), Text(_speed(task), style="cyan")
        )
    return table


def _narrow(task: Task, *, width: int) -> list[RenderableType]:
    """Return the id, folded if need be, and below it what fits beside a bar: bytes, else a share."""
    has_room = width >= _BESIDE_BAR + BAR_MIN
    amount_width = _BYTES if has_room else _PERCENT
    bar = max(BAR_MIN, min(BAR_MAX, width - _NARROW_STEP - amount_width - _SPEED - 8))
    detail = Table.grid(padding=(0, 1, 0, 0))
    detail.add_column(width=1)
    detail.add_column(no_wrap=True, min_width=_NARROW_STEP)
    detail.add_column(width=bar)
    detail.add_column(no_wrap=True, justify="right", min_width=amount_width)
    detail.add_column(no_wrap=True, justify="right")
    amount = _bytes(task) if has_room or not task.fields["is_counted"] else f"{task.percentage:.0f}%"
    detail.add_row("", _step(task), _bar(task, bar), Text(amount), Text(_speed(task), style="cyan"))
    return [Text(task.description, overflow="fold"), detail]


def _step(task: Task) -> Text:
    attempt = task.fields["attempt"]
    return Text(f"{task.fields['step']} ({attempt})" if attempt > 1 else task.fields["step"], style="bold")


def _bar(task: Task, width: int) -> RenderableType:
    if not task.fields["is_counted"]:
        return Text("")
    return ProgressBar(
        total=max(task.total or 0, 1),
        completed=task.completed,
        width=width,
        complete_style="cyan",
        finished_style="green",
    )


def _bytes(task: Task) -> str:
    if not task.fields["is_counted"]:
        return duration_text(task.elapsed or 0.0)
    return f"{size_text(int(task.completed))} / {size_text(int(task.total or 0))}"


def _speed(task: Task) -> str:
    return f"{size_text(int(task.speed))}/s" if task.speed and task.fields["is_counted"] else ""
