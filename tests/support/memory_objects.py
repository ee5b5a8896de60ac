"""An object store in memory: as strict as a real one, and it can be told to fail, to lose messages, or to misbehave."""

from __future__ import annotations

import threading
import time
from binascii import crc32
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from hashlib import md5, sha256

from publisher.errors import CapabilityError, NotFoundError, RejectedError, TransportError
from publisher.model import Digest
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import (
    Body,
    CreateAnswer,
    ObjectInfo,
    Progress,
)

_PIECE = 1024 * 1024


class Fault(Enum):
    """What happens to one call."""

    LOSE_REQUEST = "the store never sees it"
    LOSE_ANSWER = "the store does it, the caller hears nothing"
    UNAVAILABLE = "the store says that it cannot, and does nothing"
    BUSY = "a create is answered with a conflict, and nothing is stored"
    CUT = "a read ends half way"
    CRASH = "the caller dies before the call"


class Crash(BaseException):
    """The process of the caller is gone; nothing in production may catch this."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store keeps it."""

    data: bytes
    metadata: Mapping[str, str]
    version: int
    at: float


@dataclass(eq=False)
class MemoryObjects:
    """Implements the port. `faults` maps the number of a call (from 0) to what happens to it.

    `honours_condition`, `atomic`, `checks_digests`, `checks_sha256`, `checks_crc32` and `keeps_metadata` turn its
    virtues off, `refuses_condition` and `refuses_crc32` make it answer like a store that does not know the header;
    `keeps_versions` turns versioning on. `calls` records (operation, key).
    """

    faults: dict[int, Fault] = field(default_factory=dict)
    honours_condition: bool = True
    refuses_condition: bool = False
    atomic: bool = True
    checks_digests: bool = True
    checks_sha256: bool = True
    checks_crc32: bool = True
    refuses_crc32: bool = False
    keeps_metadata: bool = True
    keeps_versions: bool = False
    may_delete: bool = True
    clock_offset_s: float | None = None
    server: str = ""
    region: str = ""
    objects: dict[str, Stored] = field(default_factory=dict)
    older: dict[str, list[Stored]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def location(self) -> str:
        return "memory"

    def head(self, key: str) -> ObjectInfo | None:
        require_key(key)
        self._arrive("head", key)
        with self._lock:
            stored = self.objects.get(key)
        if stored is None:
            return None
        return ObjectInfo(
            size_bytes=len(stored.data),
            etag=f'"{stored.version}"',
            metadata=stored.metadata,
            age_s=time.monotonic() - stored.at,
            clock_offset_s=self.clock_offset_s,
            server=self.server,
        )

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        require_key(key)
        fault = self._fault("create", key)
        if fault in {Fault.LOSE_REQUEST, Fault.UNAVAILABLE}:
            return CreateAnswer.AMBIGUOUS
        if fault is Fault.BUSY:
            return CreateAnswer.BUSY
        if self.refuses_condition:
            raise CapabilityError("memory: answered 501 NotImplemented")
        self._know(body)
        with body.open() as source:
            data = source.read()
        if progress:
            progress(len(data))
        answer = self._store(key, data, body, metadata)
        return CreateAnswer.AMBIGUOUS if fault is Fault.LOSE_ANSWER else answer

    @contextmanager
    def read(self, key: str) -> Iterator[Iterator[bytes]]:
        require_key(key)
        fault = self._arrive("read", key)
        with self._lock:
            stored = self.objects.get(key)
        if stored is None:
            raise NotFoundError(f"reading {key}: memory holds no such object")
        yield self._pieces(stored.data, cut=fault is Fault.CUT)

    def delete_control(self, key: str) -> None:
        require_control_key(key)
        self._arrive("delete_control", key)
        if not self.may_delete:
            raise RejectedError(f"deleting {key}: not allowed")
        with self._lock:
            self.objects.pop(key, None)

    def _store(self, key: str, data: bytes, body: Body, metadata: Mapping[str, str]) -> CreateAnswer:
        there = key in self.objects
        if not self.atomic:
            # The gap between looking and storing, wide enough for the other writers.
            time.sleep(0.005)
        with self._lock:
            there = key in self.objects if self.atomic else there
            if there and self.honours_condition:
                return CreateAnswer.EXISTS
            self._check(data, body, f"storing {key}")
            self._keep(key, data, metadata if self.keeps_metadata else {})
        return CreateAnswer.CREATED

    def _check(self, data: bytes, body: Body, action: str) -> None:
        good = len(data) == body.size_bytes
        if self.checks_digests:
            good = good and body.md5 in (None, md5(data, usedforsecurity=False).digest())
            good = good and (not self.checks_sha256 or body.sha256 in (None, Digest(sha256(data).hexdigest())))
            good = good and (not self.checks_crc32 or body.crc32 in (None, crc32(data)))
        if not good:
            raise RejectedError(f"{action}: memory answered 400 BadDigest", status=400)

    def _know(self, body: Body) -> None:
        if self.refuses_crc32 and body.crc32 is not None:
            raise CapabilityError("memory: answered 501 NotImplemented to x-amz-checksum-crc32")

    def _keep(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        before = self.objects.get(key)
        if before is not None and self.keeps_versions:
            self.older.setdefault(key, []).append(before)
        kept = {name.lower(): value for name, value in metadata.items()}
        self.objects[key] = Stored(data, kept, version=len(self.calls), at=time.monotonic())

    def _pieces(self, data: bytes, *, cut: bool) -> Iterator[bytes]:
        end = len(data) // 2 if cut else len(data)
        for start in range(0, end, _PIECE):
            yield data[start : min(start + _PIECE, end)]
        if cut:
            raise TransportError(f"{end} of {len(data)} bytes came from memory")

    def _fault(self, operation: str, key: str) -> Fault | None:
        with self._lock:
            fault = self.faults.get(len(self.calls))
            self.calls.append((operation, key))
        if fault is Fault.CRASH:
            raise Crash
        return fault

    def _arrive(self, operation: str, key: str) -> Fault | None:
        fault = self._fault(operation, key)
        if fault in {Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.UNAVAILABLE}:
            raise TransportError(f"{operation} {key}: no answer from memory")
        return fault
