"""How time grows with bytes and with artifacts, as one SVG: two panels with logarithmic axes, nothing to install."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmark.cases.growth import ARTIFACTS, BYTES, BYTES_SIMPLE
from tests.benchmark.results import Point, Results

_WIDTH, _HEIGHT, _MARGIN, _GAP = 400, 300, 62, 40
_OURS, _OTHER, _INK, _GRID = "#0b6e99", "#b5542b", "#333333", "#dddddd"


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic scale from value to place."""

    least: float
    most: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return self.start + share * (self.end - self.start)


def svg(results: Results) -> str:
    """Return the plot, or an empty one where no series has two points."""
    total = 2 * _WIDTH + _GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">',
        "<title>Wall time of publish apply against bytes and against artifacts</title>",
        f'<rect width="{total}" height="{_HEIGHT}" fill="white"/>',
    ]
    simple = _series(results, BYTES_SIMPLE)
    lines += _panel(0, "one artifact, GiB", _series(results, BYTES), simple, unit=2**30)
    lines += _panel(_WIDTH + _GAP, "artifacts of 4 KiB", _series(results, ARTIFACTS), [], unit=1)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _series(results: Results, name: str) -> list[Point]:
    return [point for point in results.points if point.series == name]


def _panel(left: int, title: str, ours: Sequence[Point], other: Sequence[Point], *, unit: int) -> Iterator[str]:
    points = [*ours, *other]
    if len(ours) < 2:
        return
    x = Axis(min(p.x for p in points), max(p.x for p in points), left + _MARGIN, left + _WIDTH - 28)
    times = [point.wall_s for point in points]
    y = Axis(_round_down(min(times)), _round_up(max(times)), _HEIGHT - 46, 34)
    yield from _grid(x, y, sorted({point.x for point in points}), unit=unit)
    yield f'<text x="{left + _MARGIN}" y="20" font-weight="bold">seconds for {title}</text>'
    yield from _line(x, y, other, _OTHER, "simple script")
    yield from _line(x, y, ours, _OURS, "publish apply")


def _grid(x: Axis, y: Axis, sizes: Sequence[int], *, unit: int) -> Iterator[str]:
    value = y.least
    while value <= y.most * 1.001:
        place = y.at(value)
        yield f'<line x1="{x.start:.1f}" x2="{x.end:.1f}" y1="{place:.1f}" y2="{place:.1f}" stroke="{_GRID}"/>'
        yield f'<text x="{x.start - 8:.1f}" y="{place + 4:.1f}" text-anchor="end">{value:g}</text>'
        value *= 10
    for size in sizes:
        place = x.at(size)
        yield f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{y.start:.1f}" y2="{y.start + 5:.1f}" stroke="{_INK}"/>'
        yield f'<text x="{place:.1f}" y="{y.start + 20:.1f}" text-anchor="middle">{_short(size / unit)}</text>'


def _line(x: Axis, y: Axis, points: Sequence[Point], colour: str, name: str) -> Iterator[str]:
    if not points:
        return
    places = [(x.at(point.x), y.at(point.wall_s)) for point in points]
    yield f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}"/>'
    for a, b in places:
        yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>'
    a, b = places[-1]
    yield f'<text x="{a:.1f}" y="{b - 10:.1f}" text-anchor="end" fill="{colour}">{name}</text>'


def _short(value: float) -> str:
    return f"1/{1 / value:.0f}" if value < 1 else f"{value:,.0f}"


def _round_down(value: float) -> float:
    return 10.0 ** math.floor(math.log10(value))


def _round_up(value: float) -> float:
    return 10.0 ** math.ceil(math.log10(value) + 0.001)
