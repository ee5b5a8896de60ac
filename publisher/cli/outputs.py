"""Where a result goes: the JSON file, JUnit, a Markdown summary, the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.atomic_file import require_writable, write_atomically
from publisher.cli.options import STANDARD_OUTPUT
from publisher.errors import LocalResourceError, PublisherError
from publisher.exit_codes import ExitCode

if TYPE_CHECKING:
    from publisher.cli.session import Screen
    from publisher.report import Report


@dataclass(frozen=True, slots=True)
class Outputs:
    """`report` is a file's name or `-`; the others are written only where asked for.

    `events` is written while the run goes on; it is here to be tried with the others beforehand.
    """

    report: str
    junit: Path | None = None
    summary: Path | None = None
    events: Path | None = None

    @property
    def takes_stdout(self) -> bool:
        return self.report == STANDARD_OUTPUT

    def require_writable(self) -> None:
        """Try every file before the work is done whose result it shall hold. Raises `InputError`."""
        report = None if self.takes_stdout else Path(self.report)
        for path in (report, self.junit, self.summary, self.events):
            if path is not None:
                require_writable(path)

    def write(self, report: Report, screen: Screen, environment: Mapping[str, str]) -> int:
        """Write everything and return the exit code: the run's, or 1 if it was good and a file could not be written."""
        problems = [problem for write in self._files(report, screen) if (problem := _attempted(write)) is not None]
        for problem in problems:
            screen.show_error(problem)
        self._append_for_github(report, screen, environment)
        if report.error is None:
            screen.show_report(report, None if self.takes_stdout else self.report)
        return report.exit_code or (ExitCode.FAILED if problems else ExitCode.OK)

    def _files(self, report: Report, screen: Screen) -> Iterator[Callable[[], None]]:
        """Yield what writes each file, the report first: nothing that formats can keep it from being written."""
        if self.takes_stdout:
            yield lambda: screen.print(report.to_json())
        else:
            yield lambda: report.write(Path(self.report))
        if (junit := self.junit) is not None:
            from publisher.views.junit import junit_xml

            yield lambda: write_atomically(junit, junit_xml(report))
        if (summary := self.summary) is not None:
            from publisher.views.markdown import report_markdown

            yield lambda: _append(summary, report_markdown(report))

    def _append_for_github(self, report: Report, screen: Screen, environment: Mapping[str, str]) -> None:
        """Append to the job's summary. Nobody asked for it, so a job without one fails nothing."""
        name = environment.get("GITHUB_STEP_SUMMARY")
        if self.summary is not None or not name:
            return
        from publisher.views.markdown import report_markdown

        problem = _attempted(lambda: _append(Path(name), report_markdown(report)))
        if problem is not None:
            screen.tell(f"no job summary: {problem.message}")


def _attempted(write: Callable[[], None]) -> PublisherError | None:
    try:
        write()
    except LocalResourceError as error:
        return error
    return None


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LocalResourceError(f"cannot write {path}: {error.strerror}") from error
