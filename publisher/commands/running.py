"""One run from its start to its report: what every command that publishes or repairs keeps account of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from publisher.commands.concluding import Ending, concluding
from publisher.destinations.port import Destination
from publisher.errors import PublisherError
from publisher.events import RunFinished, RunStarted
from publisher.execute import as_told
from publisher.model import DestinationSpec, Outcome
from publisher.plan import Plan
from publisher.report import Report, RunInfo, build_report, failed_report
from publisher.version import __version__
from publisher.world import World

OnError = Callable[[PublisherError], None]
"""Shown in full what stopped a run before any artifact was looked at; the report has a summary of it."""


def ignore_error(_error: PublisherError) -> None:
    """Show nothing."""


class Run:
    """The run of one verb. `root` is where git and CI facts are collected."""

    def __init__(self, world: World, verb: str, *, manifest_path: str, root: Path) -> None:
        self._world = world
        self._verb = verb
        self._manifest_path = manifest_path
        self._root = root
        self._id = world.new_run_id()
        self._started_at = world.now()
        self._started = world.monotonic()
        self._ending = Ending()

    def reported(self, story: Callable[[], Report], on_error: OnError) -> Report:
        """Return the story's report, or one about what stopped it, which `on_error` is shown first."""
        try:
            return story()
        except Exception as error:  # a report for every end of the run
            told = as_told(error)
            on_error(told)
            return self.fail(told)

    def start(self, total: int) -> None:
        self._world.emit(RunStarted(self._id, self._verb, total))

    @contextlib.contextmanager
    def concluding(self, specs: Sequence[DestinationSpec], destinations: Mapping[str, Destination]) -> Iterator[Ending]:
        """Yield where the run notes what it has come to; the destinations tidy up at the end of the block."""
        with concluding(specs, destinations, self._ending, self._world.host()):
            yield self._ending

    def finish(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Report:
        """Return the report of a run whose artifacts were looked at; `outcomes` has every row."""
        seconds = self._world.monotonic() - self._started
        report = build_report(
            plan,
            outcomes,
            run=self._info(),
            seconds=seconds,
            signal=self._world.cancellation.signal,
            destinations=self._ending.destinations,
        )
        self._world.emit(RunFinished(report.exit_code, seconds))
        return report

    def fail(self, error: PublisherError) -> Report:
        """Return the report of a run that was stopped before any artifact was looked at."""
        seconds = self._world.monotonic() - self._started
        report = failed_report(
            error,
            manifest_path=self._manifest_path,
            run=self._info(),
            seconds=seconds,
            signal=self._world.cancellation.signal,
            destinations=self._ending.destinations,
        )
        self._world.emit(RunFinished(report.exit_code, seconds))
        return report

    def _info(self) -> RunInfo:
        facts = self._world.provenance(self._root)
        return RunInfo(
            id=self._id,
            tool_version=__version__,
            started_at=self._started_at,
            finished_at=self._world.now(),
            git=dict(facts.git),
            ci=dict(facts.ci),
        )
