"""Performs what a repair asks beyond a publish: finds copies of registered bytes, keeps copies, exchanges objects.

Thin on purpose, like `driver`: what to do next is decided in `repair` and its parts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, cast

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.copies import Copies, Open
from publisher.destinations.fleet.driver import Driver
from publisher.destinations.fleet.namesakes import namesakes
from publisher.destinations.fleet.ports import FleetPorts
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
from publisher.destinations.fleet.values import Marks
from publisher.destinations.port import Host
from publisher.destinations.stepping import Effect
from publisher.errors import CapabilityError, NotFoundError, TransportError
from publisher.events import Step
from publisher.model import Digest, ReadyArtifact, SourceFacts, UnreadySource
from publisher.registries.port import NoRow, Row
from publisher.sealing.format import new_nonce
from publisher.stores.port import (
    CONTROL_PREFIX,
    Body,
    CreateAnswer,
    RepairStore,
    ReplaceAnswer,
)

_UNREAD = SourceFacts(0, Digest("0" * 64))
"""Stands for a source that cannot be read. No repair asks for it, and sealing would refuse it as changed."""


class RepairDriver(Driver):
    """Repairs one artifact. Close it: the spools go with it."""

    def __init__(self, ports: FleetPorts, item: ReadyArtifact | UnreadySource, host: Host) -> None:
        super().__init__(
            ports, item if isinstance(item, ReadyArtifact) else ReadyArtifact(item.artifact, _UNREAD), host
        )
        self._copies = Copies(ports.spool_folder, self._item)
        self._key = self.identity.object_key

    @property
    def _store(self) -> RepairStore:
        """Raises `CapabilityError` for a store whose objects cannot be repaired."""
        store = self._ports.store
        if not hasattr(store, "replace"):
            raise CapabilityError(f"{store.location}: objects of this store cannot be repaired")
        return cast("RepairStore", store)

    def close(self) -> None:
        super().close()
        self._copies.close()

    def perform(self, effect: Effect[Any]) -> Any:
        if not self._is_committed:
            self._host.cancellation.check()
        store, key = self._store, self._key
        match effect:
            case RowsOfNamesakes():
                return self._rows_of_namesakes()
            case HashObject():
                self._enter(Step.VERIFY)
                return self.retried(lambda: self._hash(lambda: store.read(key)))
            case HashCopy(digest):
                return self.retried(lambda: self._hash(lambda: store.read(quarantine_key(digest))))
            case KeepCopy(digest):
                return self.retried(lambda: store.copy_to_control(key, quarantine_key(digest)))
            case DropCopy(digest):
                return self.retried(lambda: store.delete_control(quarantine_key(digest)))
            case ListVersions():
                return self.retried(lambda: store.versions(key))
            case TakeVersion(target, version_id):
                return self._take(target, lambda: store.read_version(key, version_id))
            case TakeCopy(target):
                return self._take(target, lambda: store.read(quarantine_key(target.sha256)))
            case Rebuild(target):
                source_bytes = self._item.source.size_bytes
                self._enter(Step.PREPARE, source_bytes)
                return self._copies.rebuild(
                    target, check=self._cancellation.check, progress=self._counter(source_bytes)
                )
            case DropReceipt():
                return self.retried(lambda: store.delete_control(self._ports.receipt_key(self.identity)))
            case CheckReplace():
                return self.retried(self._honours_if_match)
            case PutBack(marks):
                return self._put_back(marks)
            case Exchange(marks, if_match):
                return self._exchange(marks, if_match)
        return super().perform(effect)

    def _rows_of_namesakes(self) -> NamesakeRows:
        registry, others = self._ports.registry, namesakes(self.identity)
        size, found = max(1, registry.lookup_batch), list[Row | NoRow]()
        for start in range(0, len(others), size):
            chunk = others[start : start + size]
            answers = self.retried(lambda chunk=chunk: registry.lookup(chunk))  # type: ignore[misc] # bound now, not later
            found.extend(answers.values())
        rows = tuple(row for row in found if isinstance(row, Row))
        return NamesakeRows(rows, are_all_seen=NoRow.UNSEEN not in found)

    def _take(self, target: Target, opened: Open) -> Found | None:
        check = self._cancellation.check
        is_there = self.retried(lambda: self._copies.spool(target, opened, check=check))
        return self._copies.opened(target) if is_there else None

    def _hash(self, opened: Open) -> Digest | None:
        running = sha256()
        try:
            with opened() as pieces:
                for piece in pieces:
                    self._cancellation.check()
                    running.update(piece)
        except NotFoundError:
            return None
        return Digest(running.hexdigest())

    def _put_back(self, marks: Marks) -> CreateAnswer:
        body = self._begin_write(marks)
        answer = self._store.create(self._key, body, metadata=_metadata(marks), progress=self._counter(body.size_bytes))
        self._count(answer is CreateAnswer.CREATED, body)
        return answer

    def _exchange(self, marks: Marks, if_match: str) -> ReplaceAnswer:
        body = self._begin_write(marks)
        answer = self._store.replace(self._key, body, metadata=_metadata(marks), if_match=if_match)
        self._count(answer is ReplaceAnswer.REPLACED, body)
        return answer

    def _begin_write(self, marks: Marks) -> Body:
        """Return the body that `marks` describe; from here on a stop is held back, as after a create."""
        staged = self._staged.get(marks.nonce)
        body = (staged.body if staged is not None else None) or self._copies.body(marks.sha256 or "")
        self._enter(Step.UPLOAD, body.size_bytes)
        self.attempts += 1
        self._host.commit()
        self._is_committed = True
        self._cancellation = Cancellation()
        return body

    def _count(self, is_done: bool, body: Body) -> None:
        if is_done:
            self.uploaded_bytes += body.size_bytes

    def _honours_if_match(self) -> bool:
        """Try with a wrong and with the right ETag: a store that ignores the condition would overwrite anything."""
        key = f"{CONTROL_PREFIX}probe/{new_nonce()}"
        try:
            self._store.create(key, Body.of(b"first"), metadata={})
            there = self._store.head(key)
            if there is None:
                return False
            stale = f'"{"0" * 32}"'
            wrong = self._store.replace(key, Body.of(b"second"), metadata={}, if_match=stale)
            right = self._store.replace(key, Body.of(b"third"), metadata={}, if_match=there.etag)
        except CapabilityError:
            return False
        finally:
            self._store.delete_control(key)
        if ReplaceAnswer.AMBIGUOUS in (wrong, right):
            raise TransportError("the store did not say whether it honours If-Match")
        return (wrong, right) == (ReplaceAnswer.CHANGED, ReplaceAnswer.REPLACED)


def quarantine_key(digest: Digest) -> str:
    """Return where a copy of an overwritten object lies: named by its own bytes, so the same ones lie there once."""
    return f"{CONTROL_PREFIX}quarantine/{digest}"


def _metadata(marks: Marks) -> dict[str, str]:
    """Return metadata without what is not known: an empty header is refused or dropped by some stores."""
    return {name: value for name, value in marks.metadata().items() if value}
