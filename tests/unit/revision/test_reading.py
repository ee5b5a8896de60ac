from __future__ import annotations

from pathlib import Path

import pytest

from publisher.revision import WITHOUT_COMMIT_TEXT, Given, Revision, RevisionError, Value, read_revision
from tests.support.checkouts import Checkout
from tests.support.programs import need

HASH = "f2a88760e159d3649845ceee7dbaca19d8654f33"
URL = "http://gitlab.example.com/my_group/my_worker"
GITLAB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": URL,
    "CI_COMMIT_SHA": HASH,
    "CI_COMMIT_MESSAGE": "my commit message\n",
    "CI_COMMIT_AUTHOR": "Fox Mulder <fox@example.com>",
    "CI_COMMIT_BRANCH": "something-something-branch",
}
EVERYTHING = Given(URL, HASH, "my commit message", "Fox Mulder", "a-branch", ("one-tag", "second-tag"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A repository with a remote and one commit on `main`."""
    made = Checkout(tmp_path / "worker", tmp_path / "home")
    made.remote("git@gitlab.example.com:my_group/my_worker.git")
    made.commit()
    return made


def problems_of(folder: Path, given: Given, environment: dict[str, str]) -> dict[Value, str]:
    """Return the message and hint of each value that is wrong."""
    with pytest.raises(RevisionError) as caught:
        read_revision(folder, given, environment)
    return {problem.value: f"{problem.message}; {problem.hint}" for problem in caught.value.problems}


def test_git_gives_what_is_not_given(checkout: Checkout) -> None:
    """Outside GitLab every value comes from the checkout, all tags of the commit in alphabetical order."""
    commit = checkout.git("rev-parse", "HEAD").strip()
    checkout.git("tag", "v2")
    checkout.git("tag", "--annotate", "v1", "--message", "release")

    revision = read_revision(checkout.root, Given(), checkout.environment)

    assert revision == Revision(
        repository_url="https://gitlab.example.com/my_group/my_worker",
        hash=commit,
        message="First line\n\nSecond para",
        author="Dana Scully",
        branch="main",
        tags=("v1", "v2"),
        url=f"https://gitlab.example.com/my_group/my_worker/commit/{commit}",
    )
    assert set(revision.origins.values()) == {"git"}


def test_what_is_given_is_taken_without_git(tmp_path: Path) -> None:
    """Where every value is given, neither git nor a repository is needed."""
    revision = read_revision(tmp_path / "nowhere", EVERYTHING, {"PATH": str(tmp_path)})

    assert (revision.hash, revision.author, revision.branch) == (HASH, "Fox Mulder", "a-branch")
    assert revision.tags == ("one-tag", "second-tag")
    assert revision.url == f"{URL}/commit/{HASH}"


def test_one_given_value_replaces_only_itself(checkout: Checkout) -> None:
    """A flag of the manual changes its own value; the others still come from the checkout."""
    given = Given(author="Fox Mulder", url="https://example.com/c/1", tags=())
    checkout.git("tag", "v1")

    revision = read_revision(checkout.root, given, checkout.environment)

    assert (revision.author, revision.branch, revision.tags) == ("Fox Mulder", "main", ())
    assert revision.url == "https://example.com/c/1"


def test_a_gitlab_pipeline_takes_its_variables_and_never_git(checkout: Checkout) -> None:
    """In a GitLab pipeline the variables of the manual's table say everything that is not given."""
    checkout.git("tag", "v9")

    revision = read_revision(checkout.root, Given(), checkout.environment | GITLAB)

    assert revision == Revision(
        repository_url=URL,
        hash=HASH,
        message="my commit message",
        author="Fox Mulder",
        branch="something-something-branch",
        tags=(),
        url=f"{URL}/commit/{HASH}",
    )
    assert revision.origins[Value.HASH] == "environment CI_COMMIT_SHA (value not shown)"


def test_a_tag_pipeline_has_a_tag_and_no_branch(tmp_path: Path) -> None:
    """GitLab sets no branch for a tag: none is published, although git might know one."""
    environment = {**GITLAB, "CI_COMMIT_TAG": "v1.0"}
    del environment["CI_COMMIT_BRANCH"]

    revision = read_revision(tmp_path, Given(), environment)

    assert (revision.branch, revision.tags) == (None, ("v1.0",))


def test_given_values_come_before_gitlabs_variables(tmp_path: Path) -> None:
    """ "Missing values" are what the variables are for: a given one is never replaced."""
    given = Given(repository_url="https://other.example.com/w", branch="")

    revision = read_revision(tmp_path, given, GITLAB)

    assert revision.repository_url == "https://other.example.com/w"
    assert revision.branch is None
    assert revision.hash == HASH


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"CI": "woodpecker", "CI_COMMIT_SHA": HASH}, {"CI": "True"}])
def test_other_ci_systems_use_git(checkout: Checkout, environment: dict[str, str]) -> None:
    """`CI=true` alone, and Woodpecker, which has variables of the same names, are no GitLab pipeline."""
    revision = read_revision(checkout.root, Given(), checkout.environment | environment)

    assert revision.hash == checkout.git("rev-parse", "HEAD").strip()


@pytest.mark.parametrize(
    ("change", "value", "said"),
    [
        ({"CI_COMMIT_AUTHOR": "hunter2"}, Value.AUTHOR, "CI_COMMIT_AUTHOR is not `Name <e-mail>`"),
        ({"CI_PROJECT_URL": ""}, Value.REPOSITORY_URL, "CI_PROJECT_URL is not set"),
        ({"CI_PROJECT_URL": "https://a:hunter2@b/c"}, Value.REPOSITORY_URL, "holds more than an address"),
        ({"CI_COMMIT_SHA": "hunter2"}, Value.HASH, "CI_COMMIT_SHA: "),
        ({"CI_COMMIT_BRANCH": "hunter2 x"}, Value.BRANCH, "CI_COMMIT_BRANCH: "),
    ],
)
def test_an_odd_variable_of_gitlab_is_named_and_not_shown(
    tmp_path: Path, change: dict[str, str], value: Value, said: str
) -> None:
    """A variable that does not hold what GitLab puts there is an error with its name and never its value."""
    found = problems_of(tmp_path, Given(), GITLAB | change)

    assert set(found) == {value}
    assert said in found[value]
    assert "hunter2" not in found[value]


def test_every_given_value_is_checked_at_once(tmp_path: Path) -> None:
    """All values that were given wrongly are named together, before git is asked."""
    given = Given("nowhere", "HEAD", "ok", "", "two words", ("a b",), "x")

    found = problems_of(tmp_path, given, {})

    assert set(found) == {Value.REPOSITORY_URL, Value.HASH, Value.BRANCH, Value.TAGS, Value.URL}


def test_a_detached_head_without_a_tag_is_a_clear_error(checkout: Checkout) -> None:
    """No branch is invented for a detached HEAD: the error says what to do, and an empty branch is an answer."""
    checkout.git("checkout", "--quiet", "--detach")

    found = problems_of(checkout.root, Given(), checkout.environment)

    assert list(found) == [Value.BRANCH]
    assert "HEAD is detached" in found[Value.BRANCH]
    assert "revision_branch" in found[Value.BRANCH]
    assert read_revision(checkout.root, Given(branch=""), checkout.environment).branch is None


def test_a_detached_head_with_a_tag_is_a_release(checkout: Checkout) -> None:
    """A checked out tag needs no branch, as in GitLab's tag pipelines."""
    checkout.git("tag", "v1")
    checkout.git("checkout", "--quiet", "v1")

    revision = read_revision(checkout.root, Given(), checkout.environment)

    assert (revision.branch, revision.tags) == (None, ("v1",))


def test_a_checkout_without_a_remote_is_a_clear_error(checkout: Checkout) -> None:
    """Without `origin` the repository's address must be given; nothing else is taken for it."""
    checkout.git("remote", "rename", "origin", "upstream")

    found = problems_of(checkout.root, Given(), checkout.environment)

    assert list(found) == [Value.REPOSITORY_URL]
    assert "no remote `origin`" in found[Value.REPOSITORY_URL]


def test_a_local_remote_is_a_clear_error(checkout: Checkout, tmp_path: Path) -> None:
    """A clone of a folder has a path as its remote, which no server can open."""
    clone = tmp_path / "clone"
    checkout.git("clone", "--quiet", str(checkout.root), str(clone))

    found = problems_of(clone, Given(), checkout.environment)

    assert list(found) == [Value.REPOSITORY_URL]
    assert str(checkout.root) not in found[Value.REPOSITORY_URL]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("no repository", "it is in no git repository"),
        ("no git", "git is not installed"),
        ("no folder", "there is no such folder"),
    ],
)
def test_where_git_cannot_work_every_missing_value_is_named(
    checkout: Checkout, tmp_path: Path, state: str, said: str
) -> None:
    """Where git says nothing at all there is one problem, which names every value that was looked for."""
    plain = tmp_path / "plain"
    plain.mkdir()
    folder = {"no git": checkout.root, "no folder": plain / "gone"}.get(state, plain)
    environment = checkout.environment | ({"PATH": str(plain)} if state == "no git" else {})

    found = problems_of(folder, Given(message="m", author="a"), environment)

    (told,) = found.values()
    assert said in told
    assert all(name in told for name in ("repository_url", "revision_hash", "revision_branch", "revision_tags"))
    assert "revision_message" not in told


def test_a_repository_without_commits_is_a_clear_error(tmp_path: Path) -> None:
    """A repository that was just made has no revision to publish for."""
    empty = Checkout(tmp_path / "empty", tmp_path / "home")
    empty.remote("https://gitlab.example.com/w")

    found = problems_of(empty.root, Given(), empty.environment)

    assert "no commit yet" in found[Value.HASH]


def test_a_repository_of_another_user_is_a_clear_error(checkout: Checkout, tmp_path: Path) -> None:
    """git's ownership check is not overridden; its refusal is told with git's own remedy."""
    programs = tmp_path / "programs"
    programs.mkdir()
    wrapper = programs / "git"
    # git's own switch for its own tests: it then takes every repository for somebody else's.
    wrapper.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {need("git", "git")} "$@"\n')
    wrapper.chmod(0o755)

    found = problems_of(checkout.root, Given(), checkout.environment | {"PATH": f"{programs}:/usr/bin:/bin"})

    (told,) = found.values()
    assert "git does not trust the repository" in told
    assert "safe.directory" in told


def test_a_linked_work_tree_and_a_submodule_are_asked_themselves(checkout: Checkout, tmp_path: Path) -> None:
    """A linked work tree has its own branch, a submodule its own remote and commit; a folder in it is the same."""
    checkout.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    inner = Checkout(tmp_path / "inner", tmp_path / "home")
    commit = inner.commit("inner")
    checkout.git("submodule", "--quiet", "add", str(inner.root), "sub")
    submodule = checkout.root / "sub"
    checkout.git("remote", "set-url", "origin", "https://gitlab.example.com/inner", folder=submodule)
    (submodule / "deep").mkdir()

    side = read_revision(tmp_path / "side", Given(), checkout.environment)
    below = read_revision(submodule / "deep", Given(), checkout.environment)

    assert side.branch == "side"
    assert (below.repository_url, below.hash) == ("https://gitlab.example.com/inner", commit)


def test_a_shallow_clone_without_tags_is_warned_about(checkout: Checkout, tmp_path: Path) -> None:
    """A shallow clone may lack the commit's tags: that is said, not taken for "no tag"."""
    checkout.git("tag", "v1")
    shallow = tmp_path / "shallow"
    checkout.git("clone", "--quiet", "--depth=1", "--no-tags", f"file://{checkout.root}", str(shallow))

    revision = read_revision(shallow, Given(repository_url=URL), checkout.environment)

    assert revision.tags == ()
    assert "shallow clone" in revision.warnings[0]


def test_a_given_commit_that_git_does_not_have_needs_the_rest_too(checkout: Checkout) -> None:
    """What git cannot say of another commit must be given; it is never taken from HEAD."""
    found = problems_of(checkout.root, Given(hash=HASH), checkout.environment)

    (told,) = found.values()
    assert "does not have the commit" in told


def test_the_branch_is_not_that_of_another_commit(checkout: Checkout) -> None:
    """The current branch says nothing of a commit that is not checked out."""
    old = checkout.git("rev-parse", "HEAD").strip()
    checkout.commit("newer")

    found = problems_of(checkout.root, Given(hash=old), checkout.environment)
    revision = read_revision(checkout.root, Given(hash=old, branch="stable"), checkout.environment)

    assert list(found) == [Value.BRANCH]
    assert (revision.hash, revision.message, revision.branch) == (old, "First line\n\nSecond para", "stable")


def test_values_that_are_not_needed_are_not_looked_for(checkout: Checkout) -> None:
    """A server that keeps no message and author does not make one look for them."""
    revision = read_revision(checkout.root, Given(), checkout.environment, needs=WITHOUT_COMMIT_TEXT)

    assert (revision.message, revision.author, revision.branch) == (None, None, "main")


def test_a_hostile_repository_runs_nothing(checkout: Checkout, tmp_path: Path) -> None:
    """Settings of the repository that name programs are not followed."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path / 'sprung'}\n")
    trap.chmod(0o755)
    for setting in ("core.fsmonitor", "core.pager", "core.sshCommand", "log.showSignature", "gpg.program", "alias.tag"):
        value = "true" if setting == "log.showSignature" else f"!{trap}" if setting == "alias.tag" else str(trap)
        checkout.git("config", setting, value)

    revision = read_revision(checkout.root, Given(), checkout.environment)

    assert revision.branch == "main"
    assert not (tmp_path / "sprung").exists()
