"""The probe against stores whose vices are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from publisher.errors import TransportError
from publisher.stores.capabilities import Capabilities, Enforcement
from publisher.stores.directory import DirectoryStore
from publisher.stores.port import Body, BodyDigest, CreateAnswer, Progress
from publisher.stores.probe import glance, probe
from publisher.stores.race import ROUNDS
from tests.support.memory_store import Fault, MemoryStore


def names() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"run{next(numbers)}"


def test_a_good_store_has_no_problems() -> None:
    """A store that keeps every promise is found to, by a bounded number of requests, and left as it was."""
    store = MemoryStore(clock_offset_s=-1.5, server="Store 1.0")

    found = probe(store, new_id=names())

    assert found == Capabilities(
        Enforcement.ENFORCED,
        checks_md5=True,
        checks_payload_sha256=True,
        checks_crc32=True,
        keeps_metadata=True,
        consistent_reads=True,
        if_match=True,
        clock_offset_s=-1.5,
        server="Store 1.0",
    )
    assert (found.problems(), found.warnings()) == ((), ())
    assert store.objects == {}
    assert len(store.calls) < 600
    assert all(key.startswith(".publish/probe/run0-") for _, key in store.calls)
    races = [key for operation, key in store.calls if operation == "read"]
    assert len(races) == 2 + ROUNDS + 2


def test_a_folder_is_a_good_store(tmp_path: Path) -> None:
    """The folder store passes the same probe and nothing but empty folders remains."""
    store = DirectoryStore(tmp_path)

    found = probe(store, new_id=names())

    assert found.problems() == ()
    assert found.warnings() == ()
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize(
    ("store", "expected", "words"),
    [
        (MemoryStore(honours_condition=False), Enforcement.IGNORED, "does not honour create-if-absent"),
        (MemoryStore(refuses_condition=True), Enforcement.REFUSED, "refuses create-if-absent"),
        (MemoryStore(atomic=False), Enforcement.RACY, "not atomic"),
    ],
    ids=["ignored", "refused", "racy"],
)
def test_a_store_without_create_if_absent_is_found_out(store: MemoryStore, expected: Enforcement, words: str) -> None:
    """S11, S12: a condition that is ignored, refused or not atomic is a problem, in words."""
    found = probe(store, new_id=names())

    assert found.conditional_put is expected
    assert words in found.problems()[0]
    assert store.objects == {}


def test_stripped_metadata_is_a_problem() -> None:
    """S13: without metadata nobody can prove whose object is there."""
    found = probe(MemoryStore(keeps_metadata=False), new_id=names())

    assert found.keeps_metadata is False
    assert "metadata" in found.problems()[0]


def test_unchecked_bodies_are_a_warning() -> None:
    """P6, P7: a store that takes damaged bytes costs a full read after each upload, no safety."""
    found = probe(MemoryStore(checks_digests=False), new_id=names())

    assert (found.checks_md5, found.checks_payload_sha256, found.checks_bodies) == (False, False, False)
    assert found.problems() == ()
    assert found.put_digests == set()
    assert "no digest" in found.warnings()[0]


def test_one_digest_is_enough() -> None:
    """P7: a store that ignores the signed SHA-256 but checks Content-MD5 checks bodies."""
    found = probe(MemoryStore(checks_sha256=False), new_id=names())

    assert (found.checks_md5, found.checks_payload_sha256, found.checks_bodies) == (True, False, True)
    assert found.warnings() == ()


@pytest.mark.parametrize(
    ("store", "digests"),
    [
        (MemoryStore(), {BodyDigest.SHA256}),
        (MemoryStore(checks_sha256=False), {BodyDigest.CRC32}),
        (MemoryStore(checks_sha256=False, checks_crc32=False), {BodyDigest.MD5}),
        (MemoryStore(checks_sha256=False, refuses_crc32=True), {BodyDigest.MD5}),
    ],
    ids=["sha256", "crc32", "md5", "crc32-refused"],
)
def test_an_object_needs_the_cheapest_digest_that_is_checked(store: MemoryStore, digests: set[BodyDigest]) -> None:
    """The signed SHA-256, which is known in any case, else CRC-32, else MD5; never a digest that is ignored."""
    found = probe(store, new_id=names())

    assert found.put_digests == digests
    assert (found.problems(), store.objects) == ((), {})


def test_an_ignored_if_match_is_no_problem_for_publishing() -> None:
    """P4: who ignores If-Match can be published to; only a repair has to know."""
    found = probe(MemoryStore(honours_if_match=False), new_id=names())

    assert found.if_match is False
    assert (found.problems(), found.warnings()) == ((), ())


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (MemoryStore(), Enforcement.ENFORCED),
        (MemoryStore(honours_condition=False), Enforcement.IGNORED),
        (MemoryStore(refuses_condition=True), Enforcement.REFUSED),
    ],
    ids=["enforced", "ignored", "refused"],
)
def test_a_glance_costs_a_few_requests(store: MemoryStore, expected: Enforcement) -> None:
    """The short question finds an ignored or refused condition, and cleans up."""
    assert glance(store, new_id=names()) is expected

    assert len(store.calls) <= 4
    assert store.objects == {}


@pytest.mark.parametrize(
    ("offset", "problems", "warnings"), [(30.0, 0, 0), (-90.0, 0, 1), (600.0, 0, 1), (-660.0, 1, 0), (None, 0, 0)]
)
def test_clocks_apart_are_noticed(offset: float | None, problems: int, warnings: int) -> None:
    """P10: above 60 s a warning, above 10 min a problem, in both directions."""
    found = probe(MemoryStore(clock_offset_s=offset), new_id=names())

    assert (len(found.problems()), len(found.warnings())) == (problems, warnings)


def test_a_failed_delete_is_a_note() -> None:
    """Without the right to delete the probe still answers, and says how much it left behind."""
    store = MemoryStore(may_delete=False)

    found = probe(store, new_id=names())

    assert found.problems() == ()
    assert f"{len(store.objects) + len(BodyDigest)} small objects" in found.warnings()[0]


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("call", [0, 1, 2, 3])
def test_an_incomplete_probe_is_none(fault: Fault, call: int) -> None:
    """A lost message while asking is an error, never an opinion, and the probe still cleans up."""
    store = MemoryStore(faults={call: fault})

    with pytest.raises(TransportError):
        probe(store, new_id=names())

    assert store.objects == {}


class LosesAnswers(MemoryStore):
    """Loses the answer to every create of the first race."""

    def create(
        self, key: str, body: Body, *, metadata: Mapping[str, str], progress: Progress | None = None
    ) -> CreateAnswer:
        answer = super().create(key, body, metadata=metadata, progress=progress)
        return CreateAnswer.AMBIGUOUS if key.endswith("-1") else answer


def test_lost_answers_in_a_race_are_no_verdict() -> None:
    """A race whose answers were lost is run again; it neither accuses nor acquits the store."""
    store = LosesAnswers()

    found = probe(store, new_id=names())

    assert found.conditional_put is Enforcement.ENFORCED
    races = {key for operation, key in store.calls if operation == "create"}
    assert len(races) == 1 + ROUNDS + 1 + 2 * len(BodyDigest)


@pytest.mark.parametrize("attempt", range(5))
def test_a_racy_store_is_found_out_by_a_glance_never_and_by_a_race_always(attempt: int) -> None:
    """A store whose writers overwrite each other for milliseconds only fails the first rounds already."""
    store = MemoryStore(atomic=False)

    assert glance(store, new_id=names()) is Enforcement.ENFORCED
    assert probe(store, new_id=names()).conditional_put is Enforcement.RACY
    assert store.objects == {}
