"""One command's surroundings: its streams, its progress view, its signals, and how errors are shown.

Text for people goes to standard error, what a program may read to standard output.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.cli.hardening import forbid_core_dumps
from publisher.cli.signals import stop_after, telling_of_stops
from publisher.version import __version__
from publisher.views.choose import ProgressMode, progress_listener
from publisher.views.stream import forgiving
from publisher.views.text import safe_text

if TYPE_CHECKING:
    from publisher.cancellation import Cancellation
    from publisher.destinations.port import VerifyMode
    from publisher.errors import PublisherError
    from publisher.events import Listener
    from publisher.manifest import Manifest
    from publisher.report import Report
    from publisher.views.printing import Printer
    from publisher.world import World


@dataclass(frozen=True, slots=True)
class Style:
    """How a command talks."""

    progress: ProgressMode = ProgressMode.AUTO
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False


class Screen:
    """Standard output and standard error of this process, for people and for programs.

    JSON progress goes to standard output, unless that is taken by a document.
    """

    def __init__(self, style: Style, environment: Mapping[str, str], *, is_stdout_taken: bool = False) -> None:
        self.style = style
        self._is_stdout_taken = is_stdout_taken
        self._environment = environment
        self.err = forgiving(sys.stderr)
        self.out = forgiving(sys.stdout)

    def printer(self, *, on_stdout: bool = False) -> Printer:
        from publisher.views.printing import human_printer

        stream, terminal = (self.out, sys.stdout.isatty()) if on_stdout else (self.err, sys.stderr.isatty())
        return human_printer(stream, is_terminal=terminal, environment=self._environment, no_color=self.style.no_color)

    def print(self, text: str) -> None:
        """Write to standard output, for programs."""
        self.out.write(text)
        self.out.flush()

    def show_error(self, error: PublisherError) -> None:
        """Show an error in full, every diagnostic of a manifest with its line."""
        from publisher.views.error_lines import error_lines
        from publisher.views.listing import render_lines

        render_lines([*_diagnostics(error), *error_lines(error)], self.printer())

    def tell(self, text: str) -> None:
        """Say one line to a person, unless told to be quiet."""
        if not self.style.quiet:
            self.printer().line(safe_text(text))

    def show_warnings(self, manifest: Manifest) -> None:
        """Show what a valid manifest should be told about."""
        from publisher.manifest.diagnostics import render
        from publisher.views.listing import render_lines

        for warning in manifest.warnings:
            render_lines(render(warning, (), manifest.path), self.printer())

    def show_report(self, report: Report, path: str | None) -> None:
        """Show how a run ended: what needs attention, details if `--verbose`, and the last line."""
        from publisher.views.report_summary import render_details, render_report

        if self.style.verbose:
            render_details(report, self.printer())
        render_report(report, self.printer(), report_path=path)

    @contextlib.contextmanager
    def listening(self, events_file: Path | None) -> Iterator[Listener]:
        """Yield the listener of the chosen progress view, and of `--events`."""
        from publisher.events import Serialized, Tee

        is_for_programs = self.style.progress is ProgressMode.JSON and not self._is_stdout_taken
        with contextlib.ExitStack() as stack:
            view = stack.enter_context(
                progress_listener(
                    self.style.progress,
                    self.out if is_for_programs else self.err,
                    is_terminal=sys.stderr.isatty(),
                    environment=self._environment,
                    no_color=self.style.no_color,
                    quiet=self.style.quiet,
                    monotonic=time.monotonic,
                    tool_version=__version__,
                    now=_now,
                )
            )
            listeners = [view]
            if events_file is not None:
                from publisher.views.json_lines import events_file as open_events_file

                listeners.append(stack.enter_context(open_events_file(events_file, tool_version=__version__, now=_now)))
            yield Serialized(Tee(listeners))


@contextlib.contextmanager
def world_of(
    screen: Screen,
    cancellation: Cancellation,
    *,
    local: Path | None,
    writes: bool,
    verify: VerifyMode = "head",
    events_file: Path | None = None,
    timeout_s: float | None = None,
    allow_unfenced: bool = False,
    reread: bool = False,
) -> Iterator[World]:
    """Yield the world of one command: its view listens, and the end of its time budget is a stop request."""
    from publisher.wiring import compose

    forbid_core_dumps()
    with (
        screen.listening(events_file) as emit,
        telling_of_stops(cancellation, emit),
        stop_after(timeout_s, cancellation),
    ):
        yield compose(
            dict(os.environ),
            local=local,
            writes=writes,
            verify=verify,
            emit=emit,
            cancellation=cancellation,
            allow_unfenced=allow_unfenced,
            reread=reread,
        )


def _diagnostics(error: PublisherError) -> list[str]:
    from publisher.manifest.diagnostics import ManifestError, render

    if not isinstance(error, ManifestError):
        return []
    return [line for item in error.diagnostics for line in render(item, error.source_lines, error.path)]


def _now() -> datetime:
    return datetime.now(UTC)
