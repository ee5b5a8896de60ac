from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.revision.rules import name_of_author, problem_of, repository_of
from publisher.revision.values import Value

HASH = "f2a88760e159d3649845ceee7dbaca19d8654f33"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@gitlab.example.com:group/worker.git", "https://gitlab.example.com/group/worker"),
        ("git@gitlab.example.com:group/sub/worker", "https://gitlab.example.com/group/sub/worker"),
        ("gitea@forge.example.com:/group/worker.git", "https://forge.example.com/group/worker"),
        ("ssh://git@gitlab.example.com:2222/group/worker.git", "https://gitlab.example.com/group/worker"),
        ("https://gitlab.example.com/group/worker.git", "https://gitlab.example.com/group/worker.git"),
        ("http://gitlab.example.com/group/worker", "http://gitlab.example.com/group/worker"),
        ("https://gitlab.example.com:8443/group/worker/", "https://gitlab.example.com:8443/group/worker/"),
        ("https://ci:hunter2@gitlab.example.com/group/worker.git", "https://gitlab.example.com/group/worker.git"),
    ],
)
def test_a_remote_becomes_the_address_of_its_repository(remote: str, address: str) -> None:
    """ssh remotes become https addresses without `.git`; http(s) ones stay, but for user and password."""
    assert repository_of(remote) == address


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "/srv/git/worker.git",
        "../worker",
        "file:///srv/git/worker.git",
        "git://gitlab.example.com/worker",
        "https://",
        "https://gitlab.example.com/worker?token=hunter2",
        "ssh://[::1/worker",
        "git@gitlab.example.com:group/wor ker",
    ],
)
def test_a_remote_that_is_no_address_gives_none(remote: str) -> None:
    """A local path, an unknown scheme and what could hide a secret in a query are no repository's address."""
    assert repository_of(remote) is None


@given(st.text(max_size=60), st.text(alphabet="abc/@:.-", max_size=30))
def test_no_address_of_a_repository_holds_credentials(user: str, rest: str) -> None:
    """Whatever stands before the last `@` of a remote never reaches the address."""
    address = repository_of(f"https://{user}:hunter2@example.com/{rest}")

    assert address is None or ("@" not in address and "hunter2" not in address)


@pytest.mark.parametrize("author", ["Fox Mulder <fox@example.com>", "Fox <Spooky> Mulder <fox@example.com>"])
def test_a_gitlab_author_is_the_name_before_the_address(author: str) -> None:
    """GitLab writes `Name <e-mail>`; the name is what is published."""
    assert name_of_author(author) == author.removesuffix(" <fox@example.com>")


@pytest.mark.parametrize(
    "author", ["Fox Mulder", "<fox@example.com>", "Fox <>", "Fox<fox@example.com>", "a\nb <c>", ""]
)
def test_anything_else_is_no_gitlab_author(author: str) -> None:
    """Another shape than `Name <e-mail>` is not guessed at."""
    assert name_of_author(author) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value.HASH, HASH),
        (Value.HASH, "0" * 64),
        (Value.BRANCH, "feature/ümlaut-1.0"),
        (Value.TAGS, "v1.0"),
        (Value.AUTHOR, "Fox Mulder"),
        (Value.MESSAGE, "First line\n\nSecond para"),
        (Value.URL, "https://gitlab.example.com/g/w/-/commit/1"),
    ],
)
def test_sound_values_are_taken(value: Value, text: str) -> None:
    """The examples of the manual, and what git allows, are accepted as they are."""
    assert problem_of(value, text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value.HASH, HASH[:12]),
        (Value.HASH, HASH.upper()),
        (Value.HASH, "HEAD"),
        (Value.HASH, "--output=x"),
        (Value.BRANCH, ""),
        (Value.BRANCH, "two words"),
        (Value.TAGS, "a..b"),
        (Value.TAGS, "x" * 251),
        (Value.AUTHOR, "Fox\nMulder"),
        (Value.AUTHOR, ""),
        (Value.MESSAGE, "x" * 100_001),
        (Value.URL, "gitlab.example.com/g/w"),
        (Value.URL, "javascript:alert(1)"),
        (Value.REPOSITORY_URL, "https://bot:hunter2@gitlab.example.com/g/w"),
        (Value.REPOSITORY_URL, "https://gitlab.example.com/g/w#x"),
        (Value.REPOSITORY_URL, "https://gitlab.example.com/g w"),
    ],
)
def test_unsound_values_are_refused_without_being_quoted(value: Value, text: str) -> None:
    """A value that is not what it is called is refused, by its name alone: it may come from the environment."""
    problem = problem_of(value, text)

    assert problem is not None
    assert not text or text not in "".join(problem)
