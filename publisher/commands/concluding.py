"""The end of a run at its destinations: each is asked once to tidy up, however the run ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from publisher.destinations.port import Destination, Host
from publisher.events import Concluded
from publisher.execute import as_told
from publisher.model import ArtifactId, DestinationSpec, Outcome
from publisher.plan import Plan
from publisher.report import DestinationReport
from publisher.workers import Left, each

GRACE_S = 5.0
"""How long tidying up may take after a stop was requested: a CI system that stops a job kills it after ten seconds."""


@dataclass(slots=True)
class Ending:
    """What a run has come to: its plan, an outcome for each row by id, and what the destinations said at the end."""

    plan: Plan | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    destinations: list[DestinationReport] = field(default_factory=list)

    def of(self, destination: str) -> dict[ArtifactId, Outcome]:
        """Return the outcomes of one destination's artifacts."""
        rows = self.plan.rows if self.plan is not None else ()
        return {
            row.id: self.outcomes[str(row.id)]
            for row in rows
            if row.artifact.destination == destination and str(row.id) in self.outcomes
        }


@contextlib.contextmanager
def concluding(
    specs: Sequence[DestinationSpec], destinations: Mapping[str, Destination], ending: Ending, host: Host
) -> Iterator[None]:
    """Let every destination tidy up on the way out, also past an exception; what each says is in `ending`.

    All at once, so that a slow one does not keep the others waiting. A destination that cannot tidy up is told about
    and fails nothing: its artifacts are what they are.
    """
    try:
        yield
    finally:
        answers = each(
            specs,
            lambda spec, _: _conclude(spec, destinations[spec.name], ending.of(spec.name), host),
            threads=max(1, len(specs)),
            cancellation=host.cancellation,
            name="conclude",
            grace_s=GRACE_S,
        )
        ending.destinations = [
            _left(spec, destinations[spec.name], host) if isinstance(answer, Left) else answer
            for spec, answer in zip(specs, answers, strict=True)
        ]


def _left(spec: DestinationSpec, destination: Destination, host: Host) -> DestinationReport:
    note = "tidying up had not ended when the run was stopped"
    host.emit(Concluded(spec.name, note))
    return DestinationReport(name=spec.name, kind=spec.kind, location=destination.location, notes=[note])


def _conclude(
    spec: DestinationSpec, destination: Destination, outcomes: Mapping[ArtifactId, Outcome], host: Host
) -> DestinationReport:
    try:
        notes = list(destination.conclude(outcomes, host))
    except Exception as error:  # the report must be written, whatever a destination does
        notes = [f"tidying up failed: {as_told(error).message}"]
    for note in notes:
        host.emit(Concluded(spec.name, note))
    return DestinationReport(name=spec.name, kind=spec.kind, location=destination.location, notes=notes)
