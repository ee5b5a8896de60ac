"""A world for repairs: a row, an object, copies of bytes, and races that happen right before a chosen effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from publisher.destinations.fleet.effects import (
    CheckStore,
    EscrowDrop,
    EscrowGet,
    EscrowPut,
    Head,
    Lookup,
    Now,
    Pause,
    ReadBack,
    ReadReceipt,
    Register,
    Seal,
    WriteReceipt,
    WriteStatement,
)
from publisher.destinations.fleet.exchanging import Wish
from publisher.destinations.fleet.registration import Ending
from publisher.destinations.fleet.repair import repair
from publisher.destinations.fleet.repair_effects import (
    CheckReplace,
    DropCopy,
    DropReceipt,
    Exchange,
    Found,
    HashCopy,
    HashObject,
    KeepCopy,
    ListVersions,
    NamesakeRows,
    PutBack,
    Rebuild,
    RowsOfNamesakes,
    TakeCopy,
    TakeVersion,
    Target,
)
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.fleet.values import Marks, Receipt, Sealed
from publisher.destinations.port import Consent
from publisher.destinations.stepping import Effect, Steps
from publisher.errors import DamagedObjectError, PublisherError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.registries.port import Accepted, Duplicate, NoRow, RegisterAnswer, Row
from publisher.stores.port import CreateAnswer, ObjectInfo, ReplaceAnswer, VersionInfo

IDENTITY = FleetIdentity("detector", "dev", "arm64", "1")
SOURCE = "ab" * 32
URL = "https://cdn.example.com/dev/detector-arm64-1.enc"
REGISTERED, OTHER, FRESH = b"the registered bytes", b"somebody else's bytes!", b"newly sealed bytes"
DAY_S = 24 * 60 * 60.0


def digest(data: bytes) -> Digest:
    return Digest(sha256(data).hexdigest())


def sealed(data: bytes, *, nonce: str = "a" * 32) -> Sealed:
    return Sealed(nonce, DataKey(bytes(32)), digest(data), len(data), SOURCE, "gzip")


def marks(data: bytes, *, nonce: str = "a" * 32) -> Marks:
    return Marks.of(IDENTITY, sealed(data, nonce=nonce))


ROW = sealed(REGISTERED).row(IDENTITY, URL)


@dataclass
class Thing:
    """An object as the store keeps it."""

    data: bytes
    metadata: dict[str, str]
    etag: str


@dataclass
class World:
    """Performs effects on itself. `before` runs a function right before the n-th (from 0) effect of a type."""

    row: Row | NoRow = NoRow.ABSENT
    thing: Thing | None = None
    age_s: float | None = 2 * DAY_S
    receipt: Receipt | None = None
    escrow: dict[str, Sealed] = field(default_factory=dict)
    copies: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, bytes] = field(default_factory=dict)
    rebuilt: bytes | None = None
    namesakes: list[Row] = field(default_factory=list)
    sees_namesakes: bool = True
    honours_if_match: bool = True
    before: dict[tuple[type[Effect[Any]], int], Callable[[], None]] = field(default_factory=dict)
    lost_answers: set[int] = field(default_factory=set)
    """Which exchanges (from 0) are done, but not answered."""
    lost_requests: set[int] = field(default_factory=set)
    pauses: int = 5
    fail: dict[type[Effect[Any]], PublisherError] = field(default_factory=dict)
    log: list[Effect[Any]] = field(default_factory=list)
    _etags: int = 0

    def put(self, data: bytes, metadata: dict[str, str] | None = None) -> None:
        self._etags += 1
        self.thing = Thing(data, marks(data).metadata() if metadata is None else metadata, f'"{self._etags}"')

    def repair(self, *, take_over: bool = False, exclusive: bool = False, has_source: bool = True) -> Ending:
        wanted = Wanted(IDENTITY, SOURCE if has_source else "", "gzip")
        return self.run(repair(Wish(wanted, has_source, "here", Consent(take_over, exclusive))))

    def run(self, steps: Steps[Ending]) -> Ending:
        try:
            effect = next(steps)
            while True:
                try:
                    answer = self._perform(effect)
                except PublisherError as error:
                    effect = steps.throw(error)
                else:
                    effect = steps.send(answer)
        except StopIteration as end:
            ending: Ending = end.value
            return ending

    def count(self, kind: type[Effect[Any]]) -> int:
        return sum(isinstance(effect, kind) for effect in self.log)

    @property
    def writes(self) -> int:
        """How many effects of this run changed the store, the registry or the escrow."""
        kinds = (PutBack, Exchange, KeepCopy, DropCopy, DropReceipt, Register, EscrowPut, EscrowDrop, WriteReceipt)
        return sum(isinstance(effect, kinds) for effect in self.log)

    @property
    def holds_inv(self) -> bool:
        """Whether the row, if there is one, points to an object with its bytes."""
        if not isinstance(self.row, Row):
            return True
        return self.thing is not None and digest(self.thing.data) == self.row.sha256

    def _perform(self, effect: Effect[Any]) -> Any:
        race = self.before.get((type(effect), self.count(type(effect))))
        if race is not None:
            race()
        number = self.count(type(effect))
        self.log.append(effect)
        if type(effect) in self.fail:
            raise self.fail[type(effect)]
        match effect:
            case Exchange(marks, if_match):
                return self._exchange(marks, if_match, number)
            case PutBack(marks):
                return self._create(marks)
            case Register(made):
                return self._register(made)
            case ReadBack(made):
                if self.thing is None or digest(self.thing.data) != made.sha256:
                    raise DamagedObjectError("other bytes")
                return None
        return self._answer(effect)

    def _answer(self, effect: Effect[Any]) -> Any:  # one line an effect
        thing = self.thing
        match effect:
            case Lookup():
                return self.row
            case Head():
                return ObjectInfo(len(thing.data), thing.etag, thing.metadata, self.age_s) if thing else None
            case ReadReceipt():
                return self.receipt
            case EscrowGet(nonce):
                return self.escrow.get(nonce)
            case EscrowPut(made):
                self.escrow[made.nonce] = made
            case EscrowDrop(nonce):
                self.escrow.pop(nonce, None)
            case WriteReceipt(made, evidence):
                written = Receipt.of(IDENTITY, made, cdn_url=URL, registry="here", evidence=evidence)
                self.receipt = self.receipt or written
            case Seal():
                return sealed(FRESH, nonce="f" * 32)
            case Pause(attempt):
                return attempt < self.pauses
            case Now():
                return 0.0
            case CheckStore():
                return True
            case CheckReplace():
                return self.honours_if_match
            case RowsOfNamesakes():
                return NamesakeRows(tuple(self.namesakes), self.sees_namesakes)
            case HashObject():
                return digest(thing.data) if thing else None
            case HashCopy(name):
                return digest(self.copies[name.hex]) if name.hex in self.copies else None
            case KeepCopy(name):
                assert thing is not None
                self.copies[name.hex] = thing.data
            case DropCopy(name):
                self.copies.pop(name.hex, None)
            case ListVersions():
                now = datetime(2026, 1, 1, tzinfo=UTC)
                return [VersionInfo(name, len(data), '"v"', now) for name, data in self.versions.items()]
            case TakeVersion(target, version_id):
                return self._found(target, self.versions[version_id])
            case TakeCopy(target):
                return self._found(target, self.copies.get(target.sha256.hex))
            case Rebuild(target):
                return self._found(target, self.rebuilt)
            case DropReceipt():
                self.receipt = None
            case WriteStatement():
                pass
            case _:
                raise AssertionError(effect)
        return None

    def _found(self, target: Target, data: bytes | None) -> Found | None:
        if data is None or digest(data) != target.sha256:
            return None
        return Found(SOURCE, "gzip") if target.key is not None else Found("", "")

    def _exchange(self, wanted: Marks, if_match: str, number: int) -> ReplaceAnswer:
        if number in self.lost_requests:
            return ReplaceAnswer.AMBIGUOUS
        if self.thing is None or if_match not in {self.thing.etag, "*"}:
            return ReplaceAnswer.CHANGED
        self.put(self._bytes(wanted), wanted.metadata())
        return ReplaceAnswer.AMBIGUOUS if number in self.lost_answers else ReplaceAnswer.REPLACED

    def _create(self, wanted: Marks) -> CreateAnswer:
        if self.thing is not None:
            return CreateAnswer.EXISTS
        self.put(self._bytes(wanted), wanted.metadata())
        return CreateAnswer.CREATED

    def _bytes(self, wanted: Marks) -> bytes:
        known = {digest(data).hex: data for data in (REGISTERED, OTHER, FRESH)}
        return known[wanted.sha256 or ""]

    def _register(self, made: Sealed) -> RegisterAnswer:
        if isinstance(self.row, Row):
            return Duplicate(self.row.sha256)
        if self.row is NoRow.ABSENT:
            self.row = made.row(IDENTITY, URL)
        return Accepted()
