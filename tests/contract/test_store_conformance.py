"""What every object store has to do, asked of each of them: memory, a folder, SeaweedFS, Ceph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from publisher.errors import NotFoundError, RejectedError
from publisher.stores.directory import DirectoryStore
from publisher.stores.port import CONTROL_PREFIX, Body, CreateAnswer, ObjectStore
from publisher.stores.s3 import S3Store
from tests.support.memory_store import MemoryStore

METADATA = {"publish-format": "1", "publish-nonce": "00ff" * 8, "publish-source": "A+b/c=d;e f"}
KEY = "prod/detector-arm64-2.1.0+cu118.enc"


@pytest.fixture(params=["memory", "directory", "seaweedfs", pytest.param("ceph", marks=pytest.mark.tier2)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Return an empty store of each kind."""
    match request.param:
        case "memory":
            return MemoryStore()
        case "directory":
            return DirectoryStore(tmp_path / "store")
        case "ceph":
            return S3Store(request.getfixturevalue("ceph_options"))
    return S3Store(request.getfixturevalue("s3_options"))


def content(store: ObjectStore, key: str) -> bytes:
    with store.read(key) as pieces:
        return b"".join(pieces)


def test_a_created_object_is_there_whole(store: ObjectStore) -> None:
    """What was created is read back byte for byte, in pieces of at most 1 MiB, with its size and metadata."""
    data = bytes(range(256)) * 12_000

    answer = store.create(KEY, Body.of(data), metadata=METADATA)

    assert answer is CreateAnswer.CREATED
    info = store.head(KEY)
    assert info is not None
    assert (info.size_bytes, dict(info.metadata)) == (len(data), METADATA)
    assert info.etag
    assert info.age_s is not None
    assert 0 <= info.age_s < 60
    with store.read(KEY) as pieces:
        received = list(pieces)
    assert b"".join(received) == data
    assert max(map(len, received)) <= 1024 * 1024


def test_the_first_writer_stays(store: ObjectStore) -> None:
    """A second create answers EXISTS and changes neither bytes nor metadata."""
    store.create(KEY, Body.of(b"first"), metadata=METADATA)

    answer = store.create(KEY, Body.of(b"second"), metadata={"publish-nonce": "other"})

    assert answer is CreateAnswer.EXISTS
    assert content(store, KEY) == b"first"
    info = store.head(KEY)
    assert info is not None
    assert dict(info.metadata) == METADATA


def test_one_of_eight_racing_writers_wins(store: ObjectStore) -> None:
    """Exactly one create of a race succeeds, and its bytes and metadata are the ones that are there."""
    start = Barrier(8)

    def write(number: int) -> CreateAnswer:
        start.wait()
        return store.create(KEY, Body.of(b"%d" % number * 1000), metadata={"publish-nonce": str(number)})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(8)))

    assert answers.count(CreateAnswer.CREATED) == 1
    winner = answers.index(CreateAnswer.CREATED)
    assert content(store, KEY) == b"%d" % winner * 1000
    info = store.head(KEY)
    assert info is not None
    assert info.metadata["publish-nonce"] == str(winner)


def test_damaged_bytes_are_refused(store: ObjectStore) -> None:
    """A body that does not match its MD5 is rejected and nothing is stored; a good one is welcome afterwards."""
    body = replace(Body.of(b"good"), md5=b"\0" * 16)

    with pytest.raises(RejectedError):
        store.create(KEY, body, metadata={})

    assert store.head(KEY) is None
    assert store.create(KEY, Body.of(b"good"), metadata={}) is CreateAnswer.CREATED


def test_absent_is_an_answer(store: ObjectStore) -> None:
    """HEAD of nothing is None, reading nothing is NotFoundError."""
    assert store.head("dev/nothing") is None
    with pytest.raises(NotFoundError), store.read("dev/nothing"):
        pass


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    """Zero bytes are stored, seen and read like any others."""
    assert store.create("dev/empty", Body.of(b""), metadata=METADATA) is CreateAnswer.CREATED

    info = store.head("dev/empty")
    assert info is not None
    assert (info.size_bytes, dict(info.metadata)) == (0, METADATA)
    assert content(store, "dev/empty") == b""
    assert store.create("dev/empty", Body.of(b"x"), metadata={}) is CreateAnswer.EXISTS


@pytest.mark.parametrize("key", ["a", "dev/a+b.c-d_e~f.enc", "dev/..a", "dev/a..", "dev/x=y,z@1", "dev/" + "k" * 200])
def test_unusual_keys_are_kept_apart(store: ObjectStore, key: str) -> None:
    """Keys are taken literally: nothing is decoded, normalised or folded."""
    store.create(key, Body.of(key.encode()), metadata={})

    assert content(store, key) == key.encode()
    assert store.head(key.replace("+", " ")) is None or "+" not in key


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", ".", "a/./b", "a\nb", "a\\b", "k" * 300])
def test_keys_no_store_agrees_about_are_refused(store: ObjectStore, key: str) -> None:
    """A key that some store would normalise or refuse never leaves the adapter."""
    for call in (store.head, store.delete_control):
        with pytest.raises(ValueError, match=r"."):
            call(key)
    with pytest.raises(ValueError, match=r"."):
        store.create(key, Body.of(b""), metadata={})


def test_only_control_objects_can_be_deleted(store: ObjectStore) -> None:
    """Deleting works below `.publish/` only, is idempotent, and forgets the metadata, too."""
    control = f"{CONTROL_PREFIX}probe/x-1"
    store.create(KEY, Body.of(b"kept"), metadata={})
    store.create(control, Body.of(b"small"), metadata=METADATA)

    store.delete_control(control)
    store.delete_control(control)

    assert store.head(control) is None
    with pytest.raises(ValueError, match=r"\.publish/"):
        store.delete_control(KEY)
    assert content(store, KEY) == b"kept"
    assert store.create(control, Body.of(b"again"), metadata={"a": "b"}) is CreateAnswer.CREATED
    info = store.head(control)
    assert info is not None
    assert dict(info.metadata) == {"a": "b"}


def test_progress_adds_up_to_the_body(store: ObjectStore) -> None:
    """The numbers handed to `progress` sum up to the body's size."""
    sent: list[int] = []
    data = b"p" * 3_000_000

    store.create(KEY, Body.of(data), metadata={}, progress=sent.append)

    assert sum(sent) == len(data)


def test_reading_can_stop_early(store: ObjectStore) -> None:
    """A reader that leaves in the middle disturbs nothing."""
    data = b"r" * 5_000_000
    store.create(KEY, Body.of(data), metadata={})

    with store.read(KEY) as pieces:
        first = next(pieces)

    assert data.startswith(first)
    assert content(store, KEY) == data


def test_a_readers_own_error_stays_its_own(store: ObjectStore) -> None:
    """An exception of the code that reads is not mistaken for one of the store."""
    store.create(KEY, Body.of(b"data"), metadata={})

    with pytest.raises(FileNotFoundError, match="mine"), store.read(KEY):
        raise FileNotFoundError("mine")


def test_the_location_names_no_secret(store: ObjectStore) -> None:
    """A store's name and printed form hold no credentials."""
    assert store.location
    assert "SKADMINSECRET" not in f"{store.location} {store!r}"
