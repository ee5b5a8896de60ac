"""The table of answers to a registration, without a server."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import CredentialsError, ProtocolError, PublisherError, RejectedError, TransportError
from publisher.http import Answer
from publisher.model import Digest
from publisher.registries.admin_answers import says_failure, stored_sha256, verdict
from publisher.registries.admin_options import AdminApiOptions, DuplicateRule
from publisher.registries.port import Accepted, Duplicate, NoAnswer, Refused

SHA256 = "5ca9edf12d7eca52a581a797bd337e554f5543f7e8604649234b27ce01690ee6"
KEY = "c0ffee00" * 8


def _options(duplicate: str | None = None) -> AdminApiOptions:
    rule = DuplicateRule.parse(duplicate) if duplicate else None
    return AdminApiOptions(url="https://api.example.com", token="fake", duplicate=rule)


def _answer(status: int, body: bytes | object = b"", headers: dict[str, str] | None = None) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, "application/json", headers or {}, data)


@pytest.mark.parametrize("status", [200, 201, 204])
@pytest.mark.parametrize("body", [b"", b" \r\n", {}, {"ok": True}, {"id": 7, "error": None, "ErrorCode": 0}])
def test_success_without_complaint_is_accepted(status: int, body: bytes | object) -> None:
    """200, 201 and 204 with nothing, or with an object that does not say it failed, accept the row."""
    assert verdict(_answer(status, body), _options(), ()) == Accepted()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"[]",
        b'"ok"',
        b"null",
        b'{"ok": tru',
        b'{"ok": true, "ok": true}',
        b'{"x": NaN}',
        '{"ok": true}'.encode("utf-16"),
        {"ok": False},
        {"success": "false"},
        {"Succeeded": False},
        {"error": "no"},
        {"ErrorCode": 60, "Message": "No file provided."},
        {"status": "failed"},
        {"statusCode": 500},
        {"errors": {"version": ["required"]}},
    ],
)
def test_success_of_another_shape_proves_nothing(body: bytes | object) -> None:
    """R5: the row may or may not be there; nobody may report it as published."""
    answer = verdict(_answer(200, body), _options(), ())

    assert isinstance(answer, NoAnswer)
    assert isinstance(answer.error, ProtocolError)


def test_a_body_that_could_not_be_read_proves_nothing() -> None:
    """R5: a body that was too large or compressed leaves the outcome open."""
    unread = Answer(200, "application/json", {}, b"", ProtocolError("the answer is larger than 1048576 bytes"))

    answer = verdict(unread, _options(), ())

    assert isinstance(answer, NoAnswer)
    assert "larger" in answer.error.message


@pytest.mark.parametrize("status", [202, 203, 206, 207, 408, 500, 502, 503, 504, 599, 600])
def test_other_statuses_leave_the_outcome_open(status: int) -> None:
    """202 is a promise, a time-out or 5xx may hide a stored row."""
    assert isinstance(verdict(_answer(status), _options(), ()), NoAnswer)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, RejectedError, None),
        (401, CredentialsError, "ADMIN_API_TOKEN"),
        (403, CredentialsError, "ADMIN_API_TOKEN"),
        (404, RejectedError, "ADMIN_API_PUBLISH_PATH"),
        (405, RejectedError, "ADMIN_API_PUBLISH_PATH"),
        (413, RejectedError, None),
        (415, RejectedError, "ADMIN_API_PUBLISH_PATH"),
        (422, RejectedError, None),
        (409, RejectedError, "ADMIN_API_DUPLICATE"),
        (425, TransportError, None),
        (429, TransportError, None),
    ],
)
def test_refusals_say_what_to_look_at(status: int, kind: type[PublisherError], hint: str | None) -> None:
    """4xx means that nothing was written; the hint names the setting that is probably wrong."""
    answer = verdict(_answer(status, {"ErrorCode": 20}), _options(), ())

    assert isinstance(answer, Refused)
    assert type(answer.error) is kind
    assert answer.business == (status == 409)
    assert hint is None or hint in str(answer.error.hint)


def test_hints_name_the_settings_of_this_destination() -> None:
    """With an env_prefix, the settings have other names."""
    options = AdminApiOptions(url="https://api.example.com", token="fake", prefix="SECOND_")

    answer = verdict(_answer(401), options, ())

    assert isinstance(answer, Refused)
    assert "SECOND_ADMIN_API_TOKEN" in str(answer.error.hint)


def test_too_many_requests_carry_the_wait() -> None:
    """R10: Retry-After is passed on, bounded to a minute."""
    answer = verdict(_answer(429, headers={"retry-after": "86400"}), _options(), ())

    assert isinstance(answer, Refused)
    assert answer.error.retryable
    assert isinstance(answer.error, TransportError)
    assert answer.error.retry_after_s == 60.0


@pytest.mark.parametrize(
    ("rule", "status", "body", "matches"),
    [
        ("409", 409, b"", True),
        ("409", 400, b"", False),
        ("409:already exists", 409, b'{"m": "ALREADY  exists"}', False),
        ("409:already exists", 409, b'{"m": "Already exists"}', True),
        ("409:already exists", 400, b"already exists", False),
        ("200:known", 200, b'{"state": "known"}', True),
        ("400:a:b", 400, b"a:b", True),
    ],
)
def test_a_duplicate_matches_status_and_pattern(rule: str, status: int, body: bytes, matches: bool) -> None:
    """R4: only what was configured means "the row exists"; a bare 409 alone never does."""
    answer = verdict(_answer(status, body), _options(rule), ())

    assert (answer == Duplicate(None)) is matches


@pytest.mark.parametrize(
    ("body", "sha256"),
    [
        ({"sha256": SHA256}, SHA256),
        ({"sha256": SHA256.upper()}, SHA256),
        ({"existing": {"sha256": SHA256}}, SHA256),
        ({"request": {"sha256": SHA256}}, None),
        ({"sha256": SHA256[:-1]}, None),
        ({"sha256": None}, None),
        ([SHA256], None),
        (b"sha256=" + SHA256.encode(), None),
    ],
)
def test_a_duplicate_shows_the_stored_hash_where_it_says_so(body: bytes | object, sha256: str | None) -> None:
    """R4: a hash is believed where the answer presents it as the stored row's, not where it repeats the request."""
    assert stored_sha256(_answer(409, body)) == (Digest(sha256) if sha256 else None)


@pytest.mark.parametrize("text", ["", "abc", "99", "600", "409:", "409:(", ":x", "4090", "409 : x("])
def test_a_malformed_rule_is_a_settings_error(text: str) -> None:
    """The setting is named, its value is not repeated."""
    with pytest.raises(PublisherError, match="ADMIN_API_DUPLICATE") as caught:
        DuplicateRule.parse(text)

    assert caught.value.exit_code == 3


@given(
    status=st.sampled_from([200, 201, 202, 204, 400, 401, 404, 409, 422, 429, 500, 503]),
    before=st.binary(max_size=120),
    after=st.binary(max_size=120),
)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_no_verdict_repeats_the_key(status: int, before: bytes, after: bytes) -> None:
    """K1: a server that repeats the request in its answer does not make us print the key."""
    answer = verdict(_answer(status, before + b" " + KEY.encode() + b" " + after), _options(), ("fake-token", KEY))

    text = str(answer) + (answer.error.message if isinstance(answer, NoAnswer | Refused) else "")
    assert KEY[:16] not in text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_any_value_of_a_failure_field_can_be_judged(value: object) -> None:
    """Whatever stands in a field named like an error, judging it does not fail."""
    assert says_failure({"error": value, "ok": True}) in (True, False)
