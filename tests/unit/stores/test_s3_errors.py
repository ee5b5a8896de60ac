"""Every failed request has its error, and none carries a secret over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    NotFoundError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.http.wire import Failure, WireError
from publisher.stores.s3_answers import NotS3Error, RefusedError
from publisher.stores.s3_errors import Site

SITE = Site("https://s3.example.com/bucket")
CANARY = "CANARY-5f3a"


def refusal(status: int, code: str, *, headers: dict[str, str] | None = None, message: str = CANARY) -> RefusedError:
    return RefusedError(status, headers or {}, {"Code": code, "Message": message})


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failed_request_is_translated(failure: Failure) -> None:
    """Whatever goes wrong on the way has one error; an untrusted certificate is not asked again."""
    translated = SITE.translate(WireError(failure, CANARY), "storing x")

    assert type(translated) is (RejectedError if failure is Failure.UNTRUSTED else TransportError)
    assert CANARY not in f"{translated} {translated.hint}"
    assert "storing x" in str(translated)


def test_what_no_store_sends_is_a_nonsense_answer() -> None:
    """A web page in place of XML is told apart from a store that does not answer."""
    assert type(SITE.translate(NotS3Error(), "listing")) is ProtocolError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(500, "InternalError"), TransportError),
        (refusal(503, "SlowDown"), TransportError),
        (refusal(503, "503"), TransportError),
        (refusal(429, "TooManyRequests"), TransportError),
        (refusal(400, "RequestTimeout"), TransportError),
        (refusal(400, "IncompleteBody"), TransportError),
        (refusal(501, "NotImplemented"), CapabilityError),
        (refusal(400, "InvalidArgument", message="If-None-Match is not supported"), CapabilityError),
        (refusal(403, "AccessDenied"), CredentialsError),
        (refusal(403, "403"), CredentialsError),
        (refusal(401, "Unauthorized"), CredentialsError),
        (refusal(400, "ExpiredToken"), CredentialsError),
        (refusal(400, "InvalidAccessKeyId"), CredentialsError),
        (refusal(403, "RequestTimeTooSkewed"), CredentialsError),
        (refusal(404, "NoSuchKey"), NotFoundError),
        (refusal(404, "NoSuchBucket"), RejectedError),
        (refusal(400, "BadDigest"), RejectedError),
        (refusal(400, "EntityTooLarge"), RejectedError),
        (refusal(301, "PermanentRedirect"), RejectedError),
        (refusal(302, "302"), RejectedError),
    ],
    ids=lambda value: value.details["Code"] if isinstance(value, RefusedError) else "",
)
def test_answers_have_their_meaning(error: RefusedError, expected: type[PublisherError]) -> None:
    """S3's statuses and codes become the error that says what to do; its message is not repeated."""
    translated = SITE.translate(error, "storing x")

    assert type(translated) is expected
    assert CANARY not in f"{translated} {translated.hint}"
    assert "https://s3.example.com/bucket" in str(translated)


@pytest.mark.parametrize(("minutes", "words"), [(-20, "20 min ahead"), (17, "17 min behind")])
def test_a_wrong_clock_is_named(minutes: int, words: str) -> None:
    """S9: RequestTimeTooSkewed says by how much this machine's clock is off."""
    theirs = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    translated = SITE.translate(refusal(403, "RequestTimeTooSkewed", headers={"date": theirs}), "looking up x")

    assert f"this machine's clock is {words}" in str(translated)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("99999999", 60.0), ("soon", None), ("-1", None), ("", None), ("1" * 5000, None)]
)
def test_the_time_to_wait_is_bounded(value: str, seconds: float | None) -> None:
    """Retry-After is taken in seconds, up to a minute, and nonsense is ignored."""
    translated = SITE.translate(refusal(503, "SlowDown", headers={"retry-after": value}), "storing x")

    assert isinstance(translated, TransportError)
    assert translated.retry_after_s == seconds


def test_the_bucket_s_region_is_the_hint() -> None:
    """S18: a redirect to another region names the setting and the region, unless the store sent nonsense."""
    named = SITE.translate(refusal(301, "301", headers={"x-amz-bucket-region": "eu-west-1"}), "looking up x")
    odd = SITE.translate(refusal(301, "301", headers={"x-amz-bucket-region": "<\x1b[31m>"}), "looking up x")

    assert named.hint == "the bucket is in another region: set S3_REGION to eu-west-1"
    assert "\x1b" not in str(odd.hint)


def test_a_strange_error_code_is_not_repeated() -> None:
    """A code is shown only if it looks like one."""
    translated = SITE.translate(refusal(400, f"<b>{CANARY}</b>"), "storing x")

    assert CANARY not in str(translated)
