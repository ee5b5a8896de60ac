"""What a registry can do to a publish: lost answers, refusals, lies and silence, seen from the command line."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.admin_api import FAULTS, LIST_PATH, PUBLISH_PATH, AdminApi, Fault
from tests.support.chaos.aftermath import Expected
from tests.support.chaos.fixtures import OpenStage
from tests.support.chaos.messages import LOST, PASSES, UNANSWERED, Fate, Message, MessageProxy, http_answer
from tests.support.chaos.stage import Stage, key_of

SHAPES = ("html", "not-ok", "202", "cut-json", "huge", "gzip-bomb", "utf-16", "nan", "array")
REDIRECTS = (301, 302, 303, 307, 308)


def is_register(message: Message) -> bool:
    return message.is_a("POST", f"/{PUBLISH_PATH}")


def is_lookup(message: Message) -> bool:
    return message.is_a("GET", f"/{LIST_PATH}")


def api_of(stage: Stage) -> AdminApi:
    assert stage.api is not None
    return stage.api


def registry_of(stage: Stage) -> MessageProxy:
    assert stage.registry is not None
    return stage.registry


def as_answer(fault: Fault) -> bytes:
    """Return what the misbehaving API would answer, with the length of its body and its headers."""
    named = "".join(f"{name}: {value}\r\n" for name, value in fault.headers.items() if name != "Content-Type")
    media_type = fault.headers.get("Content-Type", "application/json")
    return http_answer(fault.status, fault.body[: 2 << 20], content_type=media_type, extra=named)


def decide(stage: Stage, *fates: Fate, lookups: bool = False, then: Fate = PASSES) -> None:
    """Give registrations (or lookups) these fates, one after the other, and then `then`."""
    waiting = list(fates)

    def chosen(message: Message) -> Fate:
        if not (is_lookup if lookups else is_register)(message):
            return PASSES
        return waiting.pop(0) if waiting else then

    registry_of(stage).decide = chosen


def posts(stage: Stage) -> list[bytes]:
    return [message.body for message in registry_of(stage).seen if is_register(message)]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("401", 4), ("404", 1), ("html", 1), ("cut-json", 1), ("nan", 1), ("duplicate-names", 1)],
)
def test_a_lookup_that_fails_uploads_nothing(stage: Stage, fault: str, code: int) -> None:
    """R1: an error is never "absent": nothing is uploaded, and the user is told that nobody can tell."""
    decide(stage, lookups=True, then=Fate(reply=as_answer(FAULTS[fault])))

    done = stage.run()

    assert done.code == code, done.said
    assert stage.objects() == []
    assert "cannot tell what is registered" in done.said


@pytest.mark.parametrize("fate", [UNANSWERED, Fate(reply=as_answer(FAULTS["500"]))], ids=["silence", "500"])
def test_a_lookup_without_an_answer_uploads_nothing(stage: Stage, fate: Fate) -> None:
    """R1: a lookup that gets no answer is asked again until time is up; nothing is uploaded, exit 1."""
    decide(stage, lookups=True, then=fate)

    done = stage.run("--timeout", "2")

    assert (done.code, done.statuses) == (1, {"model": "cancelled"}), done.said
    assert "time budget" in done.said
    assert sum(map(is_lookup, registry_of(stage).seen)) > 1
    assert stage.objects() == []


def test_a_registry_that_is_down_after_the_upload_is_caught_up_with(stage: Stage) -> None:
    """R2: the registration fails, the escrow record stays, and a later run registers without a second upload."""
    decide(stage, then=Fate(reply=http_answer(422, b'{"errors": {"version": ["no"]}}')))
    first = stage.run()
    assert first.code == 1, first.said
    assert first.first["status"] == "failed"
    assert "a later run registers it without another upload" in " ".join(first.said.split())
    assert stage.keys(".publish/keys/") != []
    decide(stage)
    bodies = stage.bodies_sent("model")

    second = stage.run()

    assert (second.code, second.statuses) == (0, {"model": "adopted"}), second.said
    assert stage.bodies_sent("model") == bodies
    assert (len(stage.rows()), stage.broken()) == (1, [])
    assert stage.keys(".publish/keys/") == []


def test_an_applied_post_without_an_answer_is_settled_by_a_lookup(stage: Stage) -> None:
    """R3: the row is there although the answer was lost: published, one row, no second POST."""
    decide(stage, UNANSWERED)

    done = stage.run()

    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    assert len(posts(stage)) == 1
    assert len(stage.rows()) == 1


def test_a_lost_post_is_sent_again_with_the_same_bytes(stage: Stage) -> None:
    """R3: the row is not there: the same body again, and one row in the end."""
    decide(stage, LOST, LOST)

    done = stage.run()

    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    sent = posts(stage)
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert (len(stage.rows()), stage.broken()) == (1, [])


def test_without_a_lookup_the_same_body_is_recognised_as_a_duplicate(open_stage: OpenStage) -> None:
    """R3: no lookup and a lost answer: the same body again, the duplicate counts, and there is one row."""
    with open_stage("post", "stage") as stage:
        stage.add("model", b"weights")
        decide(stage, UNANSWERED)

        done = stage.run()

        assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
        assert done.first["reason"] == "registered_unverified"
        assert len(set(posts(stage))) == 1
        assert (len(stage.rows()), stage.broken()) == (1, [])


@pytest.mark.parametrize("behaviour", ["reject", "reject-bare", "upsert"])
def test_a_doubled_post_ends_as_one_row(stage: Stage, behaviour: str) -> None:
    """R4: a network that delivers the POST twice makes a duplicate of our own row, whatever the API answers to it."""
    api_of(stage).behaviour.on_duplicate = behaviour
    decide(stage, Fate(times=2))

    done = stage.run()

    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    assert (len(stage.rows()), stage.broken()) == (1, [])


def test_another_row_with_other_values_is_damage(stage: Stage) -> None:
    """R4: a duplicate whose sha256 is another one needs a person: exit 5, and the row stays as it is."""
    stage.expected = Expected(rerun=5, is_broken=True)

    def row_of_somebody() -> None:
        import requests

        row = {"resource_name": "model", "dev_stage": "dev", "architecture": "any", "version": "1"}
        values = {"cdn_url": "http://127.0.0.1:1/x", "sha256": "0" * 64, "size_bytes": 1, "encryption_key": "fa" * 32}
        headers = {"Authorization": "Bearer fake-token-for-tests"}
        requests.post(f"{api_of(stage).url}/{PUBLISH_PATH}", json=row | values, headers=headers, timeout=5)

    decide(stage, Fate(before=row_of_somebody))

    done = stage.run()

    assert done.code == 5, done.said
    [row] = stage.rows()
    assert row["sha256"] == "0" * 64


def test_an_answer_of_another_shape_is_never_a_success(stage: Stage) -> None:
    """R5: whatever 200 and 202 say, no such artifact is published, and messages stay short and clean."""
    for name in SHAPES:
        stage.add(name, b"x")

    def chosen(message: Message) -> Fate:
        named = json.loads(message.body)["resource_name"] if is_register(message) else ""
        return Fate(reply=as_answer(FAULTS[named])) if named in SHAPES else PASSES

    registry_of(stage).decide = chosen

    done = stage.run("--timeout", "6", "--jobs", "9")

    assert done.code == 7, done.said
    assert {done.statuses[name] for name in SHAPES} == {"failed"}
    assert max(map(len, done.said.splitlines())) < 500
    assert [row["resource_name"] for row in stage.rows()] == ["model"]


def test_a_redirect_is_not_followed(stage: Stage) -> None:
    """R6, R7: a redirect fails the registration; neither key nor token reach the other place; nothing is published."""
    for status in REDIRECTS:
        stage.add(f"m{status}", b"x")
    reached: list[Message] = []
    target = f"Location: {registry_of(stage).url}/login\r\n"

    def chosen(message: Message) -> Fate:
        if message.path == "/login":
            reached.append(message)
            return Fate(reply=http_answer(200, b'{"ok": true}'))
        named = json.loads(message.body)["resource_name"] if is_register(message) else ""
        return Fate(reply=http_answer(int(named[1:]), extra=target)) if named[1:].isdigit() else PASSES

    registry_of(stage).decide = chosen

    done = stage.run("--timeout", "2", "--jobs", "6")

    assert done.code == 1, done.said
    assert done.said.count("redirect") >= len(REDIRECTS)
    assert reached == []
    assert [row["resource_name"] for row in stage.rows()] == ["model"]


@pytest.mark.parametrize(
    "wait", ["1", "Wed, 21 Oct 2015 07:28:00 GMT", "10000000000"], ids=["seconds", "past", "absurd"]
)
def test_too_many_requests_are_waited_for(stage: Stage, wait: str) -> None:
    """R10: 429 with a time to wait: waited for, bounded once time is up, and published with one more POST."""
    busy = Fate(reply=http_answer(429, extra=f"Retry-After: {wait}\r\n"))
    decide(stage, busy)
    started = time.monotonic()

    done = stage.run("--timeout", "5")

    assert time.monotonic() - started < 30
    assert (done.code, done.statuses) == (0, {"model": "published"}), done.said
    assert (len(posts(stage)), len(stage.rows())) == (2, 1)


def test_slow_answers_are_waited_for_side_by_side(stage: Stage) -> None:
    """R11: answers of half a second for 24 artifacts take a few seconds with eight jobs, and each end is shown."""
    for number in range(23):
        stage.add(f"m{number}", b"x")
    decide(stage, then=Fate(holds_s=0.5))
    started = time.monotonic()

    done = stage.run("--jobs", "8")

    assert done.code == 0, done.said
    assert time.monotonic() - started < 10
    assert done.said.count(": published") == 24
    assert len(stage.rows()) == 24


def test_a_row_without_its_object_is_damage(stage: Stage) -> None:
    """R13: the object is missing behind a row: damaged, exit 5, and it is not silently uploaded again."""
    stage.expected = Expected(rerun=5, is_broken=True)
    stage.run()
    stage.server.client.delete_object(Bucket=stage.bucket, Key=key_of("model"))

    done = stage.run()

    assert done.code == 5, done.said
    assert done.first["reason"] == "damaged_object"
    assert stage.objects() == []


def test_a_lookup_that_lags_leaves_the_registration_unverified(stage: Stage) -> None:
    """R14: "absent" for some seconds after the POST: reported as unverified, one POST, and no other values are sent."""
    stale = Fate(reply=http_answer(200, b"[]"))
    decide(stage, lookups=True, then=stale)

    done = stage.run()

    assert done.code == 0, done.said
    assert (done.first["status"], done.first["reason"]) == ("published", "registered_unverified")
    assert len(posts(stage)) == 1
    decide(stage, lookups=True)
    assert stage.run().statuses == {"model": "skipped"}
    assert stage.broken() == []


def test_a_lookup_that_catches_up_confirms(stage: Stage) -> None:
    """R14: a row that shows at the third look is confirmed."""
    stale = Fate(reply=http_answer(200, b"[]"))
    decide(stage, PASSES, PASSES, stale, stale, lookups=True)

    done = stage.run()

    assert done.code == 0, done.said
    assert (done.first["status"], done.first["reason"]) == ("published", "registered")


def test_another_source_under_a_registered_version_is_a_conflict(stage: Stage) -> None:
    """R15: the source changed after it was published: conflict, exit 5, object and row stay."""
    stage.expected = Expected(rerun=5)
    stage.run()
    before, rows = stage.download(key_of("model")), list(stage.rows())
    (stage.folder / "model.bin").write_bytes(b"other content")

    done = stage.run()

    assert done.code == 5, done.said
    assert done.first["reason"] == "content_conflict"
    assert (stage.download(key_of("model")), list(stage.rows())) == (before, rows)
