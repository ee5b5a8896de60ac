"""A tiny world in which runs of the real recipe meet: every order of their requests, every loss, every crash.

A schedule is a list of choices: which run's next request is carried out, and what becomes of it. The recipe's
generators cannot be copied, so each schedule is played from the start; of two that lead to one place one is followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from publisher.destinations.stepping import Effect
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
from publisher.destinations.webdav.recipe import Ending, publish
from publisher.errors import PublisherError, TransportError
from publisher.model import Status

ATTEMPTS = 2


class Fate(StrEnum):
    """What becomes of one request."""

    DONE = "done"
    ANSWER_LOST = "answer lost"
    MOVED_UNTOLD = "moved untold"
    """The answer to a move is lost."""
    REQUEST_LOST = "request lost"
    BUSY = "busy"
    """The server answers that it is busy; deletions always work."""
    CUT = "cut"
    """An upload that breaks off, and leaves what came of it (as wsgidav does)."""
    SHORT = "short"
    """An upload of which half is stored, although the answer says that all went well."""
    KILLED = "killed"
    """The run is killed when its request was carried out, before it knows."""


@dataclass(frozen=True)
class Choice:
    run: int
    fate: Fate = Fate.DONE


@dataclass
class Player:
    """One run of the recipe; `waiting` is the request that it has sent."""

    number: int
    files: Sequence[RemoteFile]
    names: int = 0
    waiting: Effect[Any] | None = None
    checked: bool | None = None
    """In a world without an atomic move: what the check that goes before the rename has found."""
    ending: Ending | PublisherError | None = None
    is_killed: bool = False
    told: list[object] = field(default_factory=list)
    """All answers so far: with them the run's state is known."""

    def __post_init__(self) -> None:
        self._steps = publish(self.files, verify="head")
        self._advance(lambda: next(self._steps))

    @property
    def is_over(self) -> bool:
        return self.is_killed or self.ending is not None

    @property
    def has_published(self) -> bool:
        return isinstance(self.ending, Ending) and self.ending.status in {
            Status.PUBLISHED,
            Status.ADOPTED,
            Status.SKIPPED,
        }

    def answer(self, answer: object) -> None:
        self.told.append(answer)
        self._advance(lambda: self._steps.send(answer))

    def fail(self, error: PublisherError) -> None:
        self.told.append(error.message)
        self._advance(lambda: self._steps.throw(error))

    def _advance(self, step: Any) -> None:
        """Run to the next request that others can see; names and pauses are the run's own business."""
        try:
            effect = step()
            while True:
                match effect:
                    case NamePart(wanted):
                        self.names += 1
                        effect = self._steps.send(f"{wanted.path}.part-{self.number}-{self.names}")
                    case MakeFolder():
                        effect = self._steps.send(None)
                    case Pause(attempt):
                        effect = self._steps.send(attempt < ATTEMPTS)
                    case _:
                        self.waiting = effect
                        return
        except StopIteration as end:
            self.ending = end.value
        except PublisherError as error:
            self.ending = error


@dataclass
class World:
    """The server. With `is_atomic` a move is one step, and looks at its source first, as wsgidav's does; without, its
    check and its rename are two, and it looks at its target first, as nginx's does."""

    is_atomic: bool
    files: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    """What was at each path that is no part, in order."""

    def carry_out(self, player: Player, fate: Fate) -> None:
        effect = player.waiting
        if not self.is_atomic and isinstance(effect, Move) and player.checked is None and fate is Fate.DONE:
            player.checked = effect.target in self.files
            return
        try:
            if fate in {Fate.REQUEST_LOST, Fate.BUSY}:
                raise TransportError("lost")
            if fate is Fate.CUT and isinstance(effect, Upload):
                self.files[effect.part] = "half of it"
                raise TransportError("cut")
            answer = self._do(player, effect)
            if fate is Fate.SHORT and isinstance(effect, Upload):
                self.files[effect.part] = "half of it"
            if fate in {Fate.ANSWER_LOST, Fate.MOVED_UNTOLD}:
                raise TransportError("lost")
        except PublisherError as error:
            player.checked = None
            player.fail(error)
            return
        player.checked = None
        if fate is Fate.KILLED:
            player.is_killed = True
            player.told.append("killed")
            return
        player.answer(answer)

    def _do(self, player: Player, effect: Effect[Any] | None) -> object:
        match effect:
            case Compare(path, wanted):
                return self._compared(path, wanted.sha256)
            case Measure(path, wanted):
                # Every file has the same length, only what was cut off has not.
                seen = self.files.get(path)
                if seen is None:
                    return Comparison.ABSENT
                return Comparison.OTHER if seen == "half of it" else Comparison.SAME
            case Upload(part, wanted):
                self.files[part] = wanted.sha256
                return None
            case Discard(part):
                self.files.pop(part, None)
                return None
            case Move(part, target):
                is_taken = target in self.files if player.checked is None else player.checked
                if part not in self.files and (self.is_atomic or not is_taken):
                    raise PublisherError("404")
                if is_taken:
                    return MoveAnswer.OCCUPIED
                self.files[target] = self.files.pop(part)
                self.history.setdefault(target, []).append(self.files[target])
                return MoveAnswer.MOVED
        raise AssertionError(effect)

    def _compared(self, path: str, sha256: str) -> Comparison:
        if path not in self.files:
            return Comparison.ABSENT
        return Comparison.SAME if self.files[path] == sha256 else Comparison.OTHER


def wanted(content: str, *paths: str) -> list[RemoteFile]:
    return [RemoteFile(path, 1, content) for path in paths]


def play(players: Sequence[Player], world: World, schedule: Sequence[Choice]) -> None:
    for choice in schedule:
        world.carry_out(players[choice.run], choice.fate)


def finish(player: Player, world: World) -> None:
    """Let a run come to its end without faults and without anybody else."""
    while not player.is_over:
        world.carry_out(player, Fate.DONE)


def schedules(
    contents: Sequence[str], paths: Sequence[str], *, is_atomic: bool, faults: Sequence[Fate], most_faults: int
) -> Iterator[tuple[list[Player], World]]:
    """Yield the end of every schedule of the runs, each with at most `most_faults` faults."""

    def start() -> tuple[list[Player], World]:
        return [Player(number, wanted(content, *paths)) for number, content in enumerate(contents)], World(is_atomic)

    todo: list[tuple[Choice, ...]] = [()]
    known: set[object] = set()
    while todo:
        schedule = todo.pop()
        players, world = start()
        play(players, world, schedule)
        used = sum(choice.fate is not Fate.DONE for choice in schedule)
        place = (used, repr(world), *((tuple(player.told), player.checked) for player in players))
        if place in known:
            continue
        known.add(place)
        open_runs = [player.number for player in players if not player.is_over]
        if not open_runs:
            yield players, world
            continue
        for run in open_runs:
            todo.append((*schedule, Choice(run)))
            if used < most_faults:
                todo.extend((*schedule, Choice(run, fate)) for fate in faults if _applies(fate, players[run].waiting))


def _applies(fate: Fate, effect: Effect[Any] | None) -> bool:
    match fate:
        case Fate.CUT | Fate.SHORT:
            return isinstance(effect, Upload)
        case Fate.MOVED_UNTOLD:
            return isinstance(effect, Move)
        case Fate.BUSY:
            return not isinstance(effect, Discard)
    return True
