"""Uploads in parts that are interrupted, lost or refused: what the user sees, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from publisher.stores.probe import Capabilities, probe
from publisher.stores.probe_uploads import probe_uploads
from publisher.stores.s3 import S3Store
from tests.support.chaos.forks import Child, Forks
from tests.support.chaos.messages import LOST, PASSES, UNANSWERED, Fate, Message, http_answer
from tests.support.chaos.stage import Stage, key_of, staged
from tests.support.s3_servers import S3Server

pytestmark = pytest.mark.long

CONTENT = os.urandom(33 << 20)
"""Three parts, and nothing that compression could shrink."""


@pytest.fixture(scope="session")
def streaming_capabilities(streaming_s3: S3Server) -> Capabilities:
    """What probes found out about a store to which objects can be streamed."""
    store = S3Store(streaming_s3.options(streaming_s3.new_bucket()))

    def new_id() -> str:
        return uuid4().hex

    return replace(probe(store, new_id=new_id), uploads=probe_uploads(store, new_id=new_id))


@pytest.fixture
def streaming(
    streaming_s3: S3Server, streaming_capabilities: Capabilities, forks: Forks, tmp_path: Path
) -> Iterator[Stage]:
    """A stage whose store takes objects in parts, with one artifact of three parts."""
    with staged(
        "list", tmp_path / "stage", server=streaming_s3, capabilities=streaming_capabilities, forks=forks
    ) as made:
        made.add("model", CONTENT)
        yield made
        made.judge()
        for key in made.keys():  # noqa: SIM118 - a method of the stage; what lies in memory would pile up
            streaming_s3.client.delete_object(Bucket=made.bucket, Key=key)


def begin(message: Message) -> bool:
    return message.is_a("POST") and message.path.endswith("?uploads")


def part(message: Message) -> bool:
    return message.is_a("PUT") and "partNumber=" in message.path


def complete(message: Message) -> bool:
    return message.is_a("POST") and "uploadId=" in message.path


def abort(message: Message) -> bool:
    return message.is_a("DELETE") and "uploadId=" in message.path


def nth(matches: Callable[[Message], bool], number: int, fate: Fate) -> Callable[[Message], Fate]:
    """Return a decision that gives the n-th matching message this fate, and lets all others pass."""
    lock, seen = threading.Lock(), 0

    def decide(message: Message) -> Fate:
        nonlocal seen
        if not matches(message):
            return PASSES
        with lock:
            seen += 1
            return fate if seen == number else PASSES

    return decide


def published(stage: Stage, status: str = "published") -> None:
    """Run, and expect one registered object that opens, with nothing left open."""
    done = stage.run()
    assert done.code == 0, done.said
    assert done.statuses == {"model": status}
    assert_whole(stage)


def assert_whole(stage: Stage) -> None:
    assert (len(stage.rows()), stage.broken()) == (1, [])
    assert stage.open_uploads() == []
    assert stage.temporary_files() == []


def test_parts_go_up_while_the_source_is_sealed(streaming: Stage) -> None:
    """An object of several parts needs no file here, and is there once; a second run skips it."""
    published(streaming)
    sent = [message for message in streaming.store.seen if part(message)]
    published(streaming, "skipped")

    assert len(sent) == 3
    assert sum(part(message) for message in streaming.store.seen) == 3


def test_an_object_that_does_not_name_its_source_is_compared(streaming: Stage) -> None:
    """A large file is read once, while it goes up: the object cannot name it, and is compared by its receipt."""
    published(streaming)
    found = streaming.server.client.head_object(Bucket=streaming.bucket, Key=key_of("model"))
    receipt = streaming.download(f".publish/receipts/{key_of('model')}.json")

    published(streaming, "skipped")
    streaming.add("model", CONTENT[1:])
    changed = streaming.run()

    assert "publish-source" not in found["Metadata"]
    assert sha256(CONTENT).hexdigest().encode() in receipt
    assert (changed.code, changed.first["reason"]) == (5, "content_conflict"), changed.said
    streaming.add("model", CONTENT)


@pytest.mark.parametrize(
    ("matches", "number", "is_before", "status"),
    [
        pytest.param(begin, 1, False, "published", id="C4-upload-begun"),
        pytest.param(part, 1, False, "published", id="C5-first-part"),
        pytest.param(part, 3, True, "published", id="C5-last-part"),
        pytest.param(complete, 1, True, "published", id="C6-complete-lost"),
        pytest.param(complete, 1, False, "adopted", id="C6-complete-sent"),
    ],
)
def test_the_next_run_finishes_what_was_killed(
    streaming: Stage, matches: Callable[[Message], bool], number: int, is_before: bool, status: str
) -> None:
    """C4, C5, C6: killed in the middle of an upload in parts: the next run publishes or adopts, and no upload stays."""
    armed, victims = threading.Event(), list[Child]()

    def strike() -> None:
        armed.wait(10)
        victims[0].kill()
        victims[0].ended.wait(10)

    fate = Fate(arrives=False, answers=False, before=strike) if is_before else Fate(answers=False, after=strike)
    streaming.store.decide = nth(matches, number, fate)
    victims.append(streaming.start())
    armed.set()
    assert victims[0].wait() == -signal.SIGKILL
    assert streaming.broken() == []
    streaming.store.decide = lambda _message: PASSES

    published(streaming, status)


@pytest.mark.parametrize(
    "fate",
    [
        pytest.param(LOST, id="S1-request-lost"),
        pytest.param(UNANSWERED, id="S1-answer-lost"),
        pytest.param(Fate(reply=http_answer(503, b"<Error><Code>SlowDown</Code></Error>")), id="S5-slow-down"),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_is_sent_again(streaming: Stage, number: int, fate: Fate) -> None:
    """S1, S5: a part that did not arrive, or whose answer did not, is sent again with the same bytes."""
    streaming.store.decide = nth(part, number, fate)

    published(streaming)

    sent = [message for message in streaming.store.seen if part(message)]
    assert len(sent) == 4
    assert len({message.body for message in sent}) == 3


@pytest.mark.parametrize(
    "fate",
    [
        pytest.param(UNANSWERED, id="S3-answer-lost"),
        pytest.param(Fate(times=2), id="S3-repeated-by-a-proxy"),
        pytest.param(LOST, id="S3-request-lost"),
        pytest.param(
            Fate(reply=http_answer(200, b"<Error><Code>InternalError</Code></Error>", content_type="application/xml")),
            id="S4-success-with-an-error",
        ),
        pytest.param(Fate(reply=http_answer(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")), id="S10"),
        pytest.param(Fate(reply=http_answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")), id="S3-no-such-upload"),
    ],
)
def test_whatever_a_completion_is_answered_the_object_decides(streaming: Stage, fate: Fate) -> None:
    """S3, S4, S10: after any answer a HEAD decides; one object is there, registered once, and no upload is left."""
    streaming.store.decide = nth(complete, 1, fate)

    published(streaming)


def test_no_such_upload_is_no_success(streaming: Stage) -> None:
    """S3: an upload that is gone, with no object there, is made again with a new key; after three times it fails."""
    gone = Fate(reply=http_answer(404, b"<Error><Code>NoSuchUpload</Code></Error>"))
    streaming.store.decide = lambda message: gone if complete(message) else PASSES

    done = streaming.run()

    assert (done.code, done.statuses) == (1, {"model": "failed"}), done.said
    assert streaming.rows() == []
    first_parts = [message for message in streaming.store.seen if part(message) and "partNumber=1" in message.path]
    assert len({message.body for message in first_parts}) == sum(map(complete, streaming.store.seen)) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_during_parts_aborts_the_upload(streaming: Stage, number: int, code: int) -> None:
    """C11: a stop while parts are sent cancels the artifact: the upload is aborted, no object, no row, a report."""
    asked = threading.Event()
    streaming.store.decide = nth(part, 2, Fate(before=asked.set, holds_s=0.3))
    child = streaming.start()
    assert asked.wait(30)

    child.send(number)
    done = streaming.end(child)

    assert (done.code, done.statuses) == (code, {"model": "cancelled"}), done.said
    assert (streaming.objects(), list(streaming.rows()), streaming.open_uploads()) == ([], [], [])
    assert streaming.temporary_files() == []


def test_an_upload_that_cannot_be_aborted_is_told(streaming: Stage) -> None:
    """S17: an abort that fails is a note in the report and on the screen, with the object key; the run says why."""
    refused = Fate(reply=http_answer(403, b"<Error><Code>AccessDenied</Code></Error>"))
    streaming.store.decide = lambda message: refused if complete(message) or abort(message) else PASSES

    done = streaming.run()

    assert done.code == 4, done.said
    assert "left open" in " ".join(done.first["notes"])
    assert "dev/model-any-1.enc" in " ".join(done.first["notes"])
    assert streaming.rows() == []


def test_uploads_that_cannot_be_listed_are_told(streaming: Stage) -> None:
    """S17: where open uploads cannot be listed, the artifact is published, and the report says what was not done."""
    refused = Fate(reply=http_answer(403, b"<Error><Code>AccessDenied</Code></Error>"))
    streaming.store.decide = lambda m: refused if m.is_a("GET") and "uploads" in m.path else PASSES

    done = streaming.run()

    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    assert "could not be listed" in " ".join(done.report["destinations"][0]["notes"])
