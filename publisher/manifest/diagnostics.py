"""What is wrong with a manifest, as data with a place, and how one problem is shown to a person.

It refuses to print and to decide. A diagnostic's message holds names that stand in the manifest, escaped, and never a
value that came from the environment; `shown_columns` says how much of the manifest's line may be quoted under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from publisher.errors import InputError
from publisher.manifest.escaping import visible, visible_character

_WIDEST_LINE = 160


class Severity(StrEnum):
    """An error refuses the manifest; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `line` and `column` count from 1, in characters; both are 0 where the input is not a file.

    `field_path` is `artifacts[0].version`, a flag such as `--version`, or empty for the document itself.
    `shown_columns` is how many characters of the line may be quoted: None for all, 0 for none.
    """

    severity: Severity
    line: int
    column: int
    field_path: str
    message: str
    hint: str | None = None
    shown_columns: int | None = None

    def to_json(self) -> dict[str, str | int | None]:
        """Return the diagnostic as plain data; `field` is the path of the field."""
        return {
            "severity": self.severity.value,
            "line": self.line,
            "column": self.column,
            "field": self.field_path,
            "message": self.message,
            "hint": self.hint,
        }


class ManifestError(InputError):
    """Every problem of one manifest, in the order of the file.

    `source_lines` are the lines of the file without their ends, for `render`; empty where it could not be decoded.
    `is_cut` says that there are more problems than are listed.
    """

    code = "manifest_invalid"

    def __init__(
        self, path: Path, diagnostics: Sequence[Diagnostic], *, source_lines: Sequence[str] = (), is_cut: bool = False
    ) -> None:
        self.path = path
        self.diagnostics = tuple(diagnostics)
        self.source_lines = tuple(source_lines)
        self.is_cut = is_cut
        errors = [diagnostic for diagnostic in self.diagnostics if diagnostic.severity is Severity.ERROR]
        place = visible(str(path)) if any(diagnostic.line for diagnostic in self.diagnostics) else "the arguments"
        count = f"more than {len(errors)}" if is_cut else str(len(errors))
        super().__init__(f"{count} problem{'' if len(errors) == 1 else 's'} in {place}")


def render(diagnostic: Diagnostic, source_lines: Sequence[str], path: Path) -> list[str]:
    """Return the lines that show one problem: the place and message, the manifest's line, a caret, the hint.

    The text is plain and safe for a terminal; it may hold square brackets, which a view with markup has to escape.
    """
    message = f"{diagnostic.severity}: {diagnostic.message}"
    if diagnostic.line:
        lines = [f"{visible(str(path))}:{diagnostic.line}:{diagnostic.column}: {message}"]
    else:
        lines = [f"{diagnostic.field_path}: {message}" if diagnostic.field_path else message]
    if 1 <= diagnostic.line <= len(source_lines) and diagnostic.shown_columns != 0:
        lines += _quote(diagnostic, source_lines[diagnostic.line - 1])
    if diagnostic.hint:
        lines.append(f"  hint: {diagnostic.hint}")
    return lines


def _quote(diagnostic: Diagnostic, line: str) -> list[str]:
    start = max(0, diagnostic.column - _WIDEST_LINE // 2) if len(line) > _WIDEST_LINE else 0
    end = start + _WIDEST_LINE
    if diagnostic.shown_columns is not None:
        end = min(end, diagnostic.shown_columns)
    quoted = [visible_character(character) for character in line[start:end]]
    before = "… " if start else ""
    after = " …" if end < len(line) else ""
    margin = f"  {diagnostic.line} | "
    indent = len(before) + sum(map(len, quoted[: diagnostic.column - 1 - start]))
    return [
        f"{margin}{before}{''.join(quoted)}{after}",
        f"{' ' * (len(margin) - 2)}| {' ' * indent}^",
    ]
