"""How files get to a repository that has no create-if-absent: a part, a rename that must not overwrite, a comparison.

Pure: every question to the world is an `Effect`. The order is DESIGN.md, "WebDAV": look; upload to a part beside the
file; check the part; MOVE with `Overwrite: F`; read back and compare. An artifact of several files uploads all parts
before it moves the first one. No answer to a MOVE is trusted: what counts is what is at the target afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from publisher.destinations.port import VerifyMode
from publisher.destinations.stepping import Steps, ask
from publisher.destinations.webdav.effects import (
    Compare,
    Comparison,
    Discard,
    MakeFolder,
    Measure,
    Move,
    NamePart,
    Pause,
    RemoteFile,
    Upload,
)
from publisher.destinations.webdav.ports import MoveAnswer
from publisher.errors import CapabilityError, DamagedObjectError, ProtocolError, PublisherError, TransportError
from publisher.model import Certainty, State, Status
from publisher.reasons import Reason

REGISTERED = "registered"
"""The reason code of what this run put in its place, as for every kind of destination."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is at each path of an artifact, and what that means for it as a whole."""

    state: State
    certainty: Certainty
    detail: str
    found: tuple[tuple[RemoteFile, Comparison], ...]

    @property
    def missing(self) -> list[RemoteFile]:
        return [wanted for wanted, seen in self.found if seen is Comparison.ABSENT]


@dataclass(frozen=True, slots=True)
class Ending:
    """How publishing an artifact ended. `detail` is a sentence for people where it was blocked."""

    status: Status
    reason: str
    verification: str | None = None
    detail: str = ""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Parts:
    """The parts that this run made, by the file they are for; a part leaves when it is moved or deleted."""

    names: dict[str, str] = field(default_factory=dict)


def look(files: Sequence[RemoteFile], *, is_complete: bool = True) -> Steps[Looked]:
    """Find out the state of one artifact. Writes nothing. Without `is_complete` only lengths are compared."""
    effect = Compare if is_complete else Measure
    found = []
    for wanted in files:
        found.append((wanted, (yield from ask(effect(wanted.path, wanted)))))
    return _judged(tuple(found), Certainty.VERIFIED if is_complete else Certainty.ASSUMED)


def publish(files: Sequence[RemoteFile], *, verify: VerifyMode) -> Steps[Ending]:
    """Publish one artifact. Ends with an `Ending`, or raises what stopped it; its parts are gone in either case."""
    looked = yield from look(files)
    if looked.state is State.PUBLISHED:
        return Ending(Status.SKIPPED, Reason.ALREADY_REGISTERED, verification="full")
    if looked.state is State.CONFLICT:
        return Ending(Status.BLOCKED, Reason.CONTENT_CONFLICT, detail=looked.detail)
    parts = _Parts()
    try:
        for wanted in looked.missing:
            yield from _upload(wanted, parts, verify)
        ending = yield from _place(looked.missing, parts)
    except PublisherError:
        yield from _clean(parts)
        raise
    yield from _clean(parts)
    there = len(files) - len(looked.missing)
    notes = [*ending.notes, *([f"{there} of {len(files)} files were there already"] if there else [])]
    return Ending(ending.status, ending.reason, ending.verification, ending.detail, tuple(notes))


def _upload(wanted: RemoteFile, parts: _Parts, verify: VerifyMode) -> Steps[None]:
    """Send one file to a part of a fresh name. A name is never used again: a late request might still write to it."""
    attempt = 0
    yield from ask(MakeFolder(wanted.path))
    while True:
        attempt += 1
        part = yield from ask(NamePart(wanted))
        parts.names[wanted.path] = part
        try:
            yield from ask(Upload(part, wanted))
            check = Compare(part, wanted) if verify == "full" else Measure(part, wanted)
            if (yield from ask(check)) is Comparison.SAME:
                return
            why: TransportError = TransportError(f"the server has not all of {wanted.path} after its upload")
        except TransportError as error:
            why = error
        yield from _discard(part)
        del parts.names[wanted.path]
        if not (yield from _again(attempt, why)):
            raise why


def _place(files: Sequence[RemoteFile], parts: _Parts) -> Steps[Ending]:
    """Move every part to its place, then compare what is there."""
    ours: dict[str, bool] = {}
    for wanted in files:
        ours[wanted.path] = yield from _move(wanted, parts)
        if not ours[wanted.path] and (yield from ask(Compare(wanted.path, wanted))) is not Comparison.SAME:
            placed = [path for path, is_ours in ours.items() if is_ours]
            notes = (f"already placed by this run: {', '.join(placed)}",) if placed else ()
            detail = f"another publisher put other content at {wanted.path} meanwhile"
            return Ending(Status.BLOCKED, Reason.CONTENT_CONFLICT, detail=detail, notes=notes)
    for wanted in files:
        if ours[wanted.path]:
            yield from _compare_placed(wanted)
    if not any(ours.values()):
        return Ending(Status.ADOPTED, Reason.ALREADY_REGISTERED, verification="full")
    return Ending(Status.PUBLISHED, REGISTERED, verification="full")


def _move(wanted: RemoteFile, parts: _Parts) -> Steps[bool]:
    """Rename one part; True if it is in its place, False if something else is.

    After a lost answer both can look the same; then what is there is compared, and counts as ours if it is.
    """
    part, attempt = parts.names[wanted.path], 0
    while True:
        attempt += 1
        try:
            answer = yield from ask(Move(part, wanted.path))
        except TransportError as error:
            why = error
        except PublisherError:
            # Refused, as the same request would be if an earlier one whose answer was lost had moved the part.
            if attempt > 1 and (yield from ask(Compare(wanted.path, wanted))) is Comparison.SAME:
                return True
            raise
        else:
            if answer is MoveAnswer.MOVED:
                del parts.names[wanted.path]
                return True
            if attempt > 1 and (yield from ask(Compare(part, wanted))) is Comparison.ABSENT:
                del parts.names[wanted.path]
                return True
            return False
        if not (yield from _again(attempt, why)):
            seen = yield from ask(Compare(wanted.path, wanted))
            if seen is Comparison.SAME:
                return True
            if seen is Comparison.OTHER:
                return False
            raise why


def _again(attempt: int, why: TransportError) -> Steps[bool]:
    """Wait, and say whether to try again. An answer of another shape will be that again."""
    if isinstance(why, ProtocolError):
        return False
    return (yield from ask(Pause(attempt, why.message, why.retry_after_s)))


def _compare_placed(wanted: RemoteFile) -> Steps[None]:
    match (yield from ask(Compare(wanted.path, wanted))):
        case Comparison.SAME:
            return
        case Comparison.ABSENT:
            raise CapabilityError(
                f"the server answered that {wanted.path} is in its place, but shows nothing there",
                hint="it does not keep its word about MOVE; run `publish doctor`",
            )
        case Comparison.OTHER:
            raise DamagedObjectError(
                f"what is at {wanted.path} is not what was uploaded: another publisher replaced it in the same moment,"
                " or it was damaged",
                hint="look at both builds; nothing is overwritten, so remove the file by hand if it is the wrong one",
            )


def _clean(parts: _Parts) -> Steps[None]:
    for part in list(parts.names.values()):
        yield from _discard(part)
    parts.names.clear()


def _discard(part: str) -> Steps[None]:
    """Delete a part of one's own; that it stays, which the driver remembers, never hides why it is in the way."""
    try:
        yield from ask(Discard(part))
    except PublisherError:
        return


def _judged(found: tuple[tuple[RemoteFile, Comparison], ...], certainty: Certainty) -> Looked:
    others = [wanted.path for wanted, seen in found if seen is Comparison.OTHER]
    missing = [wanted.path for wanted, seen in found if seen is Comparison.ABSENT]
    if others:
        detail = f"other content is at {', '.join(others)}"
        return Looked(State.CONFLICT, Certainty.VERIFIED, detail, found)
    if not missing:
        detail = "the same content is there" if certainty is Certainty.VERIFIED else "there, with the same length"
        return Looked(State.PUBLISHED, certainty, detail, found)
    if len(missing) < len(found):
        detail = f"{len(missing)} of {len(found)} files are missing: {', '.join(missing)}"
        return Looked(State.UNFINISHED, certainty, detail, found)
    return Looked(State.MISSING, Certainty.VERIFIED, "nothing is there", found)
