"""The probe of uploads in parts against stores whose vices are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from publisher.errors import TransportError
from publisher.stores.capabilities import Enforcement, UploadCapabilities
from publisher.stores.port import BodyDigest
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.race import ROUNDS
from tests.support.memory_store import Fault, MemoryStore


def names() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"run{next(numbers)}"


def test_a_good_store_has_no_problems() -> None:
    """A store that keeps every promise is found to, and left as it was: no object, no open upload."""
    store = MemoryStore()

    found = probe_uploads(store, new_id=names())

    assert found == UploadCapabilities(
        Enforcement.ENFORCED,
        checks_part_md5=True,
        checks_part_sha256=True,
        checks_part_crc32=True,
        keeps_upload_metadata=True,
        consistent_reads=True,
        lists_uploads=True,
        aborts_uploads=True,
        replayed_complete="gone",
    )
    assert (found.problems(), found.warnings()) == ((), ())
    assert (store.objects, store.uploads) == ({}, {})
    assert all(key.startswith(".publish/probe/run0-") for _, key in store.calls)
    raced = {key for operation, key in store.calls if operation == "complete_if_absent"}
    assert len(raced) == 1 + ROUNDS + 1 + len(BodyDigest) + 1


@pytest.mark.parametrize(
    ("store", "expected", "words"),
    [
        (MemoryStore(honours_complete_condition=False), Enforcement.IGNORED, "in spite of If-None-Match"),
        (MemoryStore(completes_atomically=False), Enforcement.RACY, "not atomic"),
        (MemoryStore(refuses_uploads=True), Enforcement.REFUSED, "refuses uploads"),
    ],
    ids=["ignored", "racy", "refused"],
)
def test_a_store_whose_completion_replaces_is_found_out(store: MemoryStore, expected: Enforcement, words: str) -> None:
    """P1, P3: a condition of the completion that is ignored, not atomic or refused is a problem, in words."""
    found = probe_uploads(store, new_id=names())

    assert found.conditional_complete is expected
    assert words in found.problems()[0]
    assert (store.objects, store.uploads) == ({}, {})


@pytest.mark.parametrize(
    ("store", "words"),
    [
        (MemoryStore(checks_digests=False), "check the parts"),
        (MemoryStore(keeps_upload_metadata=False), "metadata"),
    ],
    ids=["digests", "metadata"],
)
def test_what_a_stream_relies_on_is_a_problem(store: MemoryStore, words: str) -> None:
    """P5, P6, P7: parts that nobody checks, and metadata that is lost, forbid streaming."""
    (problem,) = probe_uploads(store, new_id=names()).problems()

    assert words in problem


def test_one_digest_of_a_part_is_enough() -> None:
    """P6, P7: a store that ignores the signed SHA-256 of a part but checks its MD5 is no problem."""
    found = probe_uploads(MemoryStore(checks_sha256=False), new_id=names())

    assert (found.checks_part_md5, found.checks_part_sha256) == (True, False)
    assert found.problems() == ()


@pytest.mark.parametrize(
    ("store", "digests"),
    [
        (MemoryStore(), {BodyDigest.CRC32}),
        (MemoryStore(checks_crc32=False), {BodyDigest.SHA256}),
        (MemoryStore(refuses_crc32=True), {BodyDigest.SHA256}),
        (MemoryStore(checks_crc32=False, checks_sha256=False), {BodyDigest.MD5}),
        (MemoryStore(checks_digests=False), set()),
    ],
    ids=["crc32", "crc32-ignored", "crc32-refused", "md5-only", "none"],
)
def test_parts_need_the_cheapest_digest_that_is_checked(store: MemoryStore, digests: set[BodyDigest]) -> None:
    """One digest is enough, and of those that are checked it is the one that costs least to compute."""
    found = probe_uploads(store, new_id=names())

    assert found.part_digests == digests
    assert (store.objects, store.uploads) == ({}, {})


class AbortsNothing(MemoryStore):
    """Says that it aborts."""

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Do nothing."""


def test_uploads_that_stay_are_a_warning() -> None:
    """P8: a store that does not forget an aborted upload costs money, no safety."""
    found = probe_uploads(AbortsNothing(), new_id=names())

    assert (found.lists_uploads, found.aborts_uploads) == (True, False)
    assert found.problems() == ()
    assert "stay and cost money" in found.warnings()[0]


def test_a_repeated_completion_is_recorded() -> None:
    """P8: whether a second completion finds the upload gone or the object there is written down, and is no fault."""
    found = probe_uploads(MemoryStore(forgets_completed_uploads=False), new_id=names())

    assert found.replayed_complete == "exists"
    assert (found.problems(), found.warnings()) == ((), ())


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("call", range(4, 9))
def test_an_incomplete_probe_is_none(fault: Fault, call: int) -> None:
    """A lost message while asking is an error, never an opinion."""
    store = MemoryStore(faults={call: fault})

    with pytest.raises(TransportError):
        probe_uploads(store, new_id=names())

    assert (store.objects, store.uploads) == ({}, {})
