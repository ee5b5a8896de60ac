"""What a server holds, as a state: present, absent and untold are three answers."""

from __future__ import annotations

import pytest

from publisher.destinations.arkindex.lookup import NoVersion
from publisher.destinations.arkindex.observing import observation_of
from publisher.destinations.arkindex.values import Version, Wanted
from publisher.model import Certainty, State
from tests.support.arkindex_worlds import wanted

IMAGE = "registry.example.com/g/w:1.0"
PINNED = "registry.example.com/g/w@sha256:"


def version(image: str | None = IMAGE, **labels: str | None) -> Version:
    return Version("id-1", "https://x/1", image, labels or {"branch": "main", "tag": "v1"})


@pytest.mark.parametrize(
    ("found", "wish", "state", "certainty"),
    [
        (NoVersion.UNSEEN, wanted(), State.MISSING, Certainty.ASSUMED),
        (NoVersion.ABSENT, wanted(), State.MISSING, Certainty.VERIFIED),
        (version(), wanted(), State.PUBLISHED, Certainty.VERIFIED),
        (version(branch="old", tag="v1"), wanted(), State.OUTDATED, Certainty.VERIFIED),
        (version(branch="main", tag=None), wanted(), State.OUTDATED, Certainty.VERIFIED),
        (version(branch="old", tag="v0"), wanted(branch=None, tags=()), State.PUBLISHED, Certainty.VERIFIED),
        (version(branch="main"), wanted(), State.PUBLISHED, Certainty.VERIFIED),
        (version(image=None), wanted(), State.PUBLISHED, Certainty.VERIFIED),
        (version(image="other:2"), wanted(), State.PUBLISHED, Certainty.VERIFIED),
        (version(image=PINNED + "a" * 64), wanted(), State.PUBLISHED, Certainty.VERIFIED),
        (version(image=PINNED + "a" * 64), wanted(image=PINNED + "a" * 64), State.PUBLISHED, Certainty.VERIFIED),
        (version(image=PINNED + "a" * 64), wanted(image=PINNED + "b" * 64), State.CONFLICT, Certainty.VERIFIED),
    ],
)
def test_each_answer_is_one_state(found: Version | NoVersion, wish: Wanted, state: State, certainty: Certainty) -> None:
    """Only proved other content is a conflict; a label that the server does not name is not compared."""
    observation = observation_of(found, wish, can_relabel=True)

    assert (observation.state, observation.certainty) == (state, certainty)


@pytest.mark.parametrize(
    ("image", "said"), [(None, "was not compared"), ("other:2", "registered with the image other:2")]
)
def test_an_image_that_differs_or_is_not_told_is_noted(image: str | None, said: str) -> None:
    """A version that is there is no failure, and what is not equal or not known of it is said."""
    (note,) = observation_of(version(image), wanted(), can_relabel=True).notes

    assert said in note


def test_labels_that_cannot_be_changed_are_noted_and_no_work() -> None:
    """Work that the server does not offer is not planned again and again: it is said."""
    observation = observation_of(version(branch="old", tag="v1"), wanted(), can_relabel=False)

    assert observation.state is State.PUBLISHED
    assert "branch old, not main" in observation.notes[-1]
