"""The S3 store on a bad network and against bad servers: what the caller is told, and what is really there.

Named after the rows of the fault table in DESIGN.md.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from botocore.exceptions import ClientError

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    LocalResourceError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.stores.capabilities import Enforcement
from publisher.stores.port import Body, CreateAnswer
from publisher.stores.probe import probe
from publisher.stores.s3 import S3Store
from publisher.stores.s3_options import S3Options
from tests.support.fault_proxy import Fault, FaultProxy, Kind, proxy_to
from tests.support.s3_servers import S3Server, through
from tests.support.scripted_http import Answer, s3_error, scripted

KEY = "dev/model-arm64-1.enc"
DATA = bytes(range(256)) * 12_288
BODY = Body.of(DATA)


@pytest.fixture
def proxy(seaweedfs: S3Server) -> Iterator[FaultProxy]:
    with proxy_to(urlsplit(seaweedfs.endpoint).port or 0) as running:
        yield running


@pytest.fixture
def behind(proxy: FaultProxy, s3_options: S3Options) -> S3Store:
    """Return a store with a fresh client whose connections pass the proxy."""
    return S3Store(replace(through(s3_options, proxy.port), read_timeout_s=2.0, read_attempts=3))


@pytest.fixture
def direct(s3_options: S3Options) -> S3Store:
    return S3Store(s3_options)


def content(store: S3Store) -> bytes:
    with store.read(KEY) as pieces:
        return b"".join(pieces)


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        pytest.param(Fault(Kind.LOST_REQUEST, "PUT"), False, id="lost-request"),
        pytest.param(Fault(Kind.LOST_ANSWER, "PUT"), True, id="S2-lost-answer"),
        pytest.param(Fault(Kind.RESET_UP, "PUT", after=1_000_000), False, id="S1-reset-mid-body"),
        pytest.param(Fault(Kind.TRUNCATE_UP, "PUT", after=1_000_000), False, id="cut-mid-body"),
        pytest.param(Fault(Kind.TRUNCATE_DOWN, "PUT", after=60), True, id="S2-cut-in-the-header-block"),
        pytest.param(Fault(Kind.STALL, "PUT"), True, id="S7-no-answer"),
        pytest.param(Fault(Kind.REFUSE, "PUT"), False, id="reset-at-once"),
    ],
)
def test_a_create_without_a_clear_answer_is_ambiguous(
    proxy: FaultProxy, behind: S3Store, direct: S3Store, fault: Fault, there: bool
) -> None:
    """S1, S2, S7: one request, AMBIGUOUS, nothing or the whole object is there, and asking again settles it."""
    proxy.arm(fault)

    answer = behind.create(KEY, BODY, metadata={"publish-nonce": "mine"})

    assert answer is CreateAnswer.AMBIGUOUS
    assert proxy.count("PUT") == 1
    info = direct.head(KEY)
    assert (info is not None) is there
    again = behind.create(KEY, BODY, metadata={"publish-nonce": "mine"})
    assert again is (CreateAnswer.EXISTS if there else CreateAnswer.CREATED)
    assert content(direct) == DATA


def test_s7_a_silent_server_is_left_in_time(proxy: FaultProxy, behind: S3Store) -> None:
    """S7: a server that accepts and never answers costs the read time-out, not for ever."""
    proxy.arm(Fault(Kind.STALL, "PUT"))
    behind.head(KEY)
    started = time.monotonic()

    behind.create(KEY, BODY, metadata={})

    assert time.monotonic() - started < 5


def test_a_lookup_survives_a_lost_request(proxy: FaultProxy, behind: S3Store, direct: S3Store) -> None:
    """Requests that change nothing are repeated by the SDK."""
    direct.create(KEY, BODY, metadata={})
    proxy.arm(Fault(Kind.LOST_ANSWER, "HEAD", times=2))

    info = behind.head(KEY)

    assert info is not None
    assert proxy.count("HEAD") == 3


def test_a_lookup_that_fails_is_not_absent(proxy: FaultProxy, behind: S3Store) -> None:
    """An unanswered HEAD is an error, never None."""
    proxy.arm(Fault(Kind.LOST_ANSWER, "HEAD", times=10))

    with pytest.raises(TransportError):
        behind.head(KEY)


def test_a_cut_download_is_an_error_inside_the_iterator(proxy: FaultProxy, behind: S3Store, direct: S3Store) -> None:
    """A body that ends early is a TransportError while reading, whatever was received before."""
    direct.create(KEY, BODY, metadata={})
    proxy.arm(Fault(Kind.TRUNCATE_DOWN, "GET", after=2_000_000))

    received: list[bytes] = []
    with behind.read(KEY) as pieces, pytest.raises(TransportError):
        received.extend(pieces)

    assert 0 < len(b"".join(received)) < len(DATA)


def test_s7_a_dripping_download_is_given_up(proxy: FaultProxy, behind: S3Store, direct: S3Store) -> None:
    """S7: a server that sends a few bytes a second runs into the time-out although each read makes progress."""
    direct.create(KEY, BODY, metadata={})
    proxy.arm(Fault(Kind.DRIP, "GET", after=1000, rate=20))
    started = time.monotonic()

    with behind.read(KEY) as pieces, pytest.raises(TransportError, match="less than"):
        list(pieces)

    assert time.monotonic() - started < 6


@pytest.mark.parametrize("after", [0, 150], ids=["at-once", "in-the-headers"])
def test_s7_a_dripping_answer_is_given_up(proxy: FaultProxy, behind: S3Store, direct: S3Store, after: int) -> None:
    """S7: an answer that drips is an error in time for a lookup, and ambiguous for a create."""
    direct.create(KEY, BODY, metadata={})
    impatient = S3Store(replace(behind._options, read_attempts=1, answer_timeout_s=1.0))
    started = time.monotonic()

    proxy.arm(Fault(Kind.DRIP, "HEAD", after=after, rate=20))
    with pytest.raises(TransportError, match="time limit"):
        impatient.head(KEY)
    proxy.arm(Fault(Kind.DRIP, "PUT", after=after, rate=20))
    assert impatient.create(f"{KEY}2", Body.of(b"x"), metadata={}) is CreateAnswer.AMBIGUOUS

    assert time.monotonic() - started < 6


def test_a_lookup_that_was_cut_is_not_an_object_without_metadata(
    proxy: FaultProxy, behind: S3Store, direct: S3Store
) -> None:
    """Headers that end in the middle are an error: nobody may take our own object for a stranger's."""
    direct.create(KEY, BODY, metadata={"publish-nonce": "mine"})
    proxy.arm(Fault(Kind.TRUNCATE_DOWN, "HEAD", after=250, times=10))

    with pytest.raises(TransportError):
        behind.head(KEY)


def test_a_slow_line_is_no_fault(proxy: FaultProxy, behind: S3Store, direct: S3Store) -> None:
    """A throttled upload that makes progress succeeds."""
    proxy.arm(Fault(Kind.THROTTLE, "PUT", rate=2_500_000))

    answer = behind.create(KEY, BODY, metadata={})

    assert answer is CreateAnswer.CREATED
    assert content(direct) == DATA


def test_a_refused_connection_says_so(s3_options: S3Options, refused_port: int) -> None:
    """Nobody listens: TransportError for every operation, because nothing was sent."""
    store = S3Store(replace(through(s3_options, refused_port), read_attempts=1))

    for call in (lambda: store.head(KEY), lambda: store.create(KEY, Body.of(b"x"), metadata={})):
        with pytest.raises(TransportError, match="cannot connect"):
            call()


def test_wrong_credentials_and_buckets_are_named(s3_options: S3Options) -> None:
    """S18: a wrong secret, an unknown key and a missing bucket are three precise errors for read and write alike."""
    wrong_secret = S3Store(replace(s3_options, secret_key="CANARY-secret"))
    unknown_key = S3Store(replace(s3_options, access_key="CANARYKEY"))
    no_bucket = S3Store(replace(s3_options, bucket="no-such-bucket"))

    for store, expected in (
        (wrong_secret, CredentialsError),
        (unknown_key, CredentialsError),
        (no_bucket, RejectedError),
    ):
        for operation in ("head", "read", "create"):
            with pytest.raises(expected) as caught:
                use(store, operation)
            assert caught.value.hint
            assert "CANARY" not in f"{caught.value} {caught.value.hint}"


def use(store: S3Store, operation: str) -> None:
    match operation:
        case "head":
            store.head(KEY)
        case "read":
            content(store)
        case "create":
            store.create(KEY, Body.of(b"x"), metadata={})


def options_for(url: str, options: S3Options | None = None) -> S3Options:
    base = options or S3Options(endpoint=url, access_key="AK", secret_key="SK", bucket="bucket")
    return replace(base, endpoint=url, read_timeout_s=2.0, connect_timeout_s=2.0, read_attempts=3)


def test_s5_throttling_is_waited_out_for_reads_and_shown_for_writes() -> None:
    """S5: the SDK repeats a lookup after 503, never a create."""
    slow = s3_error(503, "SlowDown")
    good = Answer(200, {"ETag": '"e"', "Last-Modified": "Sat, 01 Nov 2025 00:00:00 GMT"})
    with scripted(slow, slow, good) as server:
        assert S3Store(options_for(server.url)).head(KEY) is not None
        assert len(server.asked) == 3
    with scripted(slow, good) as server:
        store = S3Store(options_for(server.url))
        assert store.create(KEY, BODY, metadata={}) is CreateAnswer.AMBIGUOUS
        assert store.create(KEY, BODY, metadata={}) is CreateAnswer.CREATED
        assert [asked.method for asked in server.asked] == ["PUT", "PUT"]


def test_s6_throttling_for_ever_is_an_error() -> None:
    """S6: attempts are bounded, and the wait the store asked for is passed on."""
    with scripted(s3_error(503, "SlowDown", headers={"Retry-After": "7"})) as server:
        with pytest.raises(TransportError) as caught:
            S3Store(options_for(server.url)).head(KEY)
        assert len(server.asked) == 3

    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (s3_error(409, "ConditionalRequestConflict"), CreateAnswer.BUSY),
        (s3_error(412, "PreconditionFailed"), CreateAnswer.EXISTS),
        (s3_error(200, "InternalError"), CreateAnswer.AMBIGUOUS),
        (s3_error(500, "InternalError"), CreateAnswer.AMBIGUOUS),
        (Answer(200), CreateAnswer.AMBIGUOUS),
        (Answer(200, {"ETag": '"e"'}), CreateAnswer.CREATED),
        (Answer(502, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>"), CreateAnswer.AMBIGUOUS),
        (Answer(200, {"Content-Type": "text/html", "ETag": '"e"'}, b"<html><p>login"), CreateAnswer.AMBIGUOUS),
    ],
    ids=["S10-409", "412", "S4-200-with-error", "500", "200-without-etag", "200", "502-html", "200-html"],
)
def test_answers_to_a_create(answer: Answer, expected: CreateAnswer) -> None:
    """Each answer to the one request has its place in the resolve table, and the request is not repeated."""
    with scripted(answer) as server:
        assert S3Store(options_for(server.url)).create(KEY, Body.of(b"x"), metadata={}) is expected
        assert len(server.asked) == 1


def test_s9_a_wrong_clock_is_named() -> None:
    """S9: the machine's clock is blamed, with the difference in minutes."""
    skewed = s3_error(403, "RequestTimeTooSkewed", headers={"Date": "Sat, 01 Nov 2025 00:00:00 GMT"})
    with scripted(skewed) as server, pytest.raises(CredentialsError, match=r"this machine's clock is \d+ min"):
        S3Store(options_for(server.url)).create(KEY, Body.of(b"x"), metadata={})


def test_s12_a_refused_condition_is_a_missing_capability() -> None:
    """S12: 501 on the header is a CapabilityError for the caller and REFUSED for the probe."""
    with scripted(s3_error(501, "NotImplemented")) as server:
        with pytest.raises(CapabilityError):
            S3Store(options_for(server.url)).create(KEY, Body.of(b"x"), metadata={})

        found = probe(S3Store(options_for(server.url)), new_id=lambda: "id")

    assert found.conditional_put is Enforcement.REFUSED


def test_s18_a_redirect_to_another_region_is_not_followed() -> None:
    """S18: 301 is an error that names the region; neither body nor credentials go anywhere else."""
    moved = s3_error(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-1"})
    with scripted(moved) as server:
        store = S3Store(options_for(server.url))
        for call in (lambda: store.head(KEY), lambda: store.create(KEY, Body.of(b"x"), metadata={})):
            with pytest.raises(RejectedError) as caught:
                call()
            assert caught.value.hint
            assert "eu-west-1" in caught.value.hint
        assert len(server.asked) == 2


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", True), ("127.0.0.1", False), ("other.example", True)])
def test_s18_certificates_are_checked(tmp_path: Path, name: str, trusted: bool) -> None:
    """S18: an unknown authority or another host's certificate is an error that names the setting; nothing is sent."""
    authority, stranger = trustme.CA(), trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    (authority if trusted else stranger).cert_pem.write_to_path(str(ca_file))
    with scripted(Answer(200, {"ETag": '"e"'}), tls=tls) as server:
        store = S3Store(replace(options_for(server.url), ca_file=ca_file, read_attempts=1))
        if trusted and name == "127.0.0.1":
            assert store.create(KEY, BODY, metadata={}) is CreateAnswer.CREATED
            assert "content-encoding" not in server.asked[0].headers
            return
        for operation in ("head", "create"):
            with pytest.raises(RejectedError, match="certificate") as caught:
                use(store, operation)
            assert caught.value.hint
            assert "S3_CA_FILE" in caught.value.hint
        assert server.asked == []


@pytest.mark.parametrize("text", [None, "", "not a certificate"], ids=["missing", "empty", "nonsense"])
def test_an_unusable_ca_file_is_named(tmp_path: Path, text: str | None) -> None:
    """A CA file without certificates is a wrong setting that is named, not a network problem."""
    ca_file = tmp_path / "authorities.pem"
    if text is not None:
        ca_file.write_text(text)
    store = S3Store(replace(options_for("https://127.0.0.1:1"), ca_file=ca_file))

    with pytest.raises(SettingsError, match=r"authorities\.pem"):
        store.head(KEY)


def test_a_forbidden_lookup_is_not_absent() -> None:
    """403 is an error whose hint knows that S3 says so for missing objects without the right to list."""
    with scripted(Answer(403)) as server, pytest.raises(CredentialsError) as caught:
        S3Store(options_for(server.url)).head(KEY)

    assert caught.value.hint
    assert "may not list" in caught.value.hint


def test_a_bucket_nobody_may_list_can_hold_nothing() -> None:
    """404 for the object and 403 for the bucket: the bucket is there, the object is not."""
    with scripted(Answer(404), Answer(403), Answer(404)) as server:
        store = S3Store(options_for(server.url))
        assert store.head(KEY) is None
        assert store.head(KEY) is None
        assert [asked.method + asked.path for asked in server.asked] == [
            f"HEAD/bucket/{KEY}",
            "HEAD/bucket",
            f"HEAD/bucket/{KEY}",
        ]


def test_a_create_is_signed_with_the_known_digest(seaweedfs: S3Server, s3_options: S3Options) -> None:
    """The digest handed over is the one that is signed: the body is read once and not hashed again."""
    opened: list[int] = []
    body = replace(BODY, open=lambda: opened.append(1) or BODY.open())  # type: ignore[func-returns-value]
    with scripted(Answer(200, {"ETag": '"e"'})) as server:
        sent: list[int] = []
        S3Store(options_for(server.url)).create(KEY, body, metadata={"publish-nonce": "n"}, progress=sent.append)

    (asked,) = server.asked
    assert asked.headers["x-amz-content-sha256"] == sha256(DATA).hexdigest()
    assert asked.headers["if-none-match"] == "*"
    assert asked.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asked.headers["content-type"] == "application/octet-stream"
    assert "x-amz-content-sha256" in asked.headers["authorization"]
    assert not [name for name in asked.headers if "checksum" in name or "trailer" in name]
    assert asked.body == DATA
    assert (len(opened), sum(sent), min(sent) > 0) == (1, len(DATA), True)


def test_control_objects_are_not_cached_for_ever() -> None:
    """Objects below `.publish/` are sent without Cache-Control: they are deleted one day."""
    with scripted(Answer(200, {"ETag": '"e"'})) as server:
        S3Store(options_for(server.url)).create(".publish/keys/n.json", Body.of(b"{}"), metadata={})

    assert "cache-control" not in server.asked[0].headers


def test_a_small_body_does_not_wait_for_a_continue() -> None:
    """A body of a few bytes is sent at once, a large one after `100 Continue`: a refusal then saves the upload."""
    with scripted(Answer(200, {"ETag": '"e"'})) as server:
        store = S3Store(options_for(server.url))
        for body in (Body.of(b"small"), BODY):
            store.create(KEY, body, metadata={})

    assert ["expect" in asked.headers for asked in server.asked] == [False, True]


def test_a_broken_temporary_file_is_this_machines_fault(s3_options: S3Options, direct: S3Store) -> None:
    """A body that ends early is a local error, not a network one, and nothing is stored."""
    short = replace(BODY, size_bytes=len(DATA) + 1)

    with pytest.raises(LocalResourceError):
        direct.create(KEY, short, metadata={})

    assert direct.head(KEY) is None


def test_the_object_can_be_made_public(seaweedfs: S3Server, s3_options: S3Options, direct: S3Store) -> None:
    """A bucket with a public policy serves the object to anybody with its cache rule, and a private one does not."""
    import requests

    direct.create(KEY, BODY, metadata={})
    private = requests.get(f"{seaweedfs.endpoint}/{s3_options.bucket}/{KEY}", timeout=10)
    base = seaweedfs.publish_to_world(s3_options.bucket)

    public = requests.get(f"{base}/{KEY}", timeout=10)

    assert private.status_code == 403
    assert public.content == DATA
    assert public.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with pytest.raises(ClientError):
        seaweedfs.client.head_object(Bucket=s3_options.bucket, Key="dev/other")
