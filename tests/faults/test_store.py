"""What a store, or the way to it, can do to a publish: what the user is told, and what must not be registered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.support.chaos.aftermath import Expected
from tests.support.chaos.messages import LOST, PASSES, UNANSWERED, Fate, Message, http_answer
from tests.support.chaos.stage import Stage, key_of
from tests.support.scripted_http import Answer, scripted

KEY = key_of("model")


def is_create(message: Message) -> bool:
    return message.is_a("PUT") and message.path.endswith(KEY) and "/.publish/" not in message.path


def replace_object(stage: Stage, change: Callable[[bytes], bytes], **marks: str) -> None:
    """Overwrite the object behind the publisher's back, keeping its metadata but for `marks`."""
    client, bucket = stage.server.client, stage.bucket
    there = client.get_object(Bucket=bucket, Key=KEY)
    metadata = there["Metadata"] | {name.replace("_", "-"): value for name, value in marks.items()}
    client.put_object(Bucket=bucket, Key=KEY, Body=change(there["Body"].read()), Metadata=metadata)


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def s3_error(status: int, code: str) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    return http_answer(status, body, content_type="application/xml")


def first_times(times: int, fate: Fate, matches: Callable[[Message], bool] = is_create) -> Callable[[Message], Fate]:
    """Give the first `times` matching messages this fate, and let the rest pass."""
    left = [times]

    def decide(message: Message) -> Fate:
        if not matches(message) or left[0] == 0:
            return PASSES
        left[0] -= 1
        return fate

    return decide


@pytest.mark.parametrize(
    ("fate", "creates"),
    [
        pytest.param(LOST, 2, id="S1-request-lost"),
        pytest.param(UNANSWERED, 1, id="S2-answer-lost"),
        pytest.param(Fate(times=2), 1, id="S2-repeated-by-a-proxy"),
        pytest.param(Fate(reply=s3_error(503, "SlowDown")), 2, id="S5-slow-down"),
        pytest.param(Fate(reply=s3_error(200, "InternalError")), 2, id="S4-200-with-error"),
        pytest.param(Fate(reply=s3_error(409, "ConditionalRequestConflict")), 2, id="S10-conflict"),
    ],
)
def test_an_unclear_answer_to_the_create_is_settled(stage: Stage, fate: Fate, creates: int) -> None:
    """S1, S2, S4, S5, S10: published, one object, and only as many uploads as it takes; the bytes are the same."""
    stage.store.decide = first_times(1, fate)

    done = stage.run()

    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    sent = [message.body for message in stage.store.seen if is_create(message)]
    assert len(sent) == creates
    assert len(set(sent)) == 1
    assert (len(stage.rows()), stage.broken()) == (1, [])
    assert done.first["attempts"] == creates
    assert ("confirmed by its nonce" in " ".join(done.first["notes"])) == (creates == 1)


def test_throttling_for_ever_fails_in_time(stage: Stage) -> None:
    """S6: a store that only says SlowDown: failed and retryable within the time budget, exit 1, several attempts."""
    stage.store.decide = lambda message: Fate(reply=s3_error(503, "SlowDown")) if is_create(message) else PASSES
    started = time.monotonic()

    done = stage.run("--timeout", "4")

    assert time.monotonic() - started < 30
    assert done.code == 1, done.said
    assert (done.first["status"], done.first["error"]["retryable"]) == ("failed", True)
    assert sum(map(is_create, stage.store.seen)) > 1
    assert (stage.objects(), stage.rows()) == ([], [])


def test_a_store_that_refuses_the_condition_gets_nothing(stage: Stage) -> None:
    """S12: 501 on If-None-Match: exit 5 before anything is uploaded, and what to use instead is said."""
    for proof in (stage.folder / ".local" / "state" / "publisher").iterdir():
        proof.unlink()
    refused = Fate(reply=s3_error(501, "NotImplemented"))
    stage.store.decide = lambda message: refused if message.is_a("PUT") else PASSES

    done = stage.run()

    assert done.code == 5, done.said
    assert "conditional writes" in " ".join(done.said.split())
    assert stage.bodies_sent("model") == 0
    assert (stage.keys(), stage.rows()) == ([], [])


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"S3_BUCKET": "no-such-bucket"}, 1, "no-such-bucket"),
        ({"S3_SECRET_KEY": "fake-secret-that-is-wrong"}, 4, "credentials"),
    ],
    ids=["bucket", "secret"],
)
def test_a_store_that_is_not_there_is_named(stage: Stage, change: dict[str, str], code: int, named: str) -> None:
    """S18: no bucket, wrong credentials: a precise message, the code for it, and nothing half done."""
    done = stage.run(**change)

    assert done.code == code, done.said
    assert named in done.said
    assert "fake-secret" not in done.said
    assert (stage.keys(), stage.rows()) == ([], [])


def test_refused_credentials_in_the_middle_stop_the_rest(stage: Stage) -> None:
    """S8: after artifact 2 of 5 the store refuses: 2 published, 1 failed, 2 not attempted, exit 4, no retry storm."""
    for number in range(2, 6):
        stage.add(f"m{number}", b"x")
    creates: list[str] = []

    def decide(message: Message) -> Fate:
        if message.is_a("PUT") and "/.publish/" not in message.path:
            creates.append(message.path)
        return Fate(reply=s3_error(403, "ExpiredToken")) if len(creates) > 2 else PASSES

    stage.store.decide = decide

    done = stage.run("--jobs", "1")

    assert done.code == 4, done.said
    assert sorted(done.statuses.values()) == ["cancelled", "cancelled", "failed", "published", "published"]
    assert len(creates) == 3
    stage.store.decide = lambda _message: PASSES
    assert stage.run().code == 0
    assert (len(stage.rows()), stage.broken()) == (5, [])


def test_a_wrong_clock_is_blamed(stage: Stage) -> None:
    """S9: RequestTimeTooSkewed fails with a word about this machine's clock, and nothing is registered."""
    stage.store.decide = first_times(1, Fate(reply=s3_error(403, "RequestTimeTooSkewed")))

    done = stage.run()

    assert done.code == 4, done.said
    assert "this machine's clock" in done.said
    assert stage.rows() == []


def test_a_store_that_loses_metadata_cannot_prove_ownership(stage: Stage) -> None:
    """S13: an upload whose metadata is gone is not registered, exit 5, and the next run does not touch the object."""
    stage.expected = Expected(rerun=5)

    def strip() -> None:
        client = stage.server.client
        client.put_object(Bucket=stage.bucket, Key=KEY, Body=stage.download(KEY))

    stage.store.decide = first_times(1, Fate(after=strip))

    first = stage.run()
    second = stage.run()

    assert (first.code, second.code) == (5, 5), first.said + second.said
    assert stage.rows() == []
    assert second.first["reason"] == "orphan_object"


def test_one_flipped_bit_is_not_registered(stage: Stage) -> None:
    """S14: stored bytes that differ from the sent ones fail the verification, exit 5, and get no row."""
    stage.expected = Expected(rerun=5)
    stage.store.decide = first_times(1, Fate(after=lambda: replace_object(stage, flipped)))

    done = stage.run("--verify", "full")

    assert done.code == 5, done.said
    assert (done.first["status"], "sha256" in done.said) == ("blocked", True)
    assert stage.rows() == []


def test_a_flipped_bit_is_not_adopted(stage: Stage) -> None:
    """S14: an unfinished object that was damaged meanwhile is read in full before it would be adopted: no row."""
    stage.expected = Expected(rerun=5)
    dead = threading.Event()
    stage.store.decide = first_times(1, Fate(after=dead.set, holds_s=30))
    child = stage.start()
    assert dead.wait(30)
    child.kill()
    child.wait()
    stage.store.decide = lambda _message: PASSES
    replace_object(stage, flipped)

    done = stage.run()

    assert done.code == 5, done.said
    assert stage.rows() == []


def test_bytes_damaged_on_the_way_up_are_refused_by_the_store(stage: Stage) -> None:
    """S14: a body that changes on its way does not fit its Content-MD5: nothing is stored, nothing is registered."""
    done = stage.run()

    [body] = [message.body for message in stage.store.seen if is_create(message)]
    with pytest.raises(Exception, match=r"BadDigest|InvalidDigest|MD5"):
        stage.server.client.put_object(Bucket=stage.bucket, Key="dev/other", Body=flipped(body), ContentMD5=_md5(body))
    assert done.code == 0, done.said
    assert "dev/other" not in stage.objects()


def _md5(data: bytes) -> str:
    import base64
    import hashlib

    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def test_an_object_replaced_before_registration_is_a_broken_promise(stage: Stage) -> None:
    """S15: after a success another nonce is there: no row, exit 5, and the proof of the probe is dropped."""
    stage.expected = Expected(rerun=5)
    foreign = "f" * 32
    stage.store.decide = first_times(1, Fate(after=lambda: replace_object(stage, flipped, publish_nonce=foreign)))

    done = stage.run()

    assert done.code == 5, done.said
    assert "create-if-absent promise" in done.said
    assert stage.rows() == []
    assert not list((stage.folder / ".local" / "state" / "publisher").glob("probe-*"))


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_an_object_lost_after_registration_is_found(stage: Stage, how: str) -> None:
    """S16: `verify` and `apply` call it damaged, exit 5, and change nothing by themselves."""
    stage.expected = Expected(rerun=5 if how == "deleted" else 0, is_broken=True)
    stage.run()
    if how == "replaced":
        replace_object(stage, flipped)
    else:
        stage.server.client.delete_object(Bucket=stage.bucket, Key=KEY)
    before, rows = stage.objects(), list(stage.rows())

    checked = stage.run(command="verify")
    again = stage.run()

    assert checked.code == 5, checked.said
    assert "model" in checked.said
    assert again.code == (5 if how == "deleted" else 0), again.said
    assert (stage.objects(), list(stage.rows())) == (before, rows)


def test_sizes_at_the_edges_are_published(stage: Stage) -> None:
    """S19: empty sources and sizes around a cipher block are published and open; an empty one is 48 bytes sealed."""
    for size in (0, 1, 15, 16, 17, 65_535, 65_536, 65_537):
        stage.add(f"m{size}", bytes(number * 7 % 256 for number in range(size)))

    done = stage.run()

    assert done.code == 0, done.said
    assert (len(stage.rows()), stage.broken()) == (9, [])
    [empty] = [row for row in stage.rows() if row["resource_name"] == "m0"]
    assert empty["size_bytes"] == 48


def test_few_file_descriptors_are_enough_or_named(stage: Stage) -> None:
    """S20: with 64 descriptors and many jobs the run ends, publishes what it reports, and shows no traceback."""
    for number in range(20):
        stage.add(f"m{number}", b"x" * 100)
    done = stage.end(stage.start("--jobs", "16", limits={"RLIMIT_NOFILE": 64}))

    assert "Traceback" not in done.said
    assert done.code in {0, 1}, done.said
    assert sum(status == "published" for status in done.statuses.values()) == len(stage.rows())
    assert stage.broken() == []
    assert stage.run().code == 0
    assert len(stage.rows()) == 21


def test_a_stale_cdn_does_not_fail_a_publish(stage: Stage) -> None:
    """S21: publishing never asks the CDN; `verify`, which does, says what devices get."""
    with scripted(Answer(404)) as cdn:
        published = stage.run(CDN_PUBLIC_BASE_URL=cdn.url)
        asked_while_publishing = len(cdn.asked)
        checked = stage.run(command="verify", CDN_PUBLIC_BASE_URL=cdn.url)

    assert (published.code, published.statuses) == (0, {"model": "published"}), published.said
    assert asked_while_publishing == 0
    assert checked.code != 0
    assert stage.broken() == []
