"""From results of the looking commands to the lines a listing shows."""

from __future__ import annotations

from collections.abc import Sequence

from publisher.commands.verify import Verified, next_step
from publisher.destinations.port import Finding
from publisher.model import (
    FileSetSource,
    FileSource,
    FleetIdentity,
    ImageSource,
    PackageSource,
    Source,
    State,
    WorkerSource,
)
from publisher.plan import PlanRow
from publisher.reasons import HINTS
from publisher.views.listing import Line, Verdict

_SOURCE_NAMES: dict[type[Source], str] = {
    FileSource: "file",
    FileSetSource: "files",
    ImageSource: "image",
    PackageSource: "file",
    WorkerSource: "image",
}
"""The field that names such a source in a manifest."""

_LEVELS = {"ok": Verdict.OK, "warning": Verdict.WARN, "failure": Verdict.FAIL}


_STATEMENT_HINT = "do not trust this artifact until somebody knows why; releases made before signing have no statement"


def finding_lines(findings: Sequence[Finding]) -> list[Line]:
    return [
        Line(
            finding.label,
            finding.value + (f"\nhint: {finding.hint}" if finding.hint else ""),
            _LEVELS[finding.level],
        )
        for finding in findings
    ]


def verify_line(verified: Verified, *, verbose: bool = False) -> Line:
    """Return what was found of one artifact; with `verbose` also where the object is and its digest."""
    verdict, value = _verified(verified)
    notes = verified.result.observation.notes
    value += "".join(f"\nwarning: {note}" for note in notes)
    if notes and verdict is Verdict.OK:
        verdict = Verdict.WARN
    facts = verified.result.observation.object
    if verbose and facts is not None:
        where = facts.cdn_url or facts.url or facts.key or facts.version_id
        value += f"\n{where}  sha256 {facts.sha256 or '-'}"
    return Line(str(verified.id), value, verdict)


def _verified(verified: Verified) -> tuple[Verdict, str]:
    observation, statement = verified.result.observation, verified.result.statement
    if observation.state is not State.PUBLISHED:
        hint = next_step(observation)
        return Verdict.FAIL, f"{observation.state}: {observation.detail}" + (f"\nhint: {hint}" if hint else "")
    if verified.result.content_compared:
        value = "published; downloads, opens and equals its source"
    elif verified.result.is_opened:
        value = f"published; downloads and opens; {observation.detail}"
    elif verified.result.is_downloaded:
        value = f"published; downloads as registered; {observation.detail}; not opened: the registry gives no key"
    else:
        value = f"published; {observation.detail}; not opened"
    if statement is None:
        return Verdict.OK, value
    if statement.is_valid:
        return Verdict.OK, f"{value}; {statement.detail}"
    return Verdict.FAIL, f"{value}\nstatement {statement.verdict}: {statement.detail}\nhint: {_STATEMENT_HINT}"


def explain_lines(row: PlanRow) -> list[Line]:
    """Return where the values came from, what was seen, and what would be done."""
    artifact, observation = row.artifact, row.observation
    values = {"destination": artifact.destination, **artifact.identity.fields()}
    values[_SOURCE_NAMES[type(artifact.source)]] = artifact.source.shown
    if isinstance(artifact.source, WorkerSource):
        values |= {"config": artifact.source.config.shown, **dict(artifact.source.values)}
    if "compression" in artifact.origins:
        values["compression"] = artifact.compression.value
    values |= dict(artifact.options)
    lines = []
    for name, value in values.items():
        origin = artifact.origins.get(name)
        where = f"  (from {origin.where}{': ' + origin.detail if origin.detail else ''})" if origin else ""
        lines.append(Line(name, value + where))
    if row.source is not None:
        lines.append(Line("source", f"{row.source.size_bytes} bytes, sha256 {row.source.sha256}"))
    if isinstance(artifact.identity, FleetIdentity):
        lines.append(Line("object key", artifact.identity.object_key))
    lines.append(Line("destination says", f"{observation.state} ({observation.certainty}): {observation.detail}"))
    lines += [Line("warning", note, Verdict.WARN) for note in observation.notes]
    verdict = Verdict.OK if row.reason not in HINTS else Verdict.FAIL
    hint = f"\nhint: {HINTS[row.reason]}" if row.reason in HINTS else ""
    lines.append(Line("apply would", f"{row.action}, because {row.reason}{hint}", verdict))
    return lines
