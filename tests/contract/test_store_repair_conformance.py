"""What a store has to do for `publish repair`: replace one certain object, keep a copy, show older versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import pytest

from publisher.errors import NotFoundError, RejectedError
from publisher.stores.directory import DirectoryStore
from publisher.stores.port import Body, RepairStore, ReplaceAnswer
from publisher.stores.s3 import S3Store
from tests.support.memory_store import MemoryStore
from tests.support.s3_servers import S3Server

KEY = "prod/detector-arm64-2.1.0.enc"
OLD, NEW = b"the damaged bytes", b"the right bytes, which are longer"
COPY = f".publish/quarantine/{sha256(OLD).hexdigest()}"
OLD_MARKS, NEW_MARKS = {"publish-nonce": "old"}, {"publish-nonce": "new"}
CEPH = pytest.param("ceph", marks=pytest.mark.tier2)
ANYWHERE = pytest.mark.parametrize("store", ["memory", "directory", "seaweedfs", CEPH], indirect=True)
HONOURING_IF_MATCH = pytest.mark.parametrize("store", ["memory", "directory", "seaweedfs"], indirect=True)
"""Ceph 16.2 refuses even the right ETag."""


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RepairStore:
    """Return a store of the wanted kind which holds the old bytes."""
    made: RepairStore
    match request.param:
        case "memory":
            made = MemoryStore()
        case "directory":
            made = DirectoryStore(tmp_path / "store")
        case "ceph":
            made = S3Store(request.getfixturevalue("ceph_options"))
        case _:
            made = S3Store(request.getfixturevalue("s3_options"))
    made.create(KEY, Body.of(OLD), metadata=OLD_MARKS)
    return made


def content(store: RepairStore, key: str) -> bytes:
    with store.read(key) as pieces:
        return b"".join(pieces)


def etag(store: RepairStore) -> str:
    info = store.head(KEY)
    assert info is not None
    return info.etag


@HONOURING_IF_MATCH
def test_the_object_that_was_meant_is_replaced(store: RepairStore) -> None:
    """With the ETag of what is there, bytes and metadata become the new ones, and the ETag another one."""
    before = etag(store)

    answer = store.replace(KEY, Body.of(NEW), metadata=NEW_MARKS, if_match=before)

    assert answer is ReplaceAnswer.REPLACED
    assert content(store, KEY) == NEW
    info = store.head(KEY)
    assert info is not None
    assert dict(info.metadata) == NEW_MARKS
    assert info.etag != before


@ANYWHERE
def test_another_object_is_never_replaced(store: RepairStore) -> None:
    """With a stale ETag the answer is CHANGED, and the object stays as it is."""
    answer = store.replace(KEY, Body.of(NEW), metadata=NEW_MARKS, if_match='"0123456789abcdef0123456789abcdef"')

    assert answer is ReplaceAnswer.CHANGED
    assert content(store, KEY) == OLD
    info = store.head(KEY)
    assert info is not None
    assert dict(info.metadata) == OLD_MARKS


@ANYWHERE
def test_any_object_can_be_meant_but_not_none(store: RepairStore) -> None:
    """`*` stands for whatever is there, and where nothing is, nothing is stored."""
    assert store.replace(KEY, Body.of(NEW), metadata={}, if_match="*") is ReplaceAnswer.REPLACED
    assert store.replace("prod/nothing", Body.of(NEW), metadata={}, if_match="*") is ReplaceAnswer.CHANGED

    assert content(store, KEY) == NEW
    assert store.head("prod/nothing") is None


@HONOURING_IF_MATCH
def test_one_of_two_replacements_wins(store: RepairStore) -> None:
    """Of racing replacements of the same object exactly one succeeds, and its bytes are there."""
    before, start = etag(store), Barrier(4)

    def write(number: int) -> ReplaceAnswer:
        start.wait()
        return store.replace(KEY, Body.of(b"%d" % number * 99), metadata={}, if_match=before)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(write, range(4)))

    assert answers.count(ReplaceAnswer.REPLACED) == 1
    assert content(store, KEY) == b"%d" % answers.index(ReplaceAnswer.REPLACED) * 99


@HONOURING_IF_MATCH
def test_damaged_bytes_replace_nothing(store: RepairStore) -> None:
    """A body that does not match its MD5 is rejected and the object stays."""
    with pytest.raises(RejectedError):
        store.replace(KEY, replace(Body.of(NEW), md5=b"\0" * 16), metadata={}, if_match=etag(store))

    assert content(store, KEY) == OLD


@ANYWHERE
def test_a_copy_outlives_the_replacement(store: RepairStore) -> None:
    """The copy holds the old bytes with their metadata, also after the object was replaced."""
    store.copy_to_control(KEY, COPY)

    store.replace(KEY, Body.of(NEW), metadata=NEW_MARKS, if_match="*")

    assert content(store, COPY) == OLD
    info = store.head(COPY)
    assert info is not None
    assert dict(info.metadata) == OLD_MARKS
    assert content(store, KEY) == NEW


@ANYWHERE
def test_a_copy_is_made_once(store: RepairStore) -> None:
    """Copying again is fine; another object of another size in its place is an error and is not touched."""
    store.copy_to_control(KEY, COPY)
    store.copy_to_control(KEY, COPY)
    store.replace(KEY, Body.of(NEW), metadata=NEW_MARKS, if_match="*")

    with pytest.raises(RejectedError):
        store.copy_to_control(KEY, COPY)

    assert content(store, COPY) == OLD


@ANYWHERE
def test_what_is_absent_cannot_be_copied(store: RepairStore) -> None:
    """Nothing there is NotFoundError, and a copy outside `.publish/` is a programmer's mistake."""
    with pytest.raises(NotFoundError):
        store.copy_to_control("prod/nothing", COPY)
    with pytest.raises(ValueError, match=r"\.publish/"):
        store.copy_to_control(KEY, "prod/copy")

    assert store.head(COPY) is None


@ANYWHERE
def test_without_versioning_there_are_no_versions(store: RepairStore) -> None:
    """The current object is no older version, and reading one that is not there is NotFoundError."""
    store.replace(KEY, Body.of(NEW), metadata={}, if_match="*")

    assert list(store.versions(KEY)) == []
    assert list(store.versions("prod/nothing")) == []


@pytest.mark.parametrize("kind", ["memory", "seaweedfs", CEPH])
def test_older_versions_can_be_read(request: pytest.FixtureRequest, kind: str) -> None:
    """With versioning, what was replaced is listed, newest first, and read by its id; other keys are not mixed in."""
    store = versioned(request, kind)
    for data in (OLD, b"between", NEW):
        store.create(KEY, Body.of(data), metadata={})
        store.replace(KEY, Body.of(data), metadata={}, if_match="*")
    store.create(f"{KEY}2", Body.of(b"a namesake"), metadata={})
    store.replace(f"{KEY}2", Body.of(b"another namesake"), metadata={}, if_match="*")

    found = store.versions(KEY)

    read = []
    for version in found:
        with store.read_version(KEY, version.version_id) as pieces:
            read.append(b"".join(pieces))
    assert list(dict.fromkeys(read)) == [b"between", OLD]
    assert [version.size_bytes for version in found] == [len(data) for data in read]
    assert [version.last_modified for version in found] == sorted((v.last_modified for v in found), reverse=True)
    assert content(store, KEY) == NEW


def versioned(request: pytest.FixtureRequest, kind: str) -> RepairStore:
    if kind == "memory":
        return MemoryStore(keeps_versions=True)
    server: S3Server = request.getfixturevalue(kind)
    bucket = server.new_bucket()
    server.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return S3Store(server.options(bucket))
