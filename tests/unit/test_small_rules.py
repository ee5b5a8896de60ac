"""Small pure rules: exit codes, retries, selection, the command line's optional value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.cancellation import Cancellation
from publisher.cli.options import with_local_value
from publisher.errors import CredentialsError, InputError, TransportError
from publisher.exit_codes import combine
from publisher.model import Artifact, FileSource, FleetIdentity
from publisher.retry import RetryPolicy
from publisher.selection import Selection

ORDER = (5, 7, 4, 6, 3, 1)


@given(st.lists(st.sampled_from([0, *ORDER])))
def test_the_first_code_of_the_documented_order_wins(codes: list[int]) -> None:
    """Of several exit codes the first of 5, 7, 4, 6, 3, 1 wins, and nothing gives 0."""
    assert combine(codes) == next((code for code in ORDER if code in codes), 0)


def test_a_signal_wins_over_everything_and_an_unknown_code_is_a_failure() -> None:
    """A run that was interrupted says so whatever else happened; a code nobody knows counts as failed."""
    assert combine([5, 7], signal=2) == 130
    assert combine([99]) == 1


@given(st.integers(1, 40), st.floats(0, 1e9) | st.none())
def test_waits_are_bounded(attempt: int, retry_after_s: float | None) -> None:
    """No wait is longer than the policy's caps, whatever a server asks for."""
    policy = RetryPolicy(base_s=0.5, cap_s=20, retry_after_cap_s=60)

    assert 0 <= policy.wait_s(attempt, retry_after_s) <= (20 if retry_after_s is None else 60)


class Unhurried(Cancellation):
    """Waits for nothing, and remembers for how long it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


def test_only_transport_failures_are_tried_again() -> None:
    """A refusal is raised at once; no answer is tried again, up to the attempts, with the error's own wait."""
    calls: list[int] = []
    cancellation = Unhurried()

    def refuse() -> None:
        calls.append(1)
        raise CredentialsError("no")

    def no_answer() -> None:
        calls.append(1)
        raise TransportError("silence", retry_after_s=7)

    policy = RetryPolicy(attempts=3)
    with pytest.raises(CredentialsError):
        policy.call(refuse, cancellation=cancellation, notice=lambda *_: None)
    assert len(calls) == 1
    with pytest.raises(TransportError):
        policy.call(no_answer, cancellation=cancellation, notice=lambda *_: None)
    assert len(calls) == 4
    assert cancellation.waited == [7, 7]


def test_a_stop_request_ends_the_retries() -> None:
    """Nothing is tried again once a stop was requested."""
    cancellation = Unhurried()
    calls: list[int] = []

    def no_answer() -> None:
        calls.append(1)
        cancellation.request(15)
        raise TransportError("silence")

    with pytest.raises(TransportError):
        RetryPolicy(attempts=5).call(no_answer, cancellation=cancellation, notice=lambda *_: None)
    assert len(calls) == 1


def artifact(name: str, destination: str = "fleet") -> Artifact:
    return Artifact(
        destination, "fleet", FleetIdentity(name, "dev", "arm64", "1"), FileSource(Path("/x"), Path("/"), "x")
    )


ARTIFACTS = (artifact("a"), artifact("b"), artifact("a", "eu"))


def test_selection_returns_what_matches_in_order() -> None:
    """--only, --exclude and --destination combine; ids are matched as a whole."""
    chosen = Selection(only=("*:dev/a/*",), exclude=("eu:*",)).select(ARTIFACTS)

    assert [str(one.id) for one in chosen] == ["fleet:dev/a/arm64/1"]
    assert Selection(destinations=("eu",)).select(ARTIFACTS) == (ARTIFACTS[2],)
    assert Selection().select(ARTIFACTS) == ARTIFACTS


@pytest.mark.parametrize("selection", [Selection(only=("dev/a",)), Selection(destinations=("mars",))])
def test_a_selection_that_matches_nothing_is_an_error(selection: Selection) -> None:
    """A pattern or destination that matches nothing is a mistake, never an empty success."""
    with pytest.raises(InputError, match="matches no artifact"):
        selection.select(ARTIFACTS)


@pytest.mark.parametrize(
    ("given_arguments", "meant"),
    [
        (["apply", "m.yaml", "--local"], ["apply", "m.yaml", "--local=.publish/local"]),
        (["apply", "m.yaml", "--local", "D"], ["apply", "m.yaml", "--local", "D"]),
        (["apply", "--local", "m.yaml"], ["apply", "--local=.publish/local", "m.yaml"]),
        (["apply", "--local", "--quiet", "m.yml"], ["apply", "--local=.publish/local", "--quiet", "m.yml"]),
        (["apply", "--local=D", "m.yaml"], ["apply", "--local=D", "m.yaml"]),
        (["apply", "--", "--local"], ["apply", "--", "--local"]),
    ],
)
def test_the_value_of_local_is_optional(given_arguments: list[str], meant: list[str]) -> None:
    """--local takes the next argument as its folder unless that is an option or a YAML file."""
    assert with_local_value(given_arguments) == meant
