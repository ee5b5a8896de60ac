"""The client of the token service against a real one, which can answer anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from publisher.destinations.webdav.tokens import TokenOptions, TokenService
from publisher.errors import CredentialsError, ProtocolError, RejectedError, SettingsError, TransportError
from publisher.http import Masked, RedirectError
from tests.support.admin_api import AdminApi
from tests.support.canary import found, told_by
from tests.support.token_service import MASTER_PASSWORD, MASTER_USER, Reply
from tests.support.token_service import TokenService as RealService

JSON = {"Content-Type": "application/json"}
SECRET = "canary-of-a-token-that-must-not-show"
SCOPE = ("/pub/deb/tool/7/",)


def options(service: RealService, **changes: object) -> TokenOptions:
    plain = TokenOptions(url=service.url, user=MASTER_USER, password=Masked(MASTER_PASSWORD))
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name, as the tests say


@pytest.fixture
def client(token_service: RealService) -> Iterator[TokenService]:
    made = TokenService(options(token_service))
    yield made
    made.close()


def reply(document: object, **more: str) -> Reply:
    return Reply(201, json.dumps(document).encode(), {**JSON, **more})


def test_a_token_is_made_for_folders_and_revoked(token_service: RealService, client: TokenService) -> None:
    """The CI master asks for folders and a life; the token is a user with a password, and ends when it is revoked."""
    token = client.make(SCOPE)
    (asked,), (made,) = token_service.asked, token_service.live
    client.revoke(token)

    assert json.loads(asked.body) == {"scope": ["/pub/deb/tool/7/"], "ttl": 3600}
    assert made.scope == token.scope == SCOPE
    assert token.lifetime_s == 3600
    assert made.password in token.authorization.spellings()
    assert token_service.live == []
    assert [request.method for request in token_service.asked] == ["POST", "DELETE"]


def test_a_service_may_call_things_by_other_names(token_service: RealService) -> None:
    """Every name of the default wire format can be replaced, and a token may be a bearer token."""
    token_service.names = {
        "scope": "paths",
        "ttl": "life",
        "token": "access",
        "expires_in": "seconds",
        "revoke": "self",
    }
    token_service.bearer = True
    client = TokenService(options(token_service, fields=token_service.names, revoke_method="POST", ttl_s=60))

    token = client.make(SCOPE)
    client.revoke(token)
    client.close()

    assert token.authorization.header.reveal() == f"Bearer {token_service.tokens[0].password}"
    assert token.lifetime_s == 60
    assert [request.method for request in token_service.asked] == ["POST", "POST"]
    assert token_service.tokens[0].is_revoked


@pytest.mark.parametrize("address", ["/tokens/x9", "{origin}/tokens/x9"])
@pytest.mark.parametrize("how", ["field", "header"])
def test_where_to_revoke_is_a_field_or_a_header(
    token_service: RealService, client: TokenService, address: str, how: str
) -> None:
    """The address is an absolute path or a URL of the same service, in the answer or in its Location."""
    where = address.format(origin=token_service.origin)
    document = {"user": "job", "password": SECRET}
    token_service.reply("POST", reply({**document, "revoke": where} if how == "field" else document, Location=where))

    client.revoke(client.make(SCOPE))

    assert [request.path for request in token_service.asked] == ["/tokens", "/tokens/x9"]


GOOD = {"user": "job", "password": SECRET, "revoke": "/tokens/x9"}


@pytest.mark.parametrize(
    ("document", "is_revoked"),
    [
        ([GOOD], False),
        ("token", False),
        ({}, False),
        ({"user": "job", "password": SECRET}, False),
        ({**GOOD, "revoke": 7}, False),
        ({**GOOD, "revoke": ""}, False),
        ({**GOOD, "revoke": "tokens/x9"}, False),
        ({**GOOD, "revoke": "//elsewhere.example/tokens/x9"}, False),
        ({**GOOD, "revoke": "http://127.0.0.1:1/tokens/x9"}, False),
        ({**GOOD, "revoke": "/tokens/x 9"}, False),
        ({**GOOD, "revoke": "http://[::1/tokens"}, False),
        ({"revoke": "/tokens/x9"}, True),
        ({**GOOD, "password": None}, True),
        ({**GOOD, "password": ""}, True),
        ({**GOOD, "password": SECRET + "\n"}, True),
        ({**GOOD, "user": "a:b"}, True),
        ({**GOOD, "token": SECRET}, True),
        ({"token": f"two {SECRET}", "revoke": "/tokens/x9"}, True),
        ({**GOOD, "expires_in": 0}, True),
        ({**GOOD, "expires_in": "3600"}, True),
        ({**GOOD, "expires_in": True}, True),
        ({**GOOD, "expires_in": 1e999}, False),
        ({**GOOD, "revoke": f"/tokens/{SECRET}"}, True),
    ],
)
def test_an_answer_of_another_shape_is_refused(
    token_service: RealService, client: TokenService, document: object, is_revoked: bool
) -> None:
    """A token that cannot be used or revoked is no token; what the answer still allows to revoke is revoked at once.

    The message says what is wrong, and holds nothing of the answer.
    """
    token_service.reply("POST", reply(document))

    with pytest.raises(ProtocolError) as caught:
        client.make(SCOPE)

    assert ("DELETE" in [request.method for request in token_service.asked]) == is_revoked
    assert found([SECRET, *token_service.secrets()], told_by(caught.value)) == []
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"}),
        Reply(200, b'{"user": "job"', JSON),
        Reply(200, b'{"user": "a", "user": "b"}', JSON),
        Reply(200, b"", JSON),
        Reply(202, b"{}", JSON),
        Reply(204),
        Reply(200, b'{"pad": "' + b"x" * (2 << 20) + b'"}', JSON),
    ],
    ids=["html", "cut", "twice", "empty", "accepted", "no content", "huge"],
)
def test_no_json_is_no_token(token_service: RealService, client: TokenService, answer: Reply) -> None:
    """A page, cut or doubled JSON, nothing, and more than can be a token are one clear error, and asked for once."""
    token_service.reply("POST", answer)

    with pytest.raises(ProtocolError):
        client.make(SCOPE)

    assert len(token_service.asked) == 1


def test_what_a_header_allows_to_revoke_is_revoked(token_service: RealService, client: TokenService) -> None:
    """Where the body cannot be read, the Location of the token still says how to end it."""
    token_service.reply("POST", Reply(201, b"<p>created</p>", {**JSON, "Location": "/tokens/x9"}))

    with pytest.raises(ProtocolError):
        client.make(SCOPE)

    assert [(request.method, request.path) for request in token_service.asked][1:] == [("DELETE", "/tokens/x9")]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_master_credentials_are_named(token_service: RealService, client: TokenService, status: int) -> None:
    """The message names the settings to look at, not their values."""
    token_service.reply("POST", Reply(status, f"not {MASTER_PASSWORD}".encode()))

    with pytest.raises(CredentialsError) as caught:
        client.make(SCOPE)

    assert caught.value.hint == "check WEBDAV_TOKEN_USER and WEBDAV_TOKEN_PASSWORD"
    assert found(token_service.secrets(), told_by(caught.value)) == []


def test_a_folder_may_be_anothers(token_service: RealService, client: TokenService) -> None:
    """A service that gives a folder to one build at a time says so with a 409, which is no failure of the transport."""
    token_service.exclusive = True
    client.make(SCOPE)

    with pytest.raises(RejectedError, match="another build has one") as caught:
        client.make(("/pub/deb/tool/7/docs/",))

    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("answer", "may_be_repeated"),
    [(Reply(503), True), (Reply(429), True), (Reply(500), False), (Reply(502), False), (Reply(hangs_up=True), False)],
)
def test_only_what_made_nothing_may_be_asked_again(
    token_service: RealService, client: TokenService, answer: Reply, may_be_repeated: bool
) -> None:
    """After a lost answer or an inner error a token may live that nobody knows: asking again would add another."""
    token_service.reply("POST", answer)

    with pytest.raises(TransportError) as caught:
        client.make(SCOPE)

    assert isinstance(caught.value, ProtocolError) != may_be_repeated
    if not may_be_repeated:
        assert "ends by itself after 3600 s" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_no_redirect_is_followed(token_service: RealService, client: TokenService, status: int, method: str) -> None:
    """The master's credentials reach no other address, neither when a token is made nor when it is revoked."""
    elsewhere = AdminApi().start()
    token_service.reply(method, Reply(status, headers={"Location": f"{elsewhere.url}/tokens"}))

    with pytest.raises(RedirectError):
        client.revoke(client.make(SCOPE))

    elsewhere.stop()
    assert elsewhere.recorded == []


@pytest.mark.parametrize("status", [200, 202, 204, 404, 410])
def test_a_token_that_is_gone_is_revoked(token_service: RealService, client: TokenService, status: int) -> None:
    """A service that does not know the token any more has ended it."""
    token = client.make(SCOPE)
    token_service.reply("DELETE", Reply(status))

    client.revoke(token)


@pytest.mark.parametrize(("status", "kind"), [(500, TransportError), (405, RejectedError), (401, CredentialsError)])
def test_a_token_that_was_not_revoked_is_told(
    token_service: RealService, client: TokenService, status: int, kind: type[Exception]
) -> None:
    """Anything else is an error, which quotes the answer without the token."""
    token = client.make(SCOPE)
    secret = token_service.tokens[0].password
    token_service.reply("DELETE", Reply(status, f"cannot end {secret}".encode()))

    with pytest.raises(kind) as caught:
        client.revoke(token)

    assert found([secret, *token_service.secrets()], told_by(caught.value)) == []


def test_the_service_is_spoken_to_by_tls(token_service: RealService) -> None:
    """Plain http beyond this machine is refused before anything is sent; the message names the setting."""
    with pytest.raises(SettingsError, match="EU_WEBDAV_TOKEN_URL must begin with https"):
        TokenService(options(token_service, url="http://tokens.example.com/new", prefix="EU_"))
