"""The ports as one process sees them: every call is a request that the scheduler settles. They hold no protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from publisher.errors import NotFoundError, PublisherError, RejectedError, TransportError
from publisher.model import FleetIdentity
from publisher.registries.port import (
    Accepted,
    ClaimRecord,
    Duplicate,
    EscrowRecord,
    Lookup,
    NoAnswer,
    NoRow,
    Refused,
    RegisterAnswer,
    Row,
)
from publisher.stores.port import (
    Body,
    BodyDigest,
    CompleteAnswer,
    CreateAnswer,
    ObjectInfo,
    OpenUpload,
    Progress,
    SentPart,
)
from tests.simulation.engine.follower import Follower, Request
from tests.simulation.engine.network import (
    COMPLETE_FATES,
    CREATE_FATES,
    CREATE_OBJECT_FATES,
    LOOKUP_FATES,
    PART_FATES,
    PUT_FATES,
    READ_FATES,
    REGISTER_FATES,
    STALE_LOOKUP,
    WRITE_FATES,
    Fate,
    Message,
)
from tests.simulation.engine.process import Process
from tests.simulation.engine.scheduler import Scheduler
from tests.simulation.engine.world import CLAIMS, KEYS, RECEIPTS, World
from tests.support.kinds import fleet_of


class Line:
    """How one process reaches the world. `follower` is None for publishers that do not follow the model."""

    def __init__(self, process: Process, scheduler: Scheduler, world: World, follower: Follower | None) -> None:
        self.process = process
        self.scheduler = scheduler
        self.world = world
        self.follower = follower

    def follow(self, objection: Callable[[Follower], str | None]) -> None:
        broken = objection(self.follower) if self.follower else None
        if broken:
            self.scheduler.object_to(self.process, broken)

    def send(
        self, request: Request, what: str, apply: Callable[[], object], fates: tuple[Fate, ...], *, writes: bool = False
    ) -> object:
        self.follow(lambda follower: follower.request(request))
        self.reached(f"effect {request}")
        return self.scheduler.request(self.process, Message(self.process.name, request, what, apply, fates, writes))

    def reached(self, what: str) -> None:
        self.scheduler.reached[what] += 1


class ScheduledStore:
    """One bucket. Remembers the last answer to a create, to tell which row of the resolve table was reached."""

    location = "s3://simulated"

    def __init__(self, line: Line) -> None:
        self._line = line
        self._unresolved: tuple[str, str] | None = None
        self._nonces: dict[str, str] = {}

    def head(self, key: str) -> ObjectInfo | None:
        line = self._line
        try:
            found = cast(ObjectInfo | None, line.send("head", "HEAD", lambda: line.world.store.head(key), READ_FATES))
        except TransportError:
            if self._unresolved:
                line.reached("resolve: HEAD fails")
            raise
        if self._unresolved:
            answer, nonce = self._unresolved
            shown = "none" if found is None else "mine" if found.metadata.get("publish-nonce") == nonce else "other"
            line.reached(f"resolve: {answer}, {shown}")
            self._unresolved = None
        return found

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        line = self._line
        # The bytes are on their way now: a late arrival must not read a file that its sender has removed since.
        with body.open() as source:
            data = source.read()
        if progress:
            progress(len(data))

        def apply() -> CreateAnswer:
            return line.world.store.create(key, Body.of(data), metadata=metadata)

        if key.startswith(KEYS):
            return cast(CreateAnswer, line.send("escrow put", "PUT escrow record", apply, CREATE_FATES, writes=True))
        if key.startswith(CLAIMS):
            return cast(CreateAnswer, line.send("put claim", "PUT claim", apply, CREATE_FATES, writes=True))
        if key.startswith(RECEIPTS):
            line.follow(lambda follower: follower.write_receipt(data))
            return cast(CreateAnswer, line.send("write receipt", "PUT receipt", apply, CREATE_FATES, writes=True))
        nonce = metadata.get("publish-nonce", "")
        line.follow(lambda follower: follower.create(data, nonce, key))
        try:
            answer = cast(CreateAnswer, line.send("create", "PUT object", apply, CREATE_OBJECT_FATES, writes=True))
        except PublisherError as error:
            line.reached(f"resolve: {error.code}")
            raise
        self._unresolved = (answer.value, nonce)
        return answer

    def put(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        line = self._line
        with body.open() as source:
            data = source.read()

        def apply() -> CreateAnswer:
            return line.world.store.put(key, Body.of(data), metadata=metadata)

        line.follow(lambda follower: follower.overwrite(data, key))
        return cast(CreateAnswer, line.send("overwrite", "PUT object, no condition", apply, PUT_FATES, writes=True))

    def complete(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        line = self._line

        def apply() -> CompleteAnswer:
            return line.world.store.complete(key, upload_id, parts)

        line.follow(lambda follower: follower.overwrite(line.world.bytes_of(upload_id), key))
        answer = line.send("overwrite", "POST completion, no condition", apply, PUT_FATES, writes=True)
        if line.follower:
            line.follower.completed(upload_id)
        return cast(CompleteAnswer, answer)

    def start_upload(self, key: str, *, metadata: Mapping[str, str], digests: Collection[BodyDigest] = ()) -> str:
        line = self._line

        def apply() -> str:
            return line.world.store.start_upload(key, metadata=metadata, digests=digests)

        upload_id = cast(str, line.send("start upload", "POST uploads", apply, WRITE_FATES, writes=True))
        self._nonces[upload_id] = metadata.get("publish-nonce", "")
        return upload_id

    def upload_part(
        self, key: str, upload_id: str, number: int, body: Body, progress: Progress | None = None
    ) -> SentPart:
        line = self._line
        with body.open() as source:
            data = source.read()

        sent = Body.of_buffers([data], sha256=body.sha256, md5=body.md5, crc32=body.crc32)

        def apply() -> SentPart:
            return line.world.store.upload_part(key, upload_id, number, sent)

        return cast(SentPart, line.send("upload part", f"PUT part {number}", apply, PART_FATES, writes=True))

    def complete_if_absent(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        line, nonce = self._line, self._nonces[upload_id]

        def apply() -> CompleteAnswer:
            return line.world.store.complete_if_absent(key, upload_id, parts)

        line.follow(lambda follower: follower.create(upload_id.encode(), nonce, key))
        try:
            answer = cast(CompleteAnswer, line.send("create", "POST completion", apply, COMPLETE_FATES, writes=True))
        except PublisherError as error:
            line.reached(f"resolve: {error.code}")
            raise
        if line.follower:
            line.follower.completed(upload_id)
        self._unresolved = (answer.value, nonce)
        return answer

    def abort_upload(self, key: str, upload_id: str) -> None:
        line = self._line
        line.follow(lambda follower: follower.abort(upload_id, key))

        def apply() -> None:
            line.world.store.abort_upload(key, upload_id)

        line.send("abort upload", "DELETE upload", apply, WRITE_FATES, writes=True)

    def open_uploads(self, prefix: str) -> Sequence[OpenUpload]:
        line = self._line
        found = line.send("list uploads", "GET uploads", lambda: line.world.store.open_uploads(prefix), READ_FATES)
        return cast(Sequence[OpenUpload], found)

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        line = self._line

        def apply() -> object:
            stored = line.world.store.objects.get(key)
            return NotFoundError(f"{key} is not there") if stored is None else stored.data

        if key.startswith(KEYS):
            data = line.send("escrow get", "GET escrow record", apply, READ_FATES)
        elif key.startswith(CLAIMS):
            data = line.send("put claim", "GET claim", apply, READ_FATES)
        elif key.startswith(RECEIPTS):
            data = line.send("read receipt", "GET receipt", apply, READ_FATES)
        else:
            cut = Fate("cut in the middle", answer=lambda: b"cut")
            data = line.send("read back", "GET object", apply, (*READ_FATES, cut))
        yield _pieces(cast(bytes, data))

    def delete_control(self, key: str) -> None:
        line = self._line
        nonce = key.removeprefix(KEYS).removesuffix(".json")
        _drop(line, nonce, lambda: line.world.store.delete_control(key))


class ScheduledRegistry:
    location = "https://registry.simulated"

    def __init__(self, line: Line) -> None:
        self._line = line
        self._kind = line.world.scenario.registry
        self._unsettled: str | None = None

    @property
    def lookup_batch(self) -> int:
        return self._line.world.registry.lookup_batch

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        line, identity = self._line, identities[0]
        if not self._kind.has_lookup:
            self._settled("unseen")
            return dict.fromkeys(identities, NoRow.UNSEEN)
        fates: tuple[Fate, ...] = LOOKUP_FATES
        if line.scheduler.now - line.world.added_at.get(identity, line.scheduler.now) < self._kind.lag_s:
            fates = (*LOOKUP_FATES, *[STALE_LOOKUP] * 6)
        try:
            found = line.send("lookup", "lookup", lambda: line.world.registry.lookup([identity])[identity], fates)
        except PublisherError:
            self._settled("lookup fails")
            raise
        self._settled("row" if isinstance(found, Row) else "absent")
        return {identity: cast(Lookup, found)}

    def register(self, row: Row) -> RegisterAnswer:
        line = self._line
        line.follow(lambda follower: follower.register(row))

        def apply() -> RegisterAnswer:
            line.world.added_at.setdefault(row.identity, line.scheduler.now)
            return self._worded(line.world.registry.register(row))

        answer = cast(RegisterAnswer, line.send("register", "POST row", apply, REGISTER_FATES, writes=True))
        name = type(answer).__name__
        match answer:
            case Duplicate(sha256):
                shown = "none" if sha256 is None else "equal" if sha256 == row.sha256 else "other"
                name = f"{name} ({shown})"
            case Refused(error, business):
                name = f"{name} ({'business' if business else error.code})"
            case Accepted() | NoAnswer():
                pass
        line.reached(f"registration: {name}")
        self._unsettled = name
        return answer

    def _worded(self, answer: RegisterAnswer) -> RegisterAnswer:
        if not isinstance(answer, Duplicate) or self._kind.duplicate == "sha256":
            return answer
        if self._kind.duplicate == "bare":
            return Duplicate(None)
        return Refused(RejectedError("409", status=409), business=True)

    def _settled(self, shown: str) -> None:
        if self._unsettled:
            self._line.reached(f"registration: {self._unsettled}, {shown}")
            self._unsettled = None


class ScheduledEscrow:
    """Records beside the rows: one table, one transaction each."""

    location = "sql:simulated"

    def __init__(self, line: Line) -> None:
        self._line = line

    def put(self, record: EscrowRecord) -> None:
        escrow = self._line.world.escrow
        self._line.send("escrow put", "INSERT escrow record", lambda: escrow.put(record), WRITE_FATES, writes=True)

    def get(self, nonce: str) -> EscrowRecord | None:
        escrow = self._line.world.escrow
        return cast(
            EscrowRecord | None,
            self._line.send("escrow get", "SELECT escrow record", lambda: escrow.get(nonce), READ_FATES),
        )

    def drop(self, nonce: str) -> None:
        _drop(self._line, nonce, lambda: self._line.world.escrow.drop(nonce))


class ScheduledClaims:
    """Claims in the database: one INSERT, and one SELECT of what is there."""

    location = "sql:simulated claims"

    def __init__(self, line: Line) -> None:
        self._line = line

    def put(self, claim: ClaimRecord) -> ClaimRecord:
        claims = self._line.world.claims
        found = self._line.send("put claim", "INSERT claim", lambda: claims.put(claim), WRITE_FATES, writes=True)
        return cast(ClaimRecord, found)


def _drop(line: Line, nonce: str, apply: Callable[[], None]) -> None:
    object_key = fleet_of(line.process.item.artifact).object_key
    line.follow(lambda follower: follower.drop(nonce, object_key))
    line.send("escrow drop", f"DELETE escrow record {nonce[:4]}", apply, WRITE_FATES, writes=True)


def _pieces(data: bytes) -> Iterator[bytes]:
    if data == b"cut":
        yield b"c"
        raise TransportError("the connection was cut in the middle")
    yield data
