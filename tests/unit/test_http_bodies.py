"""Streamed bodies and per-request authorization, against real loopback servers."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from publisher.errors import Cancelled, CredentialsError, SettingsError, TransportError
from publisher.http import Authorization, HttpClient, StreamedBody, basic, bearer
from tests.support.admin_api import AdminApi, Fault
from tests.support.canary import found, told_by

PASSWORD = "canary-password-0123456789-abcdefghij"


@pytest.fixture
def client(admin_api: AdminApi) -> Iterator[HttpClient]:
    made = HttpClient(admin_api.url, read_timeout_s=2.0, total_timeout_s=5.0)
    yield made
    made.close()


@pytest.mark.parametrize("pieces", [[], [b""], [b"a"], [b"ab", b"", b"c"], [b"x" * 131072] * 3])
def test_a_streamed_body_arrives_whole_with_its_length(
    admin_api: AdminApi, client: HttpClient, pieces: list[bytes]
) -> None:
    """A body is sent piece by piece under a Content-Length, never chunked, an empty one too."""
    size = sum(map(len, pieces))

    answer = client.request("PUT", "p", body=StreamedBody(size, iter(pieces), "text/plain"))

    (recorded,) = admin_api.recorded
    assert recorded.body == b"".join(pieces)
    assert recorded.headers["content-length"] == str(size)
    assert recorded.headers["content-type"] == "text/plain"
    assert "transfer-encoding" not in recorded.headers
    assert answer.status == 401


def test_what_a_body_raises_ends_the_request_unchanged(client: HttpClient) -> None:
    """A stop in the middle of a body reaches the caller as it is, and the connection is not used again."""

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise Cancelled("stopped on request")

    with pytest.raises(Cancelled):
        client.request("PUT", "p", body=StreamedBody(8, pieces()))

    assert client.request("PUT", "p", body=StreamedBody(4, [b"next"])).status == 401


@pytest.mark.parametrize("size", [3, 5])
def test_a_body_of_another_length_is_a_programmers_mistake(client: HttpClient, size: int) -> None:
    """A body that is not as long as announced is never completed: the server would take the rest for a request."""
    with pytest.raises(RuntimeError, match="than announced"):
        client.request("PUT", "p", body=StreamedBody(size, [b"four"]))


def test_an_early_refusal_is_the_answer(admin_api: AdminApi, client: HttpClient) -> None:
    """A server may refuse a body and say why; the status is reported, not the broken connection."""
    admin_api.fail(Fault(413))

    assert client.request("PUT", "p", body=StreamedBody(1 << 22, [bytes(1 << 20)] * 4)).status == 413


def test_a_request_may_have_more_time_than_the_client_gives(admin_api: AdminApi) -> None:
    """The limit for a whole request is the client's, unless the request has its own."""
    client = HttpClient(admin_api.url, total_timeout_s=0.2)
    admin_api.fail(Fault(before_s=0.6), times=2)

    with pytest.raises(TransportError, match="time limit"):
        client.request("PUT", "p", body=StreamedBody(1, [b"x"]))
    assert client.request("PUT", "p", body=StreamedBody(1, [b"x"]), total_timeout_s=10.0).status == 200
    client.close()


def test_authorization_is_for_one_request_alone(admin_api: AdminApi, client: HttpClient) -> None:
    """Credentials given with a request are sent with it, and not with the next one."""
    client.request("GET", "p", authorization=basic("job-7", PASSWORD))
    client.request("GET", "p")

    first, second = admin_api.recorded
    sent = first.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"job-7:{PASSWORD}"
    assert "authorization" not in second.headers


@pytest.mark.parametrize("authorization", [basic("job-7", PASSWORD), bearer(PASSWORD)], ids=["basic", "bearer"])
def test_authorization_shows_in_no_error(admin_api: AdminApi, client: HttpClient, authorization: Authorization) -> None:
    """A server that repeats the credentials in its answer, decoded or not, does not bring them into a message."""
    header = authorization.header.reveal()
    admin_api.fail(Fault(403, body=f"you sent {header}, which is {PASSWORD}".encode()))

    with pytest.raises(CredentialsError) as caught, client.stream("GET", "p", authorization=authorization):
        pass

    told = told_by(caught.value) + repr(authorization)
    assert "you sent" in told
    assert found([PASSWORD, header.split(" ", 1)[1]], told) == []


@pytest.mark.parametrize(
    ("user", "password"), [("", "canary"), ("canary", ""), ("canary:b", "p"), ("u", "canary\n"), ("canary\x00", "p")]
)
def test_what_basic_authentication_cannot_carry_is_refused(user: str, password: str) -> None:
    """RFC 7617: no colon in a user, no control character anywhere; the message has neither value."""
    with pytest.raises(SettingsError) as caught:
        basic(user, password)

    assert "canary" not in told_by(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ümlaut", "=x"])
def test_what_no_bearer_token_can_be_is_refused(token: str) -> None:
    """RFC 6750 names the characters of a token; anything else would break or forge the header."""
    with pytest.raises(SettingsError):
        bearer(token)
