"""What each answer of an upload handler is taken for, and that none of them brings the token back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from publisher.destinations.conda.handler import SERVER_LIMIT_BYTES, HttpHandler
from publisher.destinations.conda.ports import Answered, Received
from publisher.errors import Cancelled, CredentialsError, RejectedError, SettingsError
from publisher.http import HttpClient, Masked
from publisher.model import CondaIdentity
from tests.support.canary import told_by
from tests.support.scripted_http import Answer, ScriptedServer, scripted

TOKEN = "short+secret"
"""Too short and too plain for the filter that masks whatever looks like a key."""

PACKAGE = CondaIdentity("linux-64", "x-1.0-0.conda")
PAGE = b"  <!doctype html><title>Sign in</title>"


def upload(server: ScriptedServer, *, size_bytes: int = 4, pieces: tuple[bytes, ...] = (b"da", b"ta")) -> Answered:
    client = HttpClient(server.url, read_timeout_s=5.0, total_timeout_s=5.0)
    try:
        return HttpHandler(client, Masked(TOKEN)).upload(PACKAGE, size_bytes, iter(pieces))
    finally:
        client.close()


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        (Answer(200), Received.ACCEPTED),
        (Answer(201, body=b"{}"), Received.ACCEPTED),
        (Answer(204), Received.ACCEPTED),
        (Answer(200, {"Content-Type": "text/html"}, PAGE), Received.UNCLEAR),
        (Answer(200, {}, PAGE), Received.UNCLEAR),
        (Answer(303, {"Location": "https://login.example.com/"}), Received.UNCLEAR),
        (Answer(307, {"Location": "/elsewhere"}), Received.UNCLEAR),
        (Answer(401), Received.DENIED),
        (Answer(401, {}, PAGE), Received.DENIED),
        (Answer(400), Received.REFUSED),
        (Answer(403), Received.REFUSED),
        (Answer(404), Received.REFUSED),
        (Answer(405), Received.REFUSED),
        (Answer(409), Received.REFUSED),
        (Answer(413), Received.REFUSED),
        (Answer(408), Received.FAILED),
        (Answer(429), Received.FAILED),
        (Answer(500), Received.FAILED),
        (Answer(503), Received.FAILED),
        (Answer(502), Received.LOST),
        (Answer(504), Received.LOST),
    ],
)
def test_an_answer_is_one_of_seven_things(answer: Answer, received: Received) -> None:
    """The status decides, and a page is no success; only an acceptance comes without an error to tell."""
    with scripted(answer) as server:
        answered = upload(server)

    assert answered.received is received
    assert (answered.error is None) == (received is Received.ACCEPTED)
    assert len(server.asked) == 1


def test_an_answer_that_repeats_the_token_does_not_show_it() -> None:
    """Whatever a server sends back, the token is masked in what is told of it."""
    for status in (200, 400, 401, 404, 500, 502):
        with scripted(Answer(status, {"Content-Type": "text/plain"}, f"<bad token {TOKEN}>".encode())) as server:
            answered = upload(server)

        assert answered.error is not None
        assert "bad token" in answered.error.message
        assert TOKEN not in told_by(answered.error)


def test_refusals_are_credentials_or_not() -> None:
    """401 and 403 are about the token (exit 4), 404 and 405 about the address."""
    errors = {}
    for status in (401, 403, 404, 405, 400):
        with scripted(Answer(status)) as server:
            errors[status] = upload(server).error

    assert type(errors[401]) is type(errors[403]) is CredentialsError
    assert type(errors[404]) is type(errors[405]) is type(errors[400]) is RejectedError
    assert "CONDA_UPLOAD_URL" in str(errors[404].hint if errors[404] else "")


def test_a_package_over_the_limit_is_told_the_limit() -> None:
    """The handler's limit is named where a refusal may come from it, and only there."""
    large = SERVER_LIMIT_BYTES + 1

    with scripted(Answer(400)) as server:
        refused = upload(server, size_bytes=large, pieces=(bytes(large),)).error
        small = upload(server).error

    assert refused is not None
    assert small is not None
    assert "100 MiB" in str(refused.hint)
    assert small.hint is None


def test_what_the_pieces_raise_is_raised() -> None:
    """A stop in the middle of a file ends the upload as it is, and the server has no whole form."""

    def pieces() -> Iterator[bytes]:
        yield b"da"
        raise Cancelled("stopped on request")

    with scripted(Answer(200)) as server:
        client = HttpClient(server.url)
        handler = HttpHandler(client, Masked(TOKEN))
        with pytest.raises(Cancelled):
            handler.upload(PACKAGE, 4, pieces())
        client.close()


@pytest.mark.parametrize("token", ["", "a\nb", "a\x00b", "a\u2028b"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    """An empty token and control characters are mistakes of the settings."""
    client = HttpClient("http://127.0.0.1:9")

    with pytest.raises(SettingsError) as caught:
        HttpHandler(client, Masked(token))

    client.close()
    assert not token or token not in told_by(caught.value)


@pytest.mark.parametrize(("status", "level"), [(405, "ok"), (200, "warning"), (404, "warning")])
def test_doctor_looks_without_an_upload(status: int, level: str) -> None:
    """The handler refuses GET; another answer is another server. The token is not sent."""
    with scripted(Answer(status)) as server:
        client = HttpClient(server.url)
        (finding,) = HttpHandler(client, Masked(TOKEN)).look()
        client.close()

    assert finding.level == level
    assert [(asked.method, asked.body) for asked in server.asked] == [("GET", b"")]
