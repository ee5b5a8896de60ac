"""The benchmark's sink: it may forget large bodies, but never lie about what publishing relies on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest

from publisher.errors import RejectedError
from publisher.stores.body import Body
from publisher.stores.port import CreateAnswer
from publisher.stores.probe import probe
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.benchmark.sink.s3 import S3Sink
from tests.benchmark.sink.state import KEPT_BYTES
from tests.benchmark.sink.wire import WireServer


@pytest.fixture
def store() -> Iterator[S3Store]:
    """The publisher's own adapter in front of a sink."""
    server = WireServer(S3Sink().answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield S3Store(
        S3Options(
            endpoint=f"http://127.0.0.1:{server.port}",
            access_key="AK",
            secret_key="fake-secret-for-tests",
            bucket="bench",
        )
    )
    server.close()


def test_the_sink_passes_the_probe(store: S3Store) -> None:
    """Conditions, digests, metadata and uploads in parts are as good as a real store's: nothing is made easier."""
    found = probe(store, new_id=lambda: uuid.uuid4().hex)
    uploads = probe_uploads(store, new_id=lambda: uuid.uuid4().hex)

    assert (found.problems(), found.warnings(), uploads.problems(), uploads.warnings()) == ((), (), (), ())
    assert found.checks_md5
    assert found.checks_payload_sha256
    assert found.checks_crc32


def test_large_bodies_are_counted_and_not_kept(store: S3Store) -> None:
    """A large object is there, with its size and metadata, and cannot be overwritten; its bytes are gone."""
    body = Body.of(bytes(KEPT_BYTES + 1))

    assert store.create("k", body, metadata={"publish-nonce": "n"}) is CreateAnswer.CREATED
    assert store.create("k", body, metadata={}) is CreateAnswer.EXISTS

    info = store.head("k")
    assert info is not None
    assert (info.size_bytes, info.metadata["publish-nonce"]) == (KEPT_BYTES + 1, "n")
    with pytest.raises(Exception, match="501"), store.read("k") as pieces:
        list(pieces)


def test_an_object_of_parts_has_their_size(store: S3Store) -> None:
    """Parts of which some are too large to keep make an object of the right size, once."""
    bodies = [Body.of(bytes(6 << 20)), Body.of(b"the end")]
    upload = store.start_upload("k", metadata={"publish-nonce": "n"})

    parts = [store.upload_part("k", upload, number, body) for number, body in enumerate(bodies, start=1)]
    answer = store.complete_if_absent("k", upload, parts)

    info = store.head("k")
    assert answer is CreateAnswer.CREATED
    assert info is not None
    assert info.size_bytes == (6 << 20) + 7
    assert store.open_uploads("k") == ()


def test_a_wrong_part_list_completes_nothing(store: S3Store) -> None:
    """A completion must name the parts that are there."""
    upload = store.start_upload("k", metadata={})
    part = store.upload_part("k", upload, 1, Body.of(b"part"))

    with pytest.raises(RejectedError):
        store.complete_if_absent("k", upload, [part, part])

    assert store.head("k") is None
