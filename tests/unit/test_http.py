"""The HTTP client against real loopback servers: bounds, redirects, certificates, the environment, secrets."""

from __future__ import annotations

import gzip
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import (
    CredentialsError,
    NotFoundError,
    ProtocolError,
    PublisherError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.http import Answer, HttpClient, Masked, NothingSentError, RedirectError, error_of, is_loopback, sanitise
from tests.support.admin_api import AdminApi, Fault
from tests.support.canary import found, told_by, told_by_logs

TOKEN = "canary-token-0123456789-abcdefghijklmnop"
KEY = "c0ffee00" * 8


@contextmanager
def _raw_server(*answers: bytes, drip_s: float = 0.0) -> Iterator[str]:
    """Serve each connection the next of these bytes, whatever is asked, then close it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    for piece in [answer] if not drip_s else [bytes([byte]) for byte in answer]:
                        connection.sendall(piece)
                        if stop.wait(drip_s):
                            return
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def _client(url: str, **options: float) -> HttpClient:
    return HttpClient(url, headers={"Authorization": Masked(f"Bearer {TOKEN}")}, **options)  # type: ignore[arg-type]


def _closing(client: HttpClient) -> Iterator[HttpClient]:
    yield client
    client.close()


@pytest.fixture
def client(admin_api: AdminApi) -> Iterator[HttpClient]:
    """A client of the admin API with short limits."""
    yield from _closing(_client(admin_api.url, read_timeout_s=1.0, total_timeout_s=2.0))


def test_a_request_is_sent_once_with_its_headers_and_body(admin_api: AdminApi, client: HttpClient) -> None:
    """The body is compact JSON in the given order, the answer is asked for uncompressed, the secret header arrives."""
    answer = client.request("POST", "/some/path?x=1", json={"b": "ü", "a": 1})

    (recorded,) = admin_api.recorded
    assert (recorded.method, recorded.path, recorded.body) == ("POST", "/some/path?x=1", b'{"b":"\\u00fc","a":1}')
    assert recorded.headers["authorization"] == f"Bearer {TOKEN}"
    assert recorded.headers["accept-encoding"] == "identity"
    assert recorded.headers["content-type"] == "application/json"
    assert answer.status == 401
    assert answer.content_type == "application/json"


def test_connections_are_reused_from_many_threads(admin_api: AdminApi, client: HttpClient) -> None:
    """One client serves all workers; nothing is mixed up between them."""
    admin_api.fail(Fault(body=b'{"n": 1}'), times=64)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: client.request("GET", f"p{number}"), range(64)))

    assert [answer.json() for answer in answers] == [{"n": 1}] * 64
    assert {recorded.path for recorded in admin_api.recorded} == {f"/p{number}" for number in range(64)}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused_and_nothing_is_sent_there(admin_api: AdminApi, client: HttpClient, status: int) -> None:
    """R6, R7: the other server sees no request at all, so neither key nor token."""
    elsewhere = AdminApi().start()
    admin_api.fail(Fault(status, headers={"Location": f"{elsewhere.url}/login?secret=1"}, body=b"x" * 4096))

    with pytest.raises(RedirectError, match=rf"\({status}\) from 127\.0\.0\.1 to 127\.0\.0\.1$"):
        client.request("POST", "publish", json={"encryption_key": KEY})

    elsewhere.stop()
    assert elsewhere.recorded == []
    assert len(admin_api.recorded) == 1


@pytest.mark.parametrize("location", ["http://[::1", "/login", "", "https://ev\x1bil.example/"])
def test_a_redirect_names_at_most_a_harmless_host(admin_api: AdminApi, client: HttpClient, location: str) -> None:
    """Whatever a Location header holds, the message stays printable."""
    admin_api.fail(Fault(302, headers={"Location": location}))

    with pytest.raises(RedirectError) as caught:
        client.request("GET", "x")

    assert caught.value.message.isprintable()


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 50 << 20])
def test_an_answer_is_read_up_to_one_mebibyte(admin_api: AdminApi, client: HttpClient, size: int) -> None:
    """R5: a larger body is not read to its end; the status is still known."""
    admin_api.fail(Fault(body=b"[" + b" " * (size - 2) + b"]"))

    answer = client.request("GET", "x")

    assert answer.status == 200
    if size <= 1 << 20:
        assert answer.json() == []
    else:
        assert answer.body == b""
        with pytest.raises(ProtocolError, match="larger than 1048576 bytes"):
            answer.json()


def test_a_compressed_answer_is_refused_unopened(admin_api: AdminApi, client: HttpClient) -> None:
    """R5: a small body that unpacks to gigabytes is never unpacked."""
    admin_api.fail(Fault(body=gzip.compress(b"0" * (10 << 20)), headers={"Content-Encoding": "gzip"}))

    answer = client.request("GET", "x")

    assert answer.body == b""
    with pytest.raises(ProtocolError, match="compressed"):
        answer.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 1}',
        b'{"a": NaN}',
        b"Infinity",
        b"\xff",
        '"x"'.encode("utf-16"),
        b"[" * 100_000,
        b"1 2",
    ],
)
def test_json_is_strict(body: bytes) -> None:
    """R5: cut JSON, duplicate names, NaN, odd character sets and endless nesting are errors of our own."""
    answer = Answer(200, "application/json", {}, body)

    with pytest.raises(ProtocolError, match="not strict JSON"):
        answer.json()


def test_a_cut_body_keeps_its_status(admin_api: AdminApi, client: HttpClient) -> None:
    """A body shorter than its Content-Length is a problem of the body; that the server said 200 is still known."""
    admin_api.fail("cut")

    answer = client.request("GET", "x")

    assert answer.status == 200
    assert isinstance(answer.problem, TransportError)


def test_a_silent_server_ends_at_the_read_limit(admin_api: AdminApi, client: HttpClient) -> None:
    """A server that never answers costs the read time-out, no more."""
    admin_api.fail(Fault(before_s=5.0))
    before = time.monotonic()

    with pytest.raises(TransportError, match="no answer within 1 s"):
        client.request("GET", "x")

    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + b"x" * 400,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 400,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 400 + b"1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["body", "body-without-length", "chunk-size", "header"],
)
def test_a_dripping_server_ends_at_the_total_limit(answer: bytes) -> None:
    """One byte now and then defeats read time-outs, wherever it drips; the wall clock does not care."""
    with _raw_server(answer, drip_s=0.02) as url:
        client = _client(url, total_timeout_s=0.6)
        before = time.monotonic()
        try:
            problem: BaseException | None = client.request("GET", "x").problem
        except TransportError as error:
            problem = error
        took = time.monotonic() - before
        client.close()

    assert isinstance(problem, TransportError)
    assert "time limit" in str(problem)
    assert 0.5 < took < 1.5


def test_an_unreachable_server_has_seen_nothing() -> None:
    """A refused connection is told apart from a lost answer: the request was not sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = _client(f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(NothingSentError, match=r"no connection to 127\.0\.0\.1"):
            client.request("POST", "x", json={"encryption_key": KEY})
        client.close()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000]
)
def test_what_is_not_http_is_a_transport_error(answer: bytes) -> None:
    """A server of another protocol, or one that hangs up, raises our error, not the library's."""
    with _raw_server(answer) as url:
        client = _client(url, read_timeout_s=1.0)
        with pytest.raises(TransportError) as caught:
            client.request("GET", "x")
        client.close()

    assert not isinstance(caught.value, NothingSentError)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://10.0.0.1:8080",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "https://user:secret@api.example.com",
        "https://api.example.com/?token=secret",
        "https://api.example.com/#x",
        "https://[::1",
        "https://api.example.com:99999",
        "https://api.example.com/a b",
        "https://bücher.example",
        "",
    ],
)
def test_unsafe_addresses_are_refused_before_anything_is_sent(url: str) -> None:
    """R9: plain http beyond this machine, credentials in the URL and nonsense are settings errors without the value."""
    with pytest.raises(SettingsError) as caught:
        HttpClient(url, setting="ADMIN_API_URL")

    assert "ADMIN_API_URL" in caught.value.message
    assert "secret" not in told_by(caught.value)
    assert "example" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "local"), [("localhost", True), ("127.8.9.1", True), ("::1", True), ("10.0.0.1", False)]
)
def test_loopback_is_this_machine_only(host: str, local: bool) -> None:
    """Names that merely look local are not."""
    assert is_loopback(host) is local
    assert not is_loopback(f"{host}.example.com")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "token\n", " token", "", "tökén", "a\x00b"])
def test_a_header_that_cannot_be_sent_is_not_shown(value: str) -> None:
    """The library's own error would show the token; ours names the header."""
    with pytest.raises(SettingsError, match="header Authorization") as caught:
        HttpClient("https://api.example.com", headers={"Authorization": Masked(value)})

    assert not value or value not in told_by(caught.value)


class _Tls:
    """An authority, and servers with certificates of all kinds."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))

    def server(self, *names: str, expired: bool = False, authority: trustme.CA | None = None) -> AdminApi:
        until = datetime.now(UTC) - timedelta(days=1) if expired else None
        certificate = (authority or self.authority).issue_cert(*names, not_after=until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return AdminApi(tls=context).start()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> _Tls:
    """One authority for all tests of this module."""
    return _Tls(tmp_path_factory.mktemp("tls"))


def test_a_private_authority_can_be_named(tls: _Tls) -> None:
    """With its CA file, a private server is as good as a public one."""
    api = tls.server("127.0.0.1")
    client = HttpClient(api.url, ca_file=tls.ca_file)

    answer = client.request("GET", "x")

    client.close()
    api.stop()
    assert answer.status == 401


@pytest.mark.parametrize("kind", ["unknown-authority", "wrong-host", "expired", "other-authority"])
def test_a_bad_certificate_is_refused_before_anything_is_sent(tls: _Tls, kind: str) -> None:
    """R9: an untrusted, foreign or expired certificate ends the connection; the server sees no request."""
    names = ("other.example.com",) if kind == "wrong-host" else ("127.0.0.1",)
    api = tls.server(*names, expired=kind == "expired", authority=trustme.CA() if kind == "other-authority" else None)
    client = HttpClient(api.url, ca_file=None if kind == "unknown-authority" else tls.ca_file)

    with pytest.raises(RejectedError, match=r"certificate of 127\.0\.0\.1 is not trusted"):
        client.request("POST", "x", json={"encryption_key": KEY})

    client.close()
    api.stop()
    assert api.recorded == []


def test_plain_http_behind_an_https_address_is_refused(admin_api: AdminApi) -> None:
    """R9: a server without TLS is a failed connection, not a fallback."""
    client = _client(admin_api.url.replace("http:", "https:"))

    with pytest.raises(NothingSentError, match="TLS"):
        client.request("GET", "x")

    client.close()
    assert admin_api.recorded == []


def test_a_ca_file_that_is_none_is_a_settings_error(tmp_path: Path) -> None:
    """A CA file without certificates would otherwise fail at the first request, or trust nobody silently."""
    (tmp_path / "ca.pem").write_text("not a certificate")

    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(SettingsError, match="CA file"):
            HttpClient("https://api.example.com", ca_file=tmp_path / name)


def test_the_environment_changes_nothing(
    admin_api: AdminApi, tls: _Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R8: proxies, `.netrc`, CA bundles and key logs of the environment are not used."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password evil\ndefault login eve password evil\n")
    (tmp_path / ".netrc").chmod(0o600)
    key_log = tmp_path / "keys.log"
    for name, value in {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": str(tls.ca_file),
        "SSL_CERT_FILE": str(tls.ca_file),
        "CURL_CA_BUNDLE": str(tls.ca_file),
        "SSLKEYLOGFILE": str(key_log),
    }.items():
        monkeypatch.setenv(name, value)
    secure = tls.server("127.0.0.1")
    plain, trusting, distrusting = (
        _client(admin_api.url),
        HttpClient(secure.url, ca_file=tls.ca_file),
        HttpClient(secure.url),
    )

    plain.request("GET", "x")
    trusting.request("GET", "x")
    with pytest.raises(RejectedError, match="not trusted"):
        distrusting.request("GET", "x")

    for client in (plain, trusting, distrusting):
        client.close()
    secure.stop()
    assert admin_api.recorded[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert not key_log.exists()


def _failures(api: AdminApi, client: HttpClient) -> Iterator[PublisherError]:
    """Fail in every way there is, with a key in the body and a server that repeats it."""
    echo = f'{{"you sent": "{KEY} {TOKEN} Bearer {TOKEN}"}}'.encode()
    for fault in (
        Fault(resets=True),
        Fault(302, headers={"Location": "/x"}),
        Fault(body=echo, cuts=True),
        Fault(before_s=2),
    ):
        api.fail(fault)
        try:
            answer = client.request("POST", "publish", json={"encryption_key": KEY})
        except PublisherError as error:
            yield error
        else:
            assert answer.problem is not None
            yield answer.problem
    for status in (400, 401, 404, 409, 418, 429, 500, 503):
        api.fail(Fault(status, body=echo))
        yield error_of(client.request("POST", "publish", json={"encryption_key": KEY}), "publish", client.secrets)


def test_no_error_and_no_log_shows_the_request(
    admin_api: AdminApi,
    client: HttpClient,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """K1, K2: neither key nor token is in texts, attributes or causes of errors, nor in debug output of any library."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)

    errors = list(_failures(admin_api, client))

    said = "\n".join(told_by(error) for error in errors) + told_by_logs(caplog.records) + "".join(capfd.readouterr())
    assert len(errors) == 12
    assert found([KEY, TOKEN], said) == []
    assert all(error.__context__ is None and error.__cause__ is None for error in errors)


def test_neither_client_nor_answer_print_secrets(admin_api: AdminApi, client: HttpClient) -> None:
    """Values that hold secrets do not show them when they are printed."""
    admin_api.fail(Fault(body=KEY.encode(), headers={"X-Echo": TOKEN}))

    answer = client.request("GET", "x")

    assert found([KEY, TOKEN], f"{answer!r} {client!r} {Masked(TOKEN)!r} {Masked(TOKEN)}") == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0), ("0", 0.0), ("3600", 60.0), ("9" * 400, 60.0), ("-1", None), ("1.5", None), ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("Sun, 99 Nov 1994 08:49:37", None), ("", None),
    ],
)  # fmt: skip
def test_retry_after_is_bounded(value: str, seconds: float | None) -> None:
    """R10: seconds and dates are understood, absurd ones are cut to a minute, the rest is ignored."""
    answer = Answer(429, "", {"retry-after": value}, b"")

    assert answer.retry_after_s() == seconds


def test_a_retry_date_is_counted_from_now() -> None:
    """R10: an HTTP date means the difference to our clock."""
    now = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)
    answer = Answer(503, "", {"retry-after": format_datetime(now + timedelta(seconds=20), usegmt=True)}, b"")

    assert answer.retry_after_s(now) == 20.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CredentialsError), (403, CredentialsError), (404, NotFoundError), (410, NotFoundError), (400, RejectedError),
     (429, TransportError), (408, TransportError), (500, TransportError), (503, TransportError), (202, ProtocolError)],
)  # fmt: skip
def test_each_status_has_its_error(status: int, kind: type[PublisherError]) -> None:
    """Whoever only reads needs no table of statuses of its own."""
    assert type(error_of(Answer(status, "", {}, b""), "reading")) is kind


def test_a_download_comes_in_bounded_pieces(admin_api: AdminApi, client: HttpClient) -> None:
    """Pieces have at most 1 MiB, together they are the body."""
    admin_api.fail(Fault(body=b"ab" * (3 << 19)))

    with client.stream("GET", "object", expected_bytes=3 << 20) as pieces:
        read = list(pieces)

    assert b"".join(read) == b"ab" * (3 << 19)
    assert max(map(len, read)) <= 1 << 20


@pytest.mark.parametrize(
    ("fault", "expected", "kind"),
    [
        (Fault(body=b"x" * 4096, cuts=True), None, TransportError),
        (Fault(body=b"x" * 4096), 4095, ProtocolError),
        (Fault(404), None, NotFoundError),
        (Fault(403), None, CredentialsError),
        (Fault(302, headers={"Location": "https://other.example/"}), None, RedirectError),
        (Fault(body=b"x", headers={"Content-Encoding": "gzip"}), None, ProtocolError),
        (Fault(206, body=b"x"), None, ProtocolError),
    ],
)
def test_a_bad_download_raises_our_errors(
    admin_api: AdminApi, client: HttpClient, fault: Fault, expected: int | None, kind: type[PublisherError]
) -> None:
    """Wrong sizes, statuses and cut bodies are translated, in the middle of the body, too."""
    admin_api.fail(fault)

    with pytest.raises(kind), client.stream("GET", "object", expected_bytes=expected) as pieces:
        list(pieces)


@pytest.mark.parametrize(("sent", "kind"), [(b"x" * 99, TransportError), (b"x" * 101, ProtocolError)])
def test_a_download_without_a_length_is_counted(sent: bytes, kind: type[PublisherError]) -> None:
    """Where the server names no length, the end of the connection is no proof of completeness."""
    with _raw_server(b"HTTP/1.1 200 OK\r\n\r\n" + sent) as url:
        client = _client(url)
        with pytest.raises(kind), client.stream("GET", "x", expected_bytes=100) as pieces:
            list(pieces)
        client.close()


def test_a_dripping_download_ends_at_its_limit() -> None:
    """A download has a wall-clock limit of its own."""
    with _raw_server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000, drip_s=0.02) as url:
        client = _client(url)
        with (
            pytest.raises(TransportError, match="time limit"),
            client.stream("GET", "x", total_timeout_s=0.4) as pieces,
        ):
            list(pieces)
        client.close()


@given(st.text())
@settings(derandomize=True, deadline=None, max_examples=200)
def test_sanitised_text_is_one_short_printable_line(text: str) -> None:
    """M8: no control, bidirectional or separator character of a server reaches a terminal."""
    line = sanitise(text)

    assert len(line) <= 200
    assert line.isprintable()


@given(st.text(max_size=150), st.text(alphabet="0123456789abcdef", min_size=64, max_size=64), st.text(max_size=150))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_no_piece_of_a_key_is_left(before: str, key: str, after: str) -> None:
    """K1: a key that a server repeats disappears whole, wherever the text is cut."""
    line = sanitise(f"{before} {key} {after}")

    assert not any(key[start : start + 16] in line for start in range(49)) or key[:16] in before + after


def test_a_named_secret_is_hidden_in_any_case() -> None:
    """Short tokens do not look like keys; they are hidden because they are named."""
    assert sanitise("token S3CRET refused", secrets=["s3cret"]) == "token [...] refused"
