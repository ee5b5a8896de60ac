"""Where a report goes: the JSON file, JUnit, a Markdown summary, the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.atomic_file import write_atomically
from publisher.errors import LocalResourceError, PublisherError
from publisher.exit_codes import ExitCode

if TYPE_CHECKING:
    from publisher.cli.session import Screen
    from publisher.report import Report


@dataclass(frozen=True, slots=True)
class Outputs:
    """`report` is a file's name or `-`; the others are written only where asked for."""

    report: str
    junit: Path | None = None
    summary: Path | None = None

    def write(self, report: Report, screen: Screen, environment: Mapping[str, str]) -> int:
        """Write everything and return the exit code: the run's, or 1 if it was good and a file could not be written."""
        problems = list(self._write_files(report, screen, environment))
        for problem in problems:
            screen.show_error(problem)
        if report.error is None:
            screen.show_report(report, None if self.report == "-" else self.report)
        return report.exit_code or (ExitCode.FAILED if problems else ExitCode.OK)

    def _write_files(self, report: Report, screen: Screen, environment: Mapping[str, str]) -> list[PublisherError]:
        problems: list[PublisherError] = []
        try:
            if self.report == "-":
                screen.print(report.to_json())
            else:
                report.write(Path(self.report))
            # Imported after the report is safe: nothing that formats can keep it from being written.
            from publisher.views.junit import junit_xml
            from publisher.views.markdown import report_markdown

            if self.junit is not None:
                write_atomically(self.junit, junit_xml(report))
            summary = self.summary or _github_summary(environment)
            if summary is not None:
                _append(summary, report_markdown(report))
        except LocalResourceError as error:
            problems.append(error)
        return problems


def _github_summary(environment: Mapping[str, str]) -> Path | None:
    name = environment.get("GITHUB_STEP_SUMMARY")
    return Path(name) if name else None


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LocalResourceError(f"cannot write {path}: {error.strerror}") from error
