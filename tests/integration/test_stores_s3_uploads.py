"""Uploads in parts and replacements on a bad network and against bad servers: what the caller is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    LocalResourceError,
    NotFoundError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.stores.port import Body, BodyDigest, CompleteAnswer, CreateAnswer, ReplaceAnswer, SentPart, UploadGone
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.support.fault_proxy import Fault, FaultProxy, Kind, proxy_to
from tests.support.s3_servers import S3Server, through
from tests.support.scripted_http import Answer, s3_error, scripted

KEY = "dev/model-arm64-1.enc"
DATA = bytes(range(256)) * 12_288
BODY = Body.of(DATA)
PART = SentPart('"p"')
GOOD = Answer(200, {"ETag": '"e"'})


@pytest.fixture
def proxy(seaweedfs: S3Server) -> Iterator[FaultProxy]:
    with proxy_to(urlsplit(seaweedfs.endpoint).port or 0) as running:
        yield running


@pytest.fixture
def behind(proxy: FaultProxy, s3_options: S3Options) -> S3Store:
    return S3Store(replace(through(s3_options, proxy.port), read_timeout_s=2.0, read_attempts=3))


@pytest.fixture
def direct(s3_options: S3Options) -> S3Store:
    return S3Store(s3_options)


def content(store: S3Store) -> bytes:
    with store.read(KEY) as pieces:
        return b"".join(pieces)


def scripted_options(url: str) -> S3Options:
    options = S3Options(endpoint=url, access_key="AK", secret_key="SK", bucket="bucket")
    return replace(options, read_timeout_s=2.0, connect_timeout_s=2.0, read_attempts=3)


def scripted_store(url: str) -> S3Store:
    return S3Store(scripted_options(url))


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        pytest.param(Fault(Kind.LOST_REQUEST, "POST"), False, id="lost-request"),
        pytest.param(Fault(Kind.LOST_ANSWER, "POST"), True, id="lost-answer"),
        pytest.param(Fault(Kind.TRUNCATE_DOWN, "POST", after=60), True, id="cut-in-the-header-block"),
        pytest.param(Fault(Kind.STALL, "POST"), True, id="no-answer"),
    ],
)
def test_a_completion_without_a_clear_answer_is_ambiguous(
    proxy: FaultProxy, behind: S3Store, direct: S3Store, fault: Fault, there: bool
) -> None:
    """S1, S2, S7: one request, AMBIGUOUS, nothing or the whole object is there, and completing again settles it."""
    upload_id = direct.start_upload(KEY, metadata={"publish-nonce": "mine"})
    part = direct.upload_part(KEY, upload_id, 1, BODY)
    proxy.arm(fault)

    answer = behind.complete_if_absent(KEY, upload_id, [part])

    assert answer is CreateAnswer.AMBIGUOUS
    assert proxy.count("POST") == 1
    assert (direct.head(KEY) is not None) is there
    again = behind.complete_if_absent(KEY, upload_id, [part])
    assert again in ({CreateAnswer.EXISTS, UploadGone.GONE} if there else {CreateAnswer.CREATED})
    assert content(direct) == DATA


@pytest.mark.parametrize("kind", [Kind.LOST_REQUEST, Kind.LOST_ANSWER, Kind.RESET_UP, Kind.TRUNCATE_UP])
def test_a_lost_part_is_sent_again(proxy: FaultProxy, behind: S3Store, direct: S3Store, kind: Kind) -> None:
    """A part whose answer was lost is an error after one request, and sending it again is always right."""
    upload_id = direct.start_upload(KEY, metadata={})
    sent: list[int] = []
    proxy.arm(Fault(kind, "PUT", after=1_000_000))

    with pytest.raises(TransportError):
        behind.upload_part(KEY, upload_id, 1, BODY, sent.append)

    assert proxy.count("PUT") == 1
    part = behind.upload_part(KEY, upload_id, 1, BODY)
    assert behind.complete_if_absent(KEY, upload_id, [part]) is CreateAnswer.CREATED
    assert content(direct) == DATA


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        pytest.param(Fault(Kind.LOST_REQUEST, "PUT"), False, id="lost-request"),
        pytest.param(Fault(Kind.LOST_ANSWER, "PUT"), True, id="lost-answer"),
        pytest.param(Fault(Kind.RESET_UP, "PUT", after=1_000_000), False, id="reset-mid-body"),
    ],
)
def test_a_replacement_without_a_clear_answer_is_ambiguous(
    proxy: FaultProxy, behind: S3Store, direct: S3Store, fault: Fault, there: bool
) -> None:
    """One request, AMBIGUOUS, the old or the new object is there whole; asking again says REPLACED or CHANGED."""
    direct.create(KEY, Body.of(b"damaged"), metadata={})
    info = direct.head(KEY)
    assert info is not None
    proxy.arm(fault)

    answer = behind.replace(KEY, BODY, metadata={}, if_match=info.etag)

    assert answer is ReplaceAnswer.AMBIGUOUS
    assert proxy.count("PUT") == 1
    assert content(direct) == (DATA if there else b"damaged")
    again = behind.replace(KEY, BODY, metadata={}, if_match=info.etag)
    assert again is (ReplaceAnswer.CHANGED if there else ReplaceAnswer.REPLACED)
    assert content(direct) == DATA


def completed(etag: str) -> Answer:
    return xml("CompleteMultipartUploadResult", f"<Key>{KEY}</Key><ETag>{etag}</ETag>")


def xml(name: str, inner: str) -> Answer:
    body = f"<?xml version='1.0'?><{name}>{inner}</{name}>"
    return Answer(200, {"Content-Type": "application/xml"}, body.encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (completed('"e"'), CreateAnswer.CREATED),
        (completed(""), CreateAnswer.CREATED),
        (s3_error(404, "NoSuchUpload"), UploadGone.GONE),
        (s3_error(409, "ConditionalRequestConflict"), CreateAnswer.BUSY),
        (s3_error(412, "PreconditionFailed"), CreateAnswer.EXISTS),
        (s3_error(200, "InternalError"), CreateAnswer.AMBIGUOUS),
        (s3_error(500, "InternalError"), CreateAnswer.AMBIGUOUS),
        (Answer(200), CreateAnswer.AMBIGUOUS),
        (Answer(200, {"Content-Type": "text/html"}, b"<html><p>login"), CreateAnswer.AMBIGUOUS),
    ],
    ids=["200", "Ceph-without-etag", "404", "S10-409", "412", "S4-200-with-error", "500", "200-empty", "200-html"],
)
def test_answers_to_a_completion(answer: Answer, expected: CompleteAnswer) -> None:
    """Each answer to the one request has its place in the resolve table; the condition is sent, nothing is repeated."""
    with scripted(answer) as server:
        assert scripted_store(server.url).complete_if_absent(KEY, "id", [PART]) is expected
        (asked,) = server.asked

    assert asked.headers["if-none-match"] == "*"
    assert b"<PartNumber>1</PartNumber>" in asked.body


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (s3_error(501, "NotImplemented"), CapabilityError),
        (s3_error(400, "InvalidPart"), RejectedError),
        (s3_error(403, "AccessDenied"), CredentialsError),
        (s3_error(404, "NoSuchBucket"), RejectedError),
    ],
    ids=["501", "400", "403", "no-bucket"],
)
def test_a_refused_completion_stored_nothing(answer: Answer, expected: type[PublisherError]) -> None:
    """What is certain not to have happened is an error, not an answer."""
    with scripted(answer) as server, pytest.raises(expected):
        scripted_store(server.url).complete_if_absent(KEY, "id", [PART])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOOD, ReplaceAnswer.REPLACED),
        (s3_error(412, "PreconditionFailed"), ReplaceAnswer.CHANGED),
        (s3_error(404, "NoSuchKey"), ReplaceAnswer.CHANGED),
        (s3_error(409, "ConditionalRequestConflict"), ReplaceAnswer.CHANGED),
        (s3_error(500, "InternalError"), ReplaceAnswer.AMBIGUOUS),
        (Answer(200), ReplaceAnswer.AMBIGUOUS),
    ],
    ids=["200", "412", "404", "409", "500", "200-without-etag"],
)
def test_answers_to_a_replacement(answer: Answer, expected: ReplaceAnswer) -> None:
    """One request with If-Match and without If-None-Match, which is not repeated."""
    with scripted(answer) as server:
        assert scripted_store(server.url).replace(KEY, BODY, metadata={}, if_match='"old"') is expected
        (asked,) = server.asked

    assert asked.headers["if-match"] == '"old"'
    assert "if-none-match" not in asked.headers


def test_a_part_is_signed_with_the_known_digest() -> None:
    """A part is read once and carries both digests, no checksum trailer and, in small, no wait for 100 Continue."""
    with scripted(GOOD) as server:
        scripted_store(server.url).upload_part(KEY, "id", 7, Body.of(b"part"))
        (asked,) = server.asked

    assert asked.headers["x-amz-content-sha256"] == sha256(b"part").hexdigest()
    assert asked.headers["content-md5"]
    assert "expect" not in asked.headers
    assert not [name for name in asked.headers if "checksum" in name or "trailer" in name]
    assert "partNumber=7" in asked.path


def test_a_part_carries_what_is_known_of_it() -> None:
    """CRC-32 alone: an unsigned payload, the checksum in its header and again in the completion, no MD5."""
    begun = xml("InitiateMultipartUploadResult", "<UploadId>id</UploadId>")
    with scripted(begun, GOOD, completed('"e"')) as server:
        store = scripted_store(server.url)
        upload_id = store.start_upload(KEY, metadata={}, digests={BodyDigest.CRC32})
        part = store.upload_part(KEY, upload_id, 1, Body.of_buffers([b"pa", b"rt"], crc32=0x01020304))
        store.complete_if_absent(KEY, upload_id, [part])
        start, sent, end = server.asked

    assert start.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert sent.headers["x-amz-checksum-crc32"] == "AQIDBA=="
    assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "content-md5" not in sent.headers
    assert sent.body == b"part"
    assert b"<ChecksumCRC32>AQIDBA==</ChecksumCRC32>" in end.body


def test_an_upload_begins_like_an_object() -> None:
    """Metadata, type and cache rule are fixed when an upload starts, by one request."""
    with scripted(xml("InitiateMultipartUploadResult", "<UploadId>id</UploadId>")) as server:
        assert scripted_store(server.url).start_upload(KEY, metadata={"publish-nonce": "n"}) == "id"
        (asked,) = server.asked

    assert asked.headers["x-amz-meta-publish-nonce"] == "n"
    assert asked.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asked.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "answer", [s3_error(500, "InternalError"), Answer(200), s3_error(200, "SlowDown")], ids=["500", "empty", "error"]
)
def test_an_upload_is_started_once(answer: Answer) -> None:
    """A lost answer to the start is an error and is not repeated: each repetition could leave an upload behind."""
    with scripted(answer) as server:
        with pytest.raises(TransportError):
            scripted_store(server.url).start_upload(KEY, metadata={})

        assert len(server.asked) == 1


def test_a_part_of_no_upload_is_not_found(direct: S3Store) -> None:
    """An upload nobody started is NotFoundError for a part, GONE for a completion, and fine to abort."""
    with pytest.raises(NotFoundError):
        direct.upload_part(KEY, "0123456789abcdef", 1, Body.of(b"x"))
    assert direct.complete_if_absent(KEY, "0123456789abcdef", [PART]) is UploadGone.GONE
    direct.abort_upload(KEY, "0123456789abcdef")


def test_a_broken_temporary_file_is_this_machines_fault(direct: S3Store) -> None:
    """A part that ends early is a local error."""
    upload_id = direct.start_upload(KEY, metadata={})

    with pytest.raises(LocalResourceError):
        direct.upload_part(KEY, upload_id, 1, replace(BODY, size_bytes=len(DATA) + 1))

    direct.abort_upload(KEY, upload_id)


@pytest.mark.parametrize("code", [405, 501])
def test_a_store_without_versions_has_none(code: int) -> None:
    """A store that does not know the question has no older versions; one that forbids it is an error."""
    with scripted(s3_error(code, "NotImplemented")) as server:
        assert list(scripted_store(server.url).versions(KEY)) == []
    with scripted(s3_error(403, "AccessDenied")) as server, pytest.raises(CredentialsError):
        scripted_store(server.url).versions(KEY)


def page(name: str, entries: str, **texts: str) -> Answer:
    return xml(name, entries + "".join(f"<{key}>{value}</{key}>" for key, value in texts.items()))


def test_open_uploads_are_listed_page_by_page() -> None:
    """A list goes on where its last page ended, with keys decoded."""
    upload = "<Upload><Key>dev/{0}</Key><UploadId>{0}</UploadId></Upload>"
    first = page(
        "ListMultipartUploadsResult",
        upload.format("a"),
        EncodingType="url",
        IsTruncated="true",
        NextKeyMarker="dev%2Fa",
        NextUploadIdMarker="a",
    )
    with scripted(first, page("ListMultipartUploadsResult", upload.format("b"), IsTruncated="false")) as server:
        found = scripted_store(server.url).open_uploads("dev/")
        asked = [parse_qs(urlsplit(each.path).query, keep_blank_values=True) for each in server.asked]

    assert [(each.key, each.upload_id) for each in found] == [("dev/a", "a"), ("dev/b", "b")]
    assert asked[0] == {"uploads": [""], "prefix": ["dev/"], "encoding-type": ["url"]}
    assert (asked[1]["key-marker"], asked[1]["upload-id-marker"]) == (["dev/a"], ["a"])


def test_versions_are_listed_page_by_page_and_no_further() -> None:
    """The current version and those of other keys are left out, and nothing behind them is asked for."""

    def version(key: str, name: str, *, latest: str = "false") -> str:
        return (
            f"<Version><Key>{key}</Key><VersionId>{name}</VersionId><IsLatest>{latest}</IsLatest><Size>3</Size>"
            f"<ETag>e</ETag><LastModified>2026-04-1{name}T00:00:00Z</LastModified></Version>"
        )

    pages = [
        page(
            "ListVersionsResult",
            version(KEY, "9", latest="true") + version(KEY, "7"),
            IsTruncated="true",
            NextKeyMarker=KEY,
            NextVersionIdMarker="7",
        ),
        page(
            "ListVersionsResult",
            version(KEY, "8") + version(f"{KEY}2", "1"),
            IsTruncated="true",
            NextKeyMarker=f"{KEY}2",
            NextVersionIdMarker="1",
        ),
    ]
    with scripted(*pages) as server:
        found = scripted_store(server.url).versions(KEY)
        assert len(server.asked) == 2

    assert [each.version_id for each in found] == ["8", "7"]


def test_a_list_that_does_not_move_on_is_nonsense() -> None:
    """A store that repeats its page for ever is not believed for ever."""
    same = page("ListMultipartUploadsResult", "", IsTruncated="true", NextKeyMarker="dev/a", NextUploadIdMarker="a")
    with scripted(same) as server:
        with pytest.raises(ProtocolError):
            S3Store(replace(scripted_options(server.url), read_attempts=1)).open_uploads("")

        assert len(server.asked) == 2
