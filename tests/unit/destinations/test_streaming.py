"""Sealed bytes in parts: what is sent when, what an upload leaves behind, and that memory stays bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import md5, sha256
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.destinations.fleet.streaming import StreamedUpload, part_size
from publisher.destinations.fleet.tidying import Repeat
from publisher.errors import RejectedError, TransportError, UploadLostError
from publisher.model import Digest
from publisher.sealing.parts import PartBuffers
from publisher.sealing.seal import Sealed as Made
from publisher.stores.port import BodyDigest, CreateAnswer
from tests.support.memory_store import Fault, MemoryStore

Result = TypeVar("Result")

KEY, PART, MIB = "dev/model-arm64-1.enc", 100, 1 << 20


def once(action: Callable[[], Result]) -> Result:
    return action()


def begin(
    store: MemoryStore, buffers: PartBuffers | None = None, *, threads: int = 2, repeat: Repeat = once
) -> StreamedUpload:
    return StreamedUpload(
        store,
        KEY,
        metadata={"publish-nonce": "n"},
        digests=frozenset(BodyDigest),
        part_bytes=PART,
        buffers=buffers or PartBuffers(4),
        threads=threads,
        repeat=repeat,
    )


def made_of(data: bytes) -> Made:
    digest = Digest(sha256(data).hexdigest())
    return Made(0, digest, len(data), digest, md5(data, usedforsecurity=False).digest())


def send(upload: StreamedUpload, data: bytes, *, pieces: int = 37) -> None:
    for start in range(0, len(data), pieces):
        upload.write(memoryview(data)[start : start + pieces])
    upload.finish(made_of(data))


def create(upload: StreamedUpload, store: MemoryStore) -> object:
    return upload.create(store, KEY, metadata={"publish-nonce": "n"}, progress=None)


def sent(store: MemoryStore) -> list[str]:
    return [operation for operation, _ in store.calls]


@given(size=st.integers(0, 5 * PART + 1), pieces=st.integers(1, 2 * PART), threads=st.integers(0, 2))
def test_any_object_arrives_whole(size: int, pieces: int, threads: int) -> None:
    """Whatever the sizes of pieces and parts, the object is the bytes that were written, in their order."""
    store, data = MemoryStore(), bytes(index * 7 % 251 for index in range(size))
    upload = begin(store, threads=threads)

    send(upload, data, pieces=pieces)
    answer = create(upload, store)
    left = upload.discard()

    assert (answer, left, store.objects[KEY].data) == (CreateAnswer.CREATED, None, data)
    assert store.uploads == {}


@pytest.mark.parametrize("size", [0, 1, PART])
def test_what_fits_into_one_part_is_one_request(size: int) -> None:
    """An object of one part is sent by a single conditional PUT: no upload is begun."""
    store = MemoryStore()
    upload = begin(store)

    send(upload, bytes(size))
    create(upload, store)
    upload.discard()

    assert sent(store) == ["create"]
    assert not upload.is_streamed


def test_nothing_is_there_before_the_completion() -> None:
    """Parts are no object: until `create` nobody can see anything, and a discarded upload leaves nothing."""
    store = MemoryStore()
    upload = begin(store)

    send(upload, bytes(3 * PART))

    assert (store.objects, len(store.uploads)) == ({}, 1)
    assert upload.discard() is None
    assert (store.objects, store.uploads) == ({}, {})


def test_an_upload_that_may_be_complete_is_not_aborted() -> None:
    """After a completion without an answer the object may be there: discarding lets the upload be."""
    store = MemoryStore()
    upload = begin(store)
    send(upload, bytes(3 * PART))
    store.faults[len(store.calls)] = Fault.LOSE_REQUEST

    answer = create(upload, store)
    upload.discard()

    assert answer is CreateAnswer.AMBIGUOUS
    assert "abort_upload" not in sent(store)


def test_a_refused_completion_is_aborted() -> None:
    """A completion that was refused made nothing: its upload is aborted, and no parts are left to pay for."""
    store = MemoryStore()
    upload = begin(store)
    send(upload, bytes(3 * PART))
    next(iter(store.uploads.values())).parts[2] = b"other bytes"

    with pytest.raises(RejectedError):
        create(upload, store)
    upload.discard()

    assert store.uploads == {}


def test_another_object_allows_the_abort() -> None:
    """Once another object is known to be there, an upload is aborted although its completion was sent."""
    store = MemoryStore()
    upload = begin(store)
    send(upload, bytes(3 * PART))
    store.faults[len(store.calls)] = Fault.LOSE_REQUEST
    create(upload, store)

    assert upload.abort() is None
    assert store.uploads == {}
    upload.discard()


def test_a_part_that_cannot_be_sent_ends_the_upload() -> None:
    """The error of a part is the error of the artifact; all buffers come back, no thread and no upload stays."""
    store, buffers = MemoryStore(), PartBuffers(4)
    store.faults = dict.fromkeys(range(2, 40), Fault.UNAVAILABLE)
    upload = begin(store, buffers)

    with pytest.raises(TransportError):
        send(upload, bytes(30 * PART))
    store.faults = {}
    upload.discard()

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("part")] == []
    assert store.uploads == {}
    for _ in range(4):
        buffers.take(PART)


def test_an_upload_that_somebody_aborted_is_lost() -> None:
    """A part of an upload that is gone is an `UploadLostError`: the protocol then makes new bytes."""
    store = MemoryStore()
    upload = begin(store, threads=0)
    upload.write(memoryview(bytes(2 * PART)))
    upload.write(memoryview(b"more"))
    store.uploads.clear()

    with pytest.raises(UploadLostError):
        upload.finish(made_of(b""))
    upload.discard()


def test_an_abort_that_fails_is_told() -> None:
    """S17: an upload that cannot be aborted is named, so that somebody can."""
    store = MemoryStore()
    upload = begin(store)
    send(upload, bytes(3 * PART))
    store.faults[len(store.calls)] = Fault.UNAVAILABLE

    left = upload.discard()

    assert left is not None
    assert KEY in left


def test_buffers_bound_memory() -> None:
    """No more buffers exist at once than the limit, however many parts wait for a slow store."""
    buffers, store = PartBuffers(2), MemoryStore()
    gate, held = threading.Event(), []

    def slow(action: Callable[[], Result]) -> Result:
        held.append(1)
        gate.wait(10)
        return action()

    upload = begin(store, buffers, threads=4, repeat=slow)
    writer = threading.Thread(target=lambda: send(upload, bytes(9 * PART)))
    writer.start()
    while len(held) < 1:
        threading.Event().wait(0.001)
    assert len(store.uploads) <= 1
    gate.set()
    writer.join(10)

    assert create(upload, store) is CreateAnswer.CREATED
    assert store.objects[KEY].data == bytes(9 * PART)
    upload.discard()


@pytest.mark.parametrize(
    ("source_bytes", "part_bytes"),
    [(0, 16 * MIB), (1 << 30, 16 * MIB), (14 << 30, 16 * MIB), (20 << 30, 23 * MIB), (5 << 40, 5832 * MIB)],
)
def test_there_are_at_most_a_thousand_parts(source_bytes: int, part_bytes: int) -> None:
    """S19: all parts are equal, of 16 MiB or more, and the strictest store's thousand is never reached."""
    size = part_size(source_bytes)

    assert size == pytest.approx(part_bytes, rel=0.01)
    assert source_bytes * 1.01 / size < 1000
