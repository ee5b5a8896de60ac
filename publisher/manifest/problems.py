"""Collects the problems of one manifest, bounded, so that a hostile file cannot make a flood or a slow answer.

It refuses to raise before it is asked to: all problems are reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from publisher.manifest.diagnostics import Diagnostic, ManifestError, Severity

MAX_DIAGNOSTICS = 100
_MAX_CANDIDATES = 500
_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where a problem is: a line and column from 1, and the path of the field."""

    line: int
    column: int
    field_path: str


class Problems:
    """The list under construction. After `MAX_DIAGNOSTICS` errors the rest are counted only, and no longer worded."""

    def __init__(self, path: Path, source_lines: Sequence[str] = ()) -> None:
        self.path = path
        self.source_lines = source_lines
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._seen: set[tuple[int, int, str, str]] = set()
        self._suppressed = 0

    @property
    def has_errors(self) -> bool:
        return bool(self._errors)

    @property
    def is_full(self) -> bool:
        """Whether a further error is only counted: no need to word it."""
        return len(self._errors) >= MAX_DIAGNOSTICS

    @property
    def count(self) -> int:
        """The number of errors so far, listed or not: compared before and after a step, it says if the step failed."""
        return len(self._errors) + self._suppressed

    def error(self, place: Place, message: str, *, hint: str | None = None, shown_columns: int | None = None) -> None:
        """Add an error. The same message at the same place is kept once."""
        key = (place.line, place.column, place.field_path, message)
        if key in self._seen:
            return
        if self.is_full:
            self._suppressed += 1
            return
        self._seen.add(key)
        self._errors.append(
            Diagnostic(Severity.ERROR, place.line, place.column, place.field_path, message, hint, shown_columns)
        )

    def warning(self, place: Place, message: str, *, hint: str | None = None) -> None:
        self._warnings.append(Diagnostic(Severity.WARNING, place.line, place.column, place.field_path, message, hint))

    def nearest(self, word: str, candidates: Iterable[str]) -> str | None:
        """Return the candidate that may have been meant, or None. Costs nothing once the list is full."""
        if self.is_full or len(word) > _MAX_NAME:
            return None
        known = [candidate for candidate in islice(candidates, _MAX_CANDIDATES) if len(candidate) <= _MAX_NAME]
        return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)

    def suggest(self, word: str, candidates: Iterable[str]) -> str | None:
        """Return "did you mean `x`?" for a near miss, or None."""
        near = self.nearest(word, candidates)
        return f"did you mean `{near}`?" if near else None

    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._warnings, key=_order))

    def as_error(self) -> ManifestError:
        """Return every error and warning in file order, as one exception.

        What one problem hides of a line, because a secret may stand there by mistake, the others hide too.
        """
        limits: dict[int, int] = {}
        for item in self._errors:
            if item.shown_columns is not None:
                limits[item.line] = min(item.shown_columns, limits.get(item.line, item.shown_columns))
        listed = [
            replace(item, shown_columns=limits[item.line] if item.column <= limits[item.line] else 0)
            if item.line in limits
            else item
            for item in sorted([*self._errors, *self._warnings], key=_order)
        ]
        return ManifestError(self.path, listed, source_lines=self.source_lines, is_cut=self.is_full)

    def raise_if_any(self) -> None:
        """Raise `ManifestError` if there is an error."""
        if self._errors:
            raise self.as_error()


def _order(diagnostic: Diagnostic) -> tuple[int, int, str, str]:
    return diagnostic.line, diagnostic.column, diagnostic.field_path, diagnostic.message
