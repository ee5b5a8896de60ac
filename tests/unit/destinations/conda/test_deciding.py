"""The table of what follows from an upload's answer and a look at the channel: every pair of the two."""

from __future__ import annotations

from itertools import product

import pytest

from publisher.destinations.conda.deciding import Next, NotIndexedError, is_ours, next_step, unseen, why
from publisher.destinations.conda.ports import Answered, Received
from publisher.destinations.conda.seen import STATES, Look, Seen
from publisher.errors import (
    CredentialsError,
    OutcomeUnknownError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.model import CondaIdentity, State

PACKAGE = CondaIdentity("linux-64", "x-1.0-0.tar.bz2")
ERRORS = {
    Received.ACCEPTED: None,
    Received.UNCLEAR: ProtocolError("200 text/html: Sign in"),
    Received.DENIED: CredentialsError("401"),
    Received.REFUSED: RejectedError("400"),
    Received.FAILED: TransportError("500"),
    Received.LOST: TransportError("no answer"),
    Received.UNSENT: TransportError("broke"),
}
NOT_VISIBLE = (Seen.ABSENT, Seen.UNLISTED_SAME)


def step(received: Received, seen: Seen, *, may_wait: bool = True, may_repeat: bool = True) -> Next:
    return next_step(received, Look(seen, ""), may_wait=may_wait, may_repeat=may_repeat)


def ending(received: Received, seen: Seen, package: CondaIdentity = PACKAGE) -> PublisherError:
    return why(Answered(received, ERRORS[received]), Look(seen, ""), package)


@pytest.mark.parametrize("received", Received)
def test_what_the_channel_shows_decides(received: Received) -> None:
    """Our content, visible, is published, and other content is a conflict, whatever was answered."""
    assert step(received, Seen.SAME) is Next.DONE
    assert step(received, Seen.OTHER) is Next.CONFLICT
    assert step(received, Seen.REMOVED) is Next.CONFLICT
    assert step(received, Seen.UNLISTED_OTHER) is Next.CONFLICT


def test_only_what_may_become_visible_is_waited_for() -> None:
    """After a success or a lost answer the channel may still change by itself; after anything else it does not."""
    waited = {received for received, seen in product(Received, NOT_VISIBLE) if step(received, seen) is Next.WAIT}

    assert waited == {Received.ACCEPTED, Received.LOST}


def test_a_file_is_sent_again_only_after_a_failure() -> None:
    """After a refusal, a 401 or a success the file is never sent again; after nothing without an attempt left."""
    again = {
        received
        for received, seen in product(Received, NOT_VISIBLE)
        if step(received, seen, may_wait=False) is Next.AGAIN
    }

    assert again == {Received.FAILED, Received.LOST, Received.UNSENT}
    for received, seen in product(Received, NOT_VISIBLE):
        assert step(received, seen, may_wait=False, may_repeat=False) is Next.STOP


@pytest.mark.parametrize(
    ("received", "seen", "kind", "exit_code"),
    [
        (Received.ACCEPTED, Seen.ABSENT, OutcomeUnknownError, 7),
        (Received.ACCEPTED, Seen.UNLISTED_SAME, OutcomeUnknownError, 7),
        (Received.LOST, Seen.ABSENT, OutcomeUnknownError, 7),
        (Received.LOST, Seen.UNLISTED_SAME, OutcomeUnknownError, 7),
        (Received.DENIED, Seen.ABSENT, CredentialsError, 4),
        (Received.DENIED, Seen.UNLISTED_SAME, NotIndexedError, 1),
        (Received.FAILED, Seen.ABSENT, TransportError, 1),
        (Received.FAILED, Seen.UNLISTED_SAME, NotIndexedError, 1),
        (Received.UNCLEAR, Seen.ABSENT, ProtocolError, 1),
        (Received.UNSENT, Seen.ABSENT, TransportError, 1),
    ],
)
def test_an_ending_says_what_is_known(
    received: Received, seen: Seen, kind: type[PublisherError], exit_code: int
) -> None:
    """A 401 is a bad token only where no file is there; a failure that stored is not one that did not."""
    error = ending(received, seen)

    assert type(error) is kind
    assert error.exit_code == exit_code
    assert error.message


def test_a_failure_with_a_conda_package_hints_at_the_format() -> None:
    """The second generation of the handler fails for `.conda`, and its answer does not say why."""
    assert ".tar.bz2 only" in str(ending(Received.FAILED, Seen.ABSENT, CondaIdentity("noarch", "x-1-0.conda")).hint)
    assert ".tar.bz2 only" not in str(ending(Received.FAILED, Seen.ABSENT).hint)


@pytest.mark.parametrize("received", [received for received in Received if received is not Received.UNSENT])
def test_a_channel_that_cannot_be_read_leaves_the_outcome_open(received: Received) -> None:
    """After an upload, an unreadable channel is neither a success nor a failure: it is not known."""
    error = unseen(Answered(received, ERRORS[received]), TransportError("no connection"), PACKAGE)

    assert type(error) is OutcomeUnknownError
    assert "the channel cannot be read: no connection" in error.message


def test_an_upload_that_was_not_sent_cannot_be_unknown() -> None:
    """Where the server cannot have the file, an unreadable channel changes nothing about that."""
    answered = Answered(Received.UNSENT, ERRORS[Received.UNSENT])

    assert unseen(answered, TransportError("no connection"), PACKAGE) is answered.error


def test_a_package_is_adopted_only_if_no_upload_of_ours_can_have_made_it() -> None:
    """After a 401 alone another run stored it; after a lost answer before, we may have."""
    assert not is_ours([Received.DENIED])
    assert not is_ours([Received.UNSENT, Received.DENIED])
    assert is_ours([Received.FAILED, Received.DENIED])
    assert is_ours([Received.LOST, Received.DENIED])


def test_every_look_is_a_state() -> None:
    """Only what the index lists with our content is published; no look is unknown, since an error is one."""
    assert set(STATES) == set(Seen)
    assert [seen for seen, state in STATES.items() if state is State.PUBLISHED] == [Seen.SAME]
    assert State.UNKNOWN not in STATES.values()
