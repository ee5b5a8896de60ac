"""What S3 says in XML: read leniently where stores differ, and not at all where it is no S3."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.stores.s3_answers import (
    MAX_ANSWER_BYTES,
    NotS3Error,
    RefusedError,
    S3Answer,
    document_of,
    http_date,
    listed_key,
    moment,
    parse,
    refusal_of,
)

LAUGHS = (
    b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><Error><Code>&b;</Code></Error>"""
)
FILE = b"""<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><Error><Code>&f;</Code></Error>"""


def answer(body: bytes, status: int = 200) -> S3Answer:
    return S3Answer(status, {}, body)


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' xmlns="urn:other"'])
def test_a_namespace_makes_no_difference(namespace: str) -> None:
    """Some stores name the namespace of S3, some another one, some none."""
    body = f"<R{namespace}><UploadId>7</UploadId><Part><ETag>e</ETag></Part></R>".encode()

    root = document_of(answer(body), "R")

    assert root.texts == {"UploadId": "7"}
    assert [each.texts for each in root.each("Part")] == [{"ETag": "e"}]
    assert root.each("Other") == []


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html><p>login", b"{}", b"<a>" * 100_000, b"<a/>" + b" " * MAX_ANSWER_BYTES),
        *(LAUGHS, FILE, LAUGHS.decode().encode("utf-16"), b"<?xml version='1.0' encoding='utf-7'?>+ADw-a/+AD4-"),
    ],
    ids=["empty", "html", "json", "deep", "long", "entities", "file", "utf-16", "utf-7"],
)
def test_what_is_not_s3_is_not_read(body: bytes) -> None:
    """No document types, so no entities; no other encodings; nothing endless."""
    with pytest.raises(NotS3Error):
        parse(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No answer raises anything else."""
    try:
        parse(body)
    except NotS3Error:
        return


def test_an_error_sent_with_success_is_an_error() -> None:
    """Completions and copies are answered 200 before they are done; what they say afterwards counts."""
    body = b"<Error><Code>InternalError</Code><Message>try again</Message></Error>"

    with pytest.raises(RefusedError) as caught:
        document_of(answer(body), "CompleteMultipartUploadResult")

    assert (caught.value.status, caught.value.details["Code"]) == (500, "InternalError")


def test_another_document_is_no_answer() -> None:
    """The answer to another question proves nothing."""
    with pytest.raises(NotS3Error):
        document_of(answer(b"<ListBucketResult/>"), "CopyObjectResult")


@pytest.mark.parametrize("body", [b"", b"<html>", b"<Other><Code>x</Code></Other>"])
def test_a_refusal_needs_no_words(body: bytes) -> None:
    """The status alone is a fact; HEAD has no body, and proxies send web pages."""
    refused = refusal_of(answer(body, 403))

    assert (refused.status, dict(refused.details)) == (403, {})


def test_keys_are_decoded_where_the_page_says_so() -> None:
    """A percent sign in a key is a percent sign, unless the list was encoded."""
    encoded = parse(b"<L><EncodingType>url</EncodingType><Upload><Key>a%2Fb%25</Key><X/></Upload></L>")
    plain = parse(b"<L><Upload><Key>a%2Fb</Key><X/></Upload></L>")

    assert listed_key(encoded.each("Upload")[0], encoded) == "a/b%"
    assert listed_key(plain.each("Upload")[0], plain) == "a%2Fb"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-15T12:00:00.000Z", datetime(2026, 4, 15, 12, tzinfo=UTC)),
        ("2026-04-15T12:00:00", datetime(2026, 4, 15, 12, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_of_lists(text: str, expected: datetime | None) -> None:
    """ISO 8601 with or without a zone; nonsense is no time."""
    assert moment(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 15 Apr 2026 12:00:00 GMT", datetime(2026, 4, 15, 12, tzinfo=UTC)),
        ("Wed, 15 Apr 2026 12:00:00 -0000", datetime(2026, 4, 15, 12, tzinfo=UTC)),
        ("", None),
        ("now", None),
        ("Wed, 15 Apr 99999 12:00:00 GMT", None),
    ],
)
def test_times_of_headers(text: str, expected: datetime | None) -> None:
    """HTTP dates; nonsense is no time."""
    assert http_date(text) == expected
