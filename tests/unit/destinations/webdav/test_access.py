"""The life of tokens in a run: made once, shared, replaced in time, and given back exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.webdav.access import UNEXPLAINED_RENEWALS, TokenAccess
from publisher.destinations.webdav.tokens import TokenOptions, TokenService
from publisher.errors import Cancelled, CredentialsError, TransportError
from publisher.http import Masked
from publisher.retry import RetryPolicy
from tests.support.token_service import MASTER_PASSWORD, MASTER_USER, Reply
from tests.support.token_service import TokenService as RealService

QUICK = RetryPolicy(attempts=3, base_s=0.001, cap_s=0.002)


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stop() -> Cancellation:
    return Cancellation()


@pytest.fixture
def make_access(token_service: RealService, clock: Clock, stop: Cancellation) -> Iterator[Callable[[], TokenAccess]]:
    """Make the access of one run."""
    client = TokenService(TokenOptions(url=token_service.url, user=MASTER_USER, password=Masked(MASTER_PASSWORD)))
    yield lambda: TokenAccess(client, base_path="/pub/", monotonic=clock, retry=QUICK, cancellation=stop)
    client.close()


@pytest.fixture
def access(make_access: Callable[[], TokenAccess]) -> TokenAccess:
    return make_access()


def asked(service: RealService, method: str) -> int:
    return sum(request.method == method for request in service.asked)


def test_one_token_is_made_for_all_that_was_announced(token_service: RealService, access: TokenAccess) -> None:
    """Folders that are announced share a token; one inside another is not named twice, and a name is no prefix."""
    access.announce(["deb/tool/7", "deb/tool/7/docs", "deb/tool/70"])

    used = {id(access.for_writing(folder)) for folder in ("deb/tool/7/docs", "deb/tool/70", "deb/tool/7")}

    assert len(used) == 1
    (token,) = token_service.tokens
    assert token.scope == ("/pub/deb/tool/7/", "/pub/deb/tool/70/")


def test_nothing_is_asked_for_before_it_is_needed(token_service: RealService, access: TokenAccess) -> None:
    """Announcing, reading and giving back what was never lent ask the service for nothing."""
    access.announce(["deb/tool/7"])
    access.for_reading()
    released = access.release()

    assert (released.revoked, released.failures) == (0, ())
    assert token_service.asked == []


def test_a_folder_that_nobody_announced_gets_its_own_token(token_service: RealService, access: TokenAccess) -> None:
    """A second token is for the new folder alone, and both are given back."""
    access.for_writing("deb/tool/7")
    access.for_writing("exe/tool/7")

    released = access.release()

    assert [token.scope for token in token_service.tokens] == [("/pub/deb/tool/7/",), ("/pub/exe/tool/7/",)]
    assert released.revoked == 2
    assert token_service.live == []


def test_workers_share_one_token(token_service: RealService, access: TokenAccess) -> None:
    """Eight workers that begin at once are given one token."""
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(access.for_writing, ["deb/tool/7"] * 16))

    assert len({id(one) for one in used}) == 1
    assert len(token_service.tokens) == 1


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_token_is_replaced_before_it_ends(
    token_service: RealService, access: TokenAccess, clock: Clock, exclusive: bool
) -> None:
    """Shortly before its end a token is revoked and a new one made, in this order: a folder may be one token's."""
    token_service.exclusive = exclusive
    first = access.for_writing("deb/tool/7")
    clock.now_s += 3600 - 31
    assert access.for_writing("deb/tool/7") is first
    clock.now_s += 2

    second = access.for_writing("deb/tool/7")

    assert second is not first
    assert [request.method for request in token_service.asked] == ["POST", "DELETE", "POST"]
    assert len(token_service.live) == 1


def test_a_token_that_is_refused_after_its_end_is_replaced(
    token_service: RealService, access: TokenAccess, clock: Clock
) -> None:
    """An upload that outlives its token goes on with a new one; another worker then gets that one, too."""
    token_service.ttl_s = 100
    first = access.for_writing("deb/tool/7")
    clock.now_s += 101

    other = access.instead_of(first, "deb/tool/7")

    assert other is not None
    assert access.instead_of(first, "deb/tool/7") is other
    assert len(token_service.tokens) == 2


def test_a_fresh_token_that_is_refused_is_not_replaced(token_service: RealService, access: TokenAccess) -> None:
    """Where a token never worked another one will not either: the refusal is told."""
    first = access.for_writing("deb/tool/7")

    assert access.instead_of(first, "deb/tool/7") is None
    assert len(token_service.tokens) == 1


def test_a_token_that_worked_and_was_ended_early_is_replaced_a_few_times(
    token_service: RealService, access: TokenAccess
) -> None:
    """A service that ends tokens before their time costs some new ones, not one for each request for ever."""
    for _ in range(UNEXPLAINED_RENEWALS):
        used = access.for_writing("deb/tool/7")
        access.worked(used)
        assert access.instead_of(used, "deb/tool/7") is not None
    used = access.for_writing("deb/tool/7")
    access.worked(used)

    assert access.instead_of(used, "deb/tool/7") is None
    assert len(token_service.tokens) == UNEXPLAINED_RENEWALS + 1


def test_everything_is_given_back_once(token_service: RealService, access: TokenAccess) -> None:
    """Giving back twice asks the service once."""
    access.for_writing("deb/tool/7")

    first, second = access.release(), access.release()

    assert (first.revoked, second.revoked) == (1, 0)
    assert asked(token_service, "DELETE") == 1
    assert access.at_hand("deb/tool/7") is None


def test_a_revocation_is_tried_again_and_then_told(token_service: RealService, access: TokenAccess) -> None:
    """What is still not revoked after some attempts is told, and keeps the other tokens from nothing."""
    access.for_writing("deb/tool/7")
    access.for_writing("exe/tool/7")
    token_service.reply("DELETE", *[Reply(500)] * 3)

    released = access.release()

    assert released.revoked == 1
    (failure,) = released.failures
    assert isinstance(failure, TransportError)
    assert len(token_service.live) == 1


def test_a_revocation_is_not_cut_short_by_a_stop(
    token_service: RealService, access: TokenAccess, stop: Cancellation
) -> None:
    """The stop request is the very reason for giving back; a passing failure does not leave the token alive."""
    access.for_writing("deb/tool/7")
    stop.request(15)
    token_service.reply("DELETE", Reply(503))

    released = access.release()

    assert (released.revoked, released.failures) == (1, ())
    assert token_service.live == []


def test_no_token_is_made_after_a_stop(token_service: RealService, access: TokenAccess, stop: Cancellation) -> None:
    """A worker that is left behind must not make a token that nobody would revoke."""
    stop.request(15)

    with pytest.raises(Cancelled):
        access.for_writing("deb/tool/7")

    assert token_service.asked == []


def test_a_busy_service_is_asked_again(token_service: RealService, access: TokenAccess) -> None:
    """A 503 made nothing, so that the next attempt may."""
    token_service.reply("POST", Reply(503), Reply(429))

    access.for_writing("deb/tool/7")

    assert len(token_service.tokens) == 1


def test_a_lost_answer_is_not_asked_for_again(token_service: RealService, access: TokenAccess) -> None:
    """A token may have been made that nobody knows; one such token is enough."""
    token_service.reply("POST", Reply(acts=True, hangs_up=True))

    with pytest.raises(TransportError):
        access.for_writing("deb/tool/7")

    assert asked(token_service, "POST") == 1


def test_a_refused_master_is_told_to_every_worker(token_service: RealService, access: TokenAccess) -> None:
    """Wrong credentials of the CI master end as refused credentials, and nothing is given back."""
    token_service.reply("POST", Reply(401))

    with pytest.raises(CredentialsError):
        access.for_writing("deb/tool/7")

    assert access.release().revoked == 0
