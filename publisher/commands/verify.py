"""`publish verify` and `publish fetch`: the device's eye on what is registered. Reads only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from publisher.commands.ids import parse_id
from publisher.commands.plan import LoadManifest, selected, used_destinations
from publisher.destinations.asking import unknown
from publisher.destinations.port import Fetched, VerifyMode, VerifyResult
from publisher.events import RunStarted
from publisher.exit_codes import ExitCode, combine
from publisher.model import (
    ArtifactId,
    DestinationSpec,
    Observation,
    ReadyArtifact,
    State,
    UnreadySource,
)
from publisher.reasons import HINTS, Reason
from publisher.selection import Selection
from publisher.sources.reading import read_sources
from publisher.statements.envelope import Verifier
from publisher.workers import Left, Ticket, each, interruptible
from publisher.world import World


@dataclass(frozen=True, slots=True)
class Verified:
    id: ArtifactId
    result: VerifyResult


def verify(
    load: LoadManifest,
    world: World,
    *,
    selection: Selection,
    mode: VerifyMode,
    jobs: int,
    trusted: Sequence[Verifier] = (),
) -> tuple[Verified, ...]:
    """Look at each artifact of the manifest as a device would; in the manifest's order.

    Where a source cannot be read, the registered side is looked at all the same: row and object are compared.
    With `trusted` keys, each published artifact needs a statement that one of them signed. After a stop request the
    results are those there are; what was not looked at is unknown.
    """
    manifest = selected(load(), selection, world)
    world.emit(RunStarted(world.new_run_id(), "verify", len(manifest.artifacts)))
    with world.connect(used_destinations(manifest)) as destinations:
        ready, unready = read_sources(manifest.artifacts, jobs=jobs, cancellation=world.cancellation, emit=world.emit)

        def look(item: ReadyArtifact | UnreadySource, _: Ticket) -> Verified:
            if world.cancellation.requested:
                return _not_looked_at(item.artifact.id, world)
            destination = destinations[item.artifact.destination]
            return Verified(item.artifact.id, destination.verify(item, mode, trusted=trusted))

        items: list[ReadyArtifact | UnreadySource] = [*ready, *unready]
        answers = each(items, look, threads=jobs, cancellation=world.cancellation, name="verify")
    found = {
        item.artifact.id: _not_looked_at(item.artifact.id, world) if isinstance(answer, Left) else answer
        for item, answer in zip(items, answers, strict=True)
    }
    return tuple(found[artifact.id] for artifact in manifest.artifacts)


def _not_looked_at(artifact_id: ArtifactId, world: World) -> Verified:
    """Return the result of an artifact that a stop request came before: what the others are is told all the same."""
    return Verified(artifact_id, VerifyResult(unknown(world.cancellation.cancelled()), content_compared=False))


def verify_exit_code(results: tuple[Verified, ...], *, detailed: bool, signal: int | None = None) -> int:
    """Return 0 if all is as wanted; with `detailed`, 2 if it is not but everything could be looked at."""
    codes = [_exit_code(verified.result) for verified in results]
    could_look = all(verified.result.observation.state is not State.UNKNOWN for verified in results)
    if detailed and could_look and any(codes):
        return int(ExitCode.CHANGES)
    return combine(codes, signal=signal)


def verify_json(results: tuple[Verified, ...]) -> str:
    """Return the results as JSON: a list with an object for each artifact.

    `id`, `state`, `detail`; `content_compared`: opened and equal to the source; `downloaded`: size and digest are the
    registered ones; `notes`: what is no failure and yet worth a look. `hint` says what a person does next, and is null
    for what is published. `statement` is null unless signatures were asked for; else it has `verdict`, `detail` and the
    signer's `keyid`.
    """
    document = [
        {
            "id": str(verified.id),
            "state": verified.result.observation.state.value,
            "content_compared": verified.result.content_compared,
            "downloaded": verified.result.is_downloaded,
            "detail": verified.result.observation.detail,
            "notes": list(verified.result.observation.notes),
            "hint": next_step(verified.result.observation),
            "statement": asdict(verified.result.statement) if verified.result.statement else None,
        }
        for verified in results
    ]
    return json.dumps(document, indent=2) + "\n"


def next_step(observation: Observation) -> str | None:
    """Return what a person does about what was found, or None if there is nothing to do."""
    if observation.failure is not None and observation.failure.hint:
        return observation.failure.hint
    match observation.state:
        case State.PUBLISHED:
            return None
        case State.UNKNOWN:
            return HINTS[Reason.LOOKUP_FAILED]
        case State.MISSING:
            return "`publish apply` publishes it"
        case State.UNFINISHED:
            return "`publish apply` finishes it"
        case State.OUTDATED:
            return "`publish apply` brings its branch and tag up to date"
        case State.DAMAGED:
            return "`publish repair` puts the registered bytes back, if a copy is left or they can be made again"
        case State.ORPHAN:
            return "publish under a new version; or give the object up with `publish repair --take-over ID`"
        case State.CONFLICT:
            return HINTS[Reason.CONTENT_CONFLICT]
        case State.COLLISION:
            return HINTS[Reason.OBJECT_COLLISION]


def _exit_code(result: VerifyResult) -> int:
    observation, statement = result.observation, result.statement
    if observation.failure is not None:
        return observation.failure.exit_code
    match observation.state:
        case State.PUBLISHED:
            return ExitCode.OK if statement is None or statement.is_valid else ExitCode.NEEDS_A_PERSON
        case State.UNKNOWN | State.MISSING | State.UNFINISHED | State.OUTDATED:
            return ExitCode.FAILED
        case State.COLLISION | State.DAMAGED | State.CONFLICT | State.ORPHAN:
            return ExitCode.NEEDS_A_PERSON


def fetch(artifact_id: str, output: Path, world: World, *, kind: str, env_prefix: str) -> Fetched:
    """Download one published artifact into `output` as a device or client would: checked, decrypted, unpacked.

    Raises `InputError` for an id that is none, `NotFoundError`, `DamagedObjectError` and the errors of the transport;
    `output` is written whole or not at all.
    """
    name, identity = parse_id(artifact_id, kind)
    with world.connect([DestinationSpec(name, kind, env_prefix)]) as destinations:
        return interruptible(
            lambda: destinations[name].fetch(identity, output), cancellation=world.cancellation, name="fetch"
        )
