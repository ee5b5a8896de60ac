"""What a store has to do for uploads in parts: nothing is visible before the end, and the end replaces nothing."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Sequence
from dataclasses import replace

import pytest

from publisher.errors import DestinationError, NotFoundError, RejectedError
from publisher.stores.port import (
    Body,
    BodyDigest,
    CreateAnswer,
    MultipartStore,
    SentPart,
    UnconditionalStore,
    UploadGone,
)
from publisher.stores.s3 import S3Store
from tests.support.memory_store import MemoryStore
from tests.support.s3_servers import S3Server

KEY = "prod/detector-arm64-2.1.0.enc"
MARKS = {"publish-nonce": "00ff" * 8, "publish-source": "A+b/c=d;e f"}
PARTS = [bytes(range(256)) * 20_480, b"the rest"]
WHOLE = b"".join(PARTS)
CEPH = pytest.param("ceph", marks=pytest.mark.tier2)
ANYWHERE = pytest.mark.parametrize("store", ["memory", "seaweedfs", "streaming", CEPH], indirect=True)
KNOWING_CRC32 = pytest.mark.parametrize("store", ["memory", "seaweedfs", "streaming"], indirect=True)
HONOURING_CONDITIONS = pytest.mark.parametrize("store", ["memory", "seaweedfs", "streaming"], indirect=True)
"""Ceph 16.2 ignores the condition of a completion, and CRC-32."""


@pytest.fixture
def store(request: pytest.FixtureRequest) -> MultipartStore:
    """Return an empty store of the wanted kind."""
    match request.param:
        case "memory":
            return MemoryStore()
        case "ceph":
            return S3Store(request.getfixturevalue("ceph_options"))
        case "streaming":
            server: S3Server = request.getfixturevalue("streaming_s3")
            return S3Store(server.options(server.new_bucket()))
    return S3Store(request.getfixturevalue("s3_options"))


def content(store: MultipartStore, key: str) -> bytes:
    with store.read(key) as pieces:
        return b"".join(pieces)


def sent(store: MultipartStore, parts: Sequence[bytes] = PARTS, key: str = KEY) -> tuple[str, list[SentPart]]:
    """Start an upload and send its parts; return its id and what a completion has to say of them."""
    upload_id = store.start_upload(key, metadata=MARKS)
    done = [store.upload_part(key, upload_id, number, Body.of(part)) for number, part in enumerate(parts, start=1)]
    return upload_id, done


@ANYWHERE
def test_an_upload_appears_when_it_is_completed(store: MultipartStore) -> None:
    """Nothing is there before, and afterwards all of it with its metadata; no open upload remains."""
    upload_id, parts = sent(store)
    assert store.head(KEY) is None
    (listed,) = store.open_uploads("prod/")
    assert (listed.key, listed.upload_id) == (KEY, upload_id)
    assert listed.age_s is None or -2 < listed.age_s < 60

    answer = store.complete_if_absent(KEY, upload_id, parts)

    assert answer is CreateAnswer.CREATED
    info = store.head(KEY)
    assert info is not None
    assert (info.size_bytes, dict(info.metadata)) == (len(WHOLE), MARKS)
    assert content(store, KEY) == WHOLE
    assert list(store.open_uploads("")) == []


@HONOURING_CONDITIONS
def test_a_completion_replaces_nothing(store: MultipartStore) -> None:
    """Where an object is, the answer is EXISTS, the object stays, and the upload can still be aborted."""
    upload_id, parts = sent(store)
    store.create(KEY, Body.of(b"first"), metadata={"publish-nonce": "first"})

    answer = store.complete_if_absent(KEY, upload_id, parts)

    assert answer is CreateAnswer.EXISTS
    assert content(store, KEY) == b"first"
    info = store.head(KEY)
    assert info is not None
    assert dict(info.metadata) == {"publish-nonce": "first"}
    store.abort_upload(KEY, upload_id)
    assert list(store.open_uploads("")) == []


@ANYWHERE
def test_an_aborted_upload_is_gone(store: MultipartStore) -> None:
    """Aborting is idempotent; then parts are NotFoundError, a completion is no success, and nothing is there."""
    upload_id, parts = sent(store)

    store.abort_upload(KEY, upload_id)
    store.abort_upload(KEY, upload_id)

    assert list(store.open_uploads("")) == []
    with pytest.raises(NotFoundError):
        store.upload_part(KEY, upload_id, 1, Body.of(PARTS[0]))
    # Ceph 16.2 answers 500 InternalError, "already in progress".
    assert store.complete_if_absent(KEY, upload_id, parts) in {UploadGone.GONE, CreateAnswer.AMBIGUOUS}
    assert store.head(KEY) is None


@HONOURING_CONDITIONS
def test_an_upload_is_completed_once(store: MultipartStore) -> None:
    """A second completion is answered GONE or EXISTS, and the object stays."""
    upload_id, parts = sent(store)
    store.complete_if_absent(KEY, upload_id, parts)

    again = store.complete_if_absent(KEY, upload_id, parts)

    assert again in {UploadGone.GONE, CreateAnswer.EXISTS}
    assert content(store, KEY) == WHOLE


@ANYWHERE
def test_a_part_can_be_sent_again(store: MultipartStore) -> None:
    """The last bytes sent for a number count: what is not certain is simply sent again."""
    upload_id = store.start_upload(KEY, metadata=MARKS)
    store.upload_part(KEY, upload_id, 1, Body.of(b"half of"))
    part = store.upload_part(KEY, upload_id, 1, Body.of(b"the whole"))

    answer = store.complete_if_absent(KEY, upload_id, [part])

    assert answer is CreateAnswer.CREATED
    assert content(store, KEY) == b"the whole"


@ANYWHERE
def test_a_damaged_part_is_refused(store: MultipartStore) -> None:
    """A part that does not match its MD5 is rejected; the right one is welcome afterwards."""
    upload_id = store.start_upload(KEY, metadata=MARKS)

    with pytest.raises(RejectedError):
        store.upload_part(KEY, upload_id, 1, replace(Body.of(b"good"), md5=b"\0" * 16))

    part = store.upload_part(KEY, upload_id, 1, Body.of(b"good"))
    assert store.complete_if_absent(KEY, upload_id, [part]) is CreateAnswer.CREATED
    assert content(store, KEY) == b"good"


@KNOWING_CRC32
def test_parts_with_a_crc32_become_an_object(store: MultipartStore) -> None:
    """An upload begun for CRC-32 needs no other digest, and a damaged part is refused."""
    upload_id = store.start_upload(KEY, metadata=MARKS, digests={BodyDigest.CRC32})
    bodies = [Body.of_buffers([part[:99], part[99:]], crc32=crc32(part)) for part in PARTS]

    with pytest.raises(RejectedError):
        store.upload_part(KEY, upload_id, 1, replace(bodies[0], crc32=crc32(b"other")))
    parts = [store.upload_part(KEY, upload_id, number, body) for number, body in enumerate(bodies, start=1)]

    assert [part.crc32 for part in parts] == [crc32(part) for part in PARTS]
    assert store.complete_if_absent(KEY, upload_id, parts) is CreateAnswer.CREATED
    assert content(store, KEY) == WHOLE


@ANYWHERE
@pytest.mark.parametrize("digest", [BodyDigest.MD5, BodyDigest.SHA256])
def test_one_digest_of_a_part_is_enough(store: MultipartStore, digest: BodyDigest) -> None:
    """A part is taken with only one of its digests: nobody has to compute the others."""
    whole = Body.of(b"part")
    body = replace(whole, md5=None) if digest is BodyDigest.SHA256 else replace(whole, sha256=None)
    upload_id = store.start_upload(KEY, metadata={}, digests={digest})

    part = store.upload_part(KEY, upload_id, 1, body)

    assert store.complete_if_absent(KEY, upload_id, [part]) is CreateAnswer.CREATED
    assert content(store, KEY) == b"part"


@ANYWHERE
def test_progress_adds_up_to_the_parts(store: MultipartStore) -> None:
    """The numbers handed to `progress` sum up to what was sent."""
    counted: list[int] = []
    upload_id = store.start_upload(KEY, metadata={})

    for number, part in enumerate(PARTS, start=1):
        store.upload_part(KEY, upload_id, number, Body.of(part), counted.append)

    assert sum(counted) == len(WHOLE)
    store.abort_upload(KEY, upload_id)


@ANYWHERE
def test_open_uploads_are_listed_by_prefix(store: MultipartStore) -> None:
    """Only keys that begin with the prefix are listed, and each of several uploads of one key."""
    mine = {sent(store, [b"x"], f"prod/{name}")[0] for name in "aab"}
    other, _ = sent(store, [b"x"], "dev/c")

    assert {upload.upload_id for upload in store.open_uploads("prod/")} == mine
    assert {upload.upload_id for upload in store.open_uploads("")} == mine | {other}
    for upload in store.open_uploads(""):
        store.abort_upload(upload.key, upload.upload_id)
    assert list(store.open_uploads("")) == []


@ANYWHERE
def test_an_unconditional_completion_replaces(store: MultipartStore) -> None:
    """Pinned bytes may be stored again: a completion without a condition makes the object whatever is there."""
    assert isinstance(store, UnconditionalStore)
    upload_id, parts = sent(store)
    store.complete(KEY, upload_id, parts)
    upload_id, parts = sent(store, [PARTS[1]])

    answer = store.complete(KEY, upload_id, parts)

    assert (answer, content(store, KEY)) == (CreateAnswer.CREATED, PARTS[1])


@ANYWHERE
def test_an_unconditional_put_replaces(store: MultipartStore) -> None:
    """The same for one request; damaged bytes are not stored."""
    assert isinstance(store, UnconditionalStore)
    store.put(KEY, Body.of(b"first"), metadata=MARKS)

    answer = store.put(KEY, Body.of(b"second"), metadata=MARKS)
    with pytest.raises(DestinationError):
        store.put(KEY, replace(Body.of(b"third"), md5=Body.of(b"other").md5), metadata=MARKS)

    stored = store.head(KEY)
    assert (answer, content(store, KEY)) == (CreateAnswer.CREATED, b"second")
    assert stored is not None
    assert stored.metadata == MARKS
