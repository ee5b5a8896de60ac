"""The admin API registry against a real server that behaves, misbehaves, redirects and lies."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.errors import (
    CredentialsError,
    ProtocolError,
    PublisherError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.model import FleetIdentity
from publisher.registries.admin_api import AdminApiOptions, AdminApiRegistry, DuplicateRule
from publisher.registries.port import Accepted, Duplicate, NoAnswer, NoRow, Refused, Row
from tests.support.admin_api import LIST_PATH, PUBLISH_PATH, TOKEN, UPDATE_FIELD, UPDATE_PATH, AdminApi, Fault
from tests.support.canary import found, told_by, told_by_logs
from tests.support.memory_registry import plain, sample_identity, sample_row

ROW = sample_row()
KEY = ROW.encryption_key.reveal_hex() if ROW.encryption_key else ""


def _registry(api: AdminApi, lookup: str = "none", *, duplicate: str | None = None) -> AdminApiRegistry:
    api.behaviour.lookup = lookup
    return AdminApiRegistry(
        AdminApiOptions(
            url=api.url,
            token=TOKEN,
            lookup=lookup,  # type: ignore[arg-type]  # one of the literals, from the tests below
            lookup_path={"list": LIST_PATH, "get-update": UPDATE_PATH}.get(lookup),
            get_update_field=UPDATE_FIELD,
            duplicate=DuplicateRule.parse(duplicate) if duplicate else None,
            read_timeout_s=0.5,
            total_timeout_s=1.0,
        )
    )


@pytest.fixture
def registry(admin_api: AdminApi) -> Iterator[AdminApiRegistry]:
    """A registry that only takes rows."""
    made = _registry(admin_api)
    yield made
    made.close()


@pytest.fixture
def listing(admin_api: AdminApi) -> Iterator[AdminApiRegistry]:
    """A registry that lists its rows."""
    made = _registry(admin_api, "list")
    yield made
    made.close()


def test_the_request_is_the_documented_one(admin_api: AdminApi, registry: AdminApiRegistry) -> None:
    """AC-1: path, bearer token, and the eight fields in the contract's order with its types."""
    registry.register(ROW)

    (request,) = admin_api.recorded
    assert (request.method, request.path) == ("POST", f"/{PUBLISH_PATH}")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert list(json.loads(request.body).items()) == [
        *ROW.identity.fields().items(),
        ("cdn_url", ROW.cdn_url),
        ("sha256", ROW.sha256.hex),
        ("encryption_key", KEY),
        ("size_bytes", ROW.size_bytes),
    ]


def test_every_attempt_sends_the_same_bytes(admin_api: AdminApi, registry: AdminApiRegistry) -> None:
    """R3: a row sent again after lost answers is the same request, byte for byte; an equal row is, too."""
    admin_api.fail("lost-answer")
    admin_api.fail("500")

    answers = [registry.register(ROW), registry.register(sample_row()), registry.register(ROW)]

    assert [type(answer) for answer in answers] == [NoAnswer, NoAnswer, Refused]
    assert len({request.body for request in admin_api.recorded}) == 1
    assert len(admin_api.rows()) == 1


@pytest.mark.parametrize("fault", ["empty", "204"])
def test_an_empty_success_is_accepted(admin_api: AdminApi, registry: AdminApiRegistry, fault: str) -> None:
    """The success body is not documented; none at all will do."""
    admin_api.fail(fault)

    assert registry.register(ROW) == Accepted()


@pytest.mark.parametrize(
    "fault",
    [
        *("html", "not-ok", "error-code", "202", "cut", "cut-json", "array", "huge", "gzip-bomb", "utf-16"),
        *("duplicate-names", "nan", "deep", "500", "503", "slow", "slow-after", "drip", "lost-request", "lost-answer"),
    ],
)
def test_what_proves_nothing_is_no_answer(admin_api: AdminApi, registry: AdminApiRegistry, fault: str) -> None:
    """R3, R5: time-outs, 5xx and successes of another shape leave the outcome open, with a bounded, clean message."""
    admin_api.fail(Fault(before_s=2.0, applies=fault == "slow-after") if fault.startswith("slow") else fault)

    answer = registry.register(ROW)

    assert isinstance(answer, NoAnswer)
    assert answer.error.retryable
    assert len(answer.error.message) < 500
    assert answer.error.message.isprintable()
    assert found([KEY, TOKEN], told_by(answer.error)) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", CredentialsError),
        ("403", CredentialsError),
        ("404", RejectedError),
        ("405", RejectedError),
        ("413", RejectedError),
        ("415", RejectedError),
        ("422", RejectedError),
        ("429", TransportError),
    ],
)
def test_a_refusal_is_final_or_asks_to_wait(
    admin_api: AdminApi, registry: AdminApiRegistry, fault: str, kind: type[PublisherError]
) -> None:
    """R10: 4xx means that nothing was written; 429 alone may be tried again."""
    admin_api.fail(fault)

    answer = registry.register(ROW)

    assert isinstance(answer, Refused)
    assert type(answer.error) is kind
    assert not answer.business
    assert admin_api.rows() == []
    if isinstance(answer.error, TransportError):
        assert answer.error.retry_after_s == 7.0


def test_a_wrong_token_is_refused_as_credentials() -> None:
    """The server itself decides about the token."""
    api = AdminApi(token="another").start()
    registry = _registry(api)

    answer = registry.register(ROW)

    registry.close()
    api.stop()
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, CredentialsError)


@pytest.mark.parametrize("on_duplicate", ["reject", "reject-bare", "upsert", "append"])
def test_a_second_registration_is_what_the_server_makes_of_it(admin_api: AdminApi, on_duplicate: str) -> None:
    """R4: a duplicate is recognised by the configured rule only; a bare 409 is a business error like any other."""
    admin_api.behaviour.on_duplicate = on_duplicate
    registry = _registry(admin_api, duplicate="409:already exists")
    registry.register(ROW)

    answer = registry.register(ROW)

    registry.close()
    if on_duplicate == "reject":
        assert answer == Duplicate(ROW.sha256)
    elif on_duplicate == "reject-bare":
        assert isinstance(answer, Refused)
        assert answer.business
        assert "ADMIN_API_DUPLICATE" in str(answer.error.hint)
    else:
        assert answer == Accepted()
        assert len(admin_api.rows()) == (2 if on_duplicate == "append" else 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_carries_nothing_away(
    admin_api: AdminApi, registry: AdminApiRegistry, status: int
) -> None:
    """R6, R7: a login page that answers 200 is no success, and the other host receives neither key nor token."""
    elsewhere = AdminApi().start()
    admin_api.fail(Fault(status, headers={"Location": f"{elsewhere.url}/{PUBLISH_PATH}"}))

    answer = registry.register(ROW)

    elsewhere.stop()
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, ProtocolError)
    assert "unexpected redirect" in answer.error.message
    assert elsewhere.recorded == []


def test_a_server_that_is_down_has_no_row(registry: AdminApiRegistry, admin_api: AdminApi) -> None:
    """R2: a connection that was never made is a failure, not an unknown outcome."""
    admin_api.stop()

    answer = registry.register(ROW)

    assert isinstance(answer, Refused)
    assert answer.error.retryable


@pytest.mark.parametrize(
    "fault",
    [
        *("html", "not-ok", "empty", "204", "202", "cut", "cut-json", "gzip-bomb", "utf-16", "duplicate-names", "nan"),
        *("deep", "401", "403", "404", "500", "503", "lost-request", "429", "drip"),
    ],
)
def test_a_lookup_that_fails_is_never_absent(admin_api: AdminApi, listing: AdminApiRegistry, fault: str) -> None:
    """R1: time-outs, statuses, HTML and a wrong path raise, whatever they look like."""
    admin_api.fail(fault)

    with pytest.raises(PublisherError) as caught:
        listing.lookup([ROW.identity])

    assert type(caught.value) in (CredentialsError, RejectedError, ProtocolError, TransportError)
    assert found([KEY, TOKEN], told_by(caught.value)) == []


def test_a_silent_lookup_is_never_absent(admin_api: AdminApi, listing: AdminApiRegistry) -> None:
    """R1: no answer in time is no answer."""
    admin_api.fail(Fault(before_s=2.0))

    with pytest.raises(TransportError):
        listing.lookup([ROW.identity])


def test_a_lookup_follows_no_redirect(admin_api: AdminApi, listing: AdminApiRegistry) -> None:
    """R6: an empty list from somewhere else would look like absence."""
    elsewhere = AdminApi().start()
    elsewhere.behaviour.lookup = "list"
    admin_api.fail(Fault(302, headers={"Location": f"{elsewhere.url}/{LIST_PATH}"}))

    with pytest.raises(ProtocolError, match="redirect"):
        listing.lookup([ROW.identity])

    elsewhere.stop()
    assert elsewhere.recorded == []


def test_a_wrong_lookup_path_names_its_setting(admin_api: AdminApi) -> None:
    """R1: 404 of a wrong path is not "no rows"."""
    registry = _registry(admin_api, "list")
    admin_api.behaviour.lookup = "none"

    with pytest.raises(RejectedError) as caught:
        registry.lookup([ROW.identity])

    registry.close()
    assert "ADMIN_API_LOOKUP_PATH" in str(caught.value.hint)


@pytest.mark.parametrize(("camel_case", "envelope"), [(False, None), (True, "resources"), (False, "items")])
def test_one_list_request_answers_for_all(admin_api: AdminApi, camel_case: bool, envelope: str | None) -> None:
    """The list is asked for once, whatever its spelling, and answers for hundreds of identities."""
    registry = _registry(admin_api, "list")
    admin_api.behaviour.camel_case, admin_api.behaviour.envelope = camel_case, envelope
    registered = [sample_row(number) for number in range(1, 301)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(registry.register, registered))
    admin_api.recorded.clear()

    answers = registry.lookup([sample_identity(number) for number in range(1, 501)])

    registry.close()
    assert len(admin_api.recorded) == 1
    assert [plain(answers[row.identity]) for row in registered] == [plain(row) for row in registered]
    assert sum(answer is NoRow.ABSENT for answer in answers.values()) == 200


def test_a_list_may_be_larger_than_other_answers(admin_api: AdminApi, listing: AdminApiRegistry) -> None:
    """A list of thousands of rows passes the 1 MiB that bounds every other answer."""
    row = json.dumps({**ROW.identity.fields(), "cdn_url": "x", "sha256": ROW.sha256.hex, "size_bytes": 64})
    others = [row.replace("model_1", f"other_{number}") for number in range(10_000)]
    admin_api.fail(Fault(body=f"[{','.join([*others, row])}]".encode()))

    answers = listing.lookup([ROW.identity])

    assert isinstance(answers[ROW.identity], Row)


def test_get_update_asks_once_for_each_stage_and_architecture(admin_api: AdminApi) -> None:
    """The devices' question with an empty list shows the newest version of everything."""
    registry = _registry(admin_api, "get-update")
    here, there = FleetIdentity("m", "dev", "arm64", "2"), FleetIdentity("m", "dev", "x86-64", "2")
    older, unknown = FleetIdentity("m", "dev", "arm64", "1"), FleetIdentity("n", "dev", "arm64", "1")
    for identity in (older, here):
        registry.register(Row(identity, ROW.cdn_url, ROW.sha256, ROW.size_bytes, ROW.encryption_key))
    admin_api.recorded.clear()

    answers = registry.lookup([here, there, older, unknown])

    registry.close()
    assert [(request.method, json.loads(request.body)) for request in admin_api.recorded] == [
        ("POST", {"dev_stage": "dev", "architecture": "arm64", UPDATE_FIELD: []}),
        ("POST", {"dev_stage": "dev", "architecture": "x86-64", UPDATE_FIELD: []}),
    ]
    assert isinstance(answers[here], Row)
    assert (answers[there], answers[older], answers[unknown]) == (NoRow.ABSENT, NoRow.UNSEEN, NoRow.ABSENT)


def test_without_a_lookup_nothing_is_asked(admin_api: AdminApi, registry: AdminApiRegistry) -> None:
    """A registry that cannot be asked says "unseen" for everything, without a request."""
    assert registry.lookup([ROW.identity]) == {ROW.identity: NoRow.UNSEEN}
    assert registry.lookup_batch == 0
    assert admin_api.recorded == []


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"lookup": "list"}, "FLEET_ADMIN_API_LOOKUP_PATH"),
        ({"lookup": "get-update", "lookup_path": "get-update"}, "FLEET_ADMIN_API_GET_UPDATE_FIELD"),
        ({"url": "http://api.example.com"}, "FLEET_ADMIN_API_URL"),
    ],
)
def test_incomplete_options_name_the_setting(options: dict[str, str], setting: str) -> None:
    """What is missing is said when the registry is made, not at the first request."""
    complete = {"url": "https://api.example.com", "token": TOKEN, "prefix": "FLEET_", **options}

    with pytest.raises(SettingsError, match=setting):
        AdminApiRegistry(AdminApiOptions(**complete))  # type: ignore[arg-type]  # literals


def test_nothing_that_is_said_shows_a_secret(
    admin_api: AdminApi,
    listing: AdminApiRegistry,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """K1, K2: with all debug output on, and a server that repeats what it got, neither key nor token shows."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    echo = f'{{"you": "{KEY}", "token": "Bearer {TOKEN}", "items": [{{"encryption_key": "{KEY}"}}]}}'.encode()
    said = [repr(ROW), repr(AdminApiOptions(url=admin_api.url, token=TOKEN)), listing.location]

    for status in (200, 202, 301, 400, 401, 404, 409, 429, 500):
        admin_api.fail(Fault(status, body=echo, headers={"Location": "/x"}), times=2)
        answer = listing.register(ROW)
        said.append(repr(answer))
        if isinstance(answer, Refused | NoAnswer):
            said.append(told_by(answer.error))
        with pytest.raises(PublisherError) as caught:
            listing.lookup([ROW.identity])
        said.append(told_by(caught.value))

    said += [told_by_logs(caplog.records), *capfd.readouterr()]
    assert found([KEY, TOKEN], "\n".join(said)) == []
