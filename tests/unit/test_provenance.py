from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.provenance import CI_FACTS, FACT_NAMES, GIT_FACTS, MESSAGE_LIMIT, Provenance, collect, public_url
from tests.support import checkouts

WOODPECKER = {
    "CI": "woodpecker",
    "CI_COMMIT_SHA": "0123456789abcdef0123456789abcdef01234567",
    "CI_COMMIT_BRANCH": "dev",
    "CI_COMMIT_MESSAGE": "Speed up the loader\n\nTwice.\n",
    "CI_COMMIT_AUTHOR": "Fox Mulder",
    "CI_REPO_URL": "https://forge.example.com/fleet/loader",
    "CI_PIPELINE_EVENT": "push",
    "CI_PIPELINE_NUMBER": "8",
    "CI_PIPELINE_URL": "https://ci.example.com/repos/7/pipeline/8",
    "CI_STEP_NAME": "publish",
    "CI_STEP_URL": "https://ci.example.com/repos/7/pipeline/8/3",
}


class Checkout(checkouts.Checkout):
    """A real repository on the branch `dev`, and the environment in which its facts are collected."""

    def __init__(self, root: Path, home: Path) -> None:
        super().__init__(root, home, branch="dev")

    def facts(self, **variables: str) -> Provenance:
        return collect(self.root, self.environment | variables)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "home")


def test_git_alone_gives_every_git_fact(checkout: Checkout) -> None:
    """Outside CI every git fact comes from the checkout itself, times in UTC and tags in alphabetical order."""
    sha = checkout.commit("Add the model\n\nIt is small.")
    checkout.git("tag", "v2")
    checkout.git("tag", "v1")
    checkout.git("remote", "add", "origin", "https://bot:hunter2@forge.example.com/fleet/models.git")

    facts = checkout.facts()

    assert facts.ci == {}
    assert facts.git == {
        "sha": sha,
        "short_sha": sha[:12],
        "branch": "dev",
        "tag": "v1",
        "tags": "v1 v2",
        "message": "Add the model\n\nIt is small.",
        "author": "Dana Scully",
        "repository_url": "https://forge.example.com/fleet/models.git",
        "commit_date": "2026-03-01",
        "commit_time": "093000",
        "dirty": "false",
    }


def test_changed_tracked_file_is_dirty(checkout: Checkout) -> None:
    """A tracked file that differs from the commit makes the checkout dirty; an untracked file does not."""
    checkout.commit("one")
    (checkout.root / "untracked").write_text("build output")
    before = checkout.facts()

    (checkout.root / "model.txt").write_text("edited")

    assert (before.git["dirty"], checkout.facts().git["dirty"]) == ("false", "true")


def test_detached_head_has_no_branch(checkout: Checkout) -> None:
    """A detached HEAD, as CI systems check out, leaves the branch out and keeps the rest."""
    sha = checkout.commit("one")
    checkout.git("checkout", "--quiet", "--detach")

    facts = checkout.facts()

    assert "branch" not in facts.git
    assert facts.git["sha"] == sha


@pytest.mark.parametrize("state", ["empty repository", "no repository", "no such folder", "no git program"])
def test_a_poor_checkout_gives_fewer_facts_and_no_error(checkout: Checkout, tmp_path: Path, state: str) -> None:
    """Without commits, repository, folder or git program the git facts are missing, never an error."""
    plain = tmp_path / "plain"
    plain.mkdir()
    root = {"no repository": plain, "no such folder": tmp_path / "gone"}.get(state, checkout.root)
    path = str(plain) if state == "no git program" else checkout.environment["PATH"]

    facts = collect(root, checkout.environment | {"PATH": path, "GIT_DIR": str(checkout.root / ".git")})

    assert facts == Provenance(git={}, ci={})


def test_foreign_checkout_leaves_the_variables(checkout: Checkout) -> None:
    """A checkout that git refuses because somebody else owns it is not forced open: the variables' facts remain."""
    if os.geteuid() == 0:
        checkout.commit("one")
        os.chown(checkout.root, 12345, 12345)
        os.chown(checkout.root / ".git", 12345, 12345)
    else:
        # Git's own switch for its tests cannot pass the scrubbed environment: without root, a broken config stands in.
        (checkout.root / ".git" / "config").write_text("[broken")

    facts = checkout.facts(**WOODPECKER)

    assert facts.git["sha"] == WOODPECKER["CI_COMMIT_SHA"]
    assert "commit_date" not in facts.git
    assert checkout.facts().git == {}


def test_git_variables_do_not_redirect(checkout: Checkout, tmp_path: Path) -> None:
    """GIT_DIR and other GIT_* variables of the caller do not make git look at another repository."""
    sha = checkout.commit("one")
    other = Checkout(tmp_path / "other", tmp_path / "home2")
    other.commit("another")

    facts = checkout.facts(GIT_DIR=str(other.root / ".git"), GIT_WORK_TREE=str(other.root), GIT_TRACE="1")

    assert facts.git["sha"] == sha


def test_a_repository_cannot_run_programs(checkout: Checkout, tmp_path: Path) -> None:
    """A repository's own configuration cannot make collecting run a program or reach for the network."""
    checkout.commit("one")
    witness = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {witness}\n")
    program.chmod(0o755)
    hook = checkout.root / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.symlink_to(program)
    signed = checkout.git("cat-file", "commit", "HEAD").replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n\n", 1)
    (tmp_path / "signed").write_text(signed)
    signed_sha = checkout.git("hash-object", "-t", "commit", "-w", str(tmp_path / "signed")).strip()
    checkout.git("reset", "--quiet", "--soft", signed_sha)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program"):
        checkout.git("config", name, str(program))
    checkout.git("config", "log.showSignature", "true")
    # A promisor remote is asked for every object that is not there.
    checkout.git("config", "extensions.partialClone", "origin")
    checkout.git("config", "remote.origin.promisor", "true")
    checkout.git("config", "remote.origin.url", "ssh://forge.example.com/fleet/models.git")
    witness.unlink(missing_ok=True)
    (checkout.root / "model.txt").touch()

    facts = checkout.facts()
    checkout.facts(GITHUB_ACTIONS="true", GITHUB_SHA="f" * 40)

    assert facts.git["sha"] == signed_sha
    assert not witness.exists()


def test_woodpecker_push() -> None:
    """Under Woodpecker, where CI is `woodpecker`, its variables give commit, pipeline and step."""
    facts = collect(Path("/nonexistent"), WOODPECKER)

    assert facts.git == {
        "sha": WOODPECKER["CI_COMMIT_SHA"],
        "short_sha": "0123456789ab",
        "branch": "dev",
        "message": "Speed up the loader\n\nTwice.",
        "author": "Fox Mulder",
        "repository_url": "https://forge.example.com/fleet/loader",
    }
    assert facts.ci == {
        "system": "woodpecker",
        "event": "push",
        "pipeline_number": "8",
        "pipeline_url": "https://ci.example.com/repos/7/pipeline/8",
        "job_name": "publish",
        "job_url": "https://ci.example.com/repos/7/pipeline/8/3",
    }


def test_branch_of_a_pull_request_is_its_target() -> None:
    """In a pull request the branch is the target under every system, and the source branch is a fact of its own."""
    woodpecker = {"CI": "woodpecker", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SOURCE_BRANCH": "fix"}
    gitlab = {
        "GITLAB_CI": "true",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix",
    }
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF_NAME": "12/merge",
        "GITHUB_BASE_REF": "main",
        "GITHUB_HEAD_REF": "fix",
    }

    seen = [collect(Path("/nonexistent"), each) for each in (woodpecker, gitlab, github)]

    assert [(facts.git["branch"], facts.ci["source_branch"]) for facts in seen] == [("main", "fix")] * 3


def test_gitlab_author_and_time() -> None:
    """GitLab's `Name <e-mail>` becomes the name, and its timestamp the day and time in UTC."""
    variables = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": "a" * 40,
        "CI_COMMIT_TAG": "v1.0",
        "CI_COMMIT_AUTHOR": "Fox Mulder <fox@example.com>",
        "CI_COMMIT_TIMESTAMP": "2026-03-01T00:30:00+01:00",
        "CI_PROJECT_URL": "https://gitlab.example.com/fleet/loader",
        "CI_REPOSITORY_URL": "https://gitlab-ci-token:canary@gitlab.example.com/fleet/loader.git",
        "CI_JOB_TOKEN": "canary",
        "CI_JOB_URL": "https://gitlab.example.com/fleet/loader/-/jobs/5",
    }

    facts = collect(Path("/nonexistent"), variables)

    assert facts.git["author"] == "Fox Mulder"
    assert (facts.git["commit_date"], facts.git["commit_time"]) == ("2026-02-28", "233000")
    assert facts.git["tag"] == "v1.0"
    assert "branch" not in facts.git
    assert facts.ci["job_url"] == "https://gitlab.example.com/fleet/loader/-/jobs/5"
    assert "canary" not in repr(facts)


def test_github_tag() -> None:
    """GitHub's tag run has a tag and no branch, and its addresses are put together from their parts."""
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF_TYPE": "tag",
        "GITHUB_REF_NAME": "v1.0",
        "GITHUB_SERVER_URL": "https://github.example.com",
        "GITHUB_REPOSITORY": "fleet/loader",
        "GITHUB_RUN_ID": "99",
    }

    facts = collect(Path("/nonexistent"), variables)

    assert facts.git == {"tag": "v1.0", "repository_url": "https://github.example.com/fleet/loader"}
    assert facts.ci["pipeline_url"] == "https://github.example.com/fleet/loader/actions/runs/99"


def test_git_fills_what_the_variables_leave_open(checkout: Checkout) -> None:
    """Variables come first; git adds what they do not say about the same commit."""
    sha = checkout.commit("one")

    facts = checkout.facts(**WOODPECKER | {"CI_COMMIT_SHA": sha, "CI_COMMIT_BRANCH": "stage"})

    assert facts.git["branch"] == "stage"
    assert facts.git["commit_date"] == "2026-03-01"


def test_git_does_not_mix_commits(checkout: Checkout) -> None:
    """When the variables name another commit than HEAD, git's facts are about that commit or are missing."""
    first = checkout.commit("one")
    checkout.commit("two")
    checkout.git("tag", "v2")

    earlier = checkout.facts(GITHUB_ACTIONS="true", GITHUB_SHA=first)
    unknown = checkout.facts(GITHUB_ACTIONS="true", GITHUB_SHA="f" * 40)

    assert earlier.git["message"] == "one"
    assert not {"tag", "branch", "dirty"} & set(earlier.git)
    assert set(unknown.git) == {"sha", "short_sha"}


@pytest.mark.parametrize("sha", ["--output=/tmp/x", "HEAD", "$(id)", "main@{1}"])
def test_odd_commit_names_do_not_reach_git(checkout: Checkout, sha: str) -> None:
    """A commit variable that is no full object name is shown as it is and never handed to git."""
    checkout.commit("one")

    facts = checkout.facts(GITHUB_ACTIONS="true", GITHUB_SHA=sha)

    assert set(facts.git) == {"sha", "short_sha"}


def test_message_is_bounded_and_printable() -> None:
    """A commit message is cut at its limit, and terminal escapes are taken out of every value."""
    variables = WOODPECKER | {"CI_COMMIT_MESSAGE": "\x1b[31mred\x07 " + "x" * 9999, "CI_COMMIT_BRANCH": "dev\x1b[2J"}

    facts = collect(Path("/nonexistent"), variables)

    assert facts.git["message"].startswith("[31mred x")
    assert len(facts.git["message"]) == MESSAGE_LIMIT
    assert facts.git["branch"] == "dev[2J"


def test_only_the_listed_names_are_facts(checkout: Checkout) -> None:
    """Every collected fact has a documented name, and `fact` answers None for what is not there."""
    checkout.commit("one")

    facts = checkout.facts(**WOODPECKER, SECRET_TOKEN="canary", S3_SECRET_KEY="canary")

    assert set(facts.git) <= set(GIT_FACTS)
    assert set(facts.ci) <= set(CI_FACTS)
    assert "canary" not in repr(facts)
    assert facts.fact("git.branch") == "dev"
    assert facts.fact("ci.system") == "woodpecker"
    assert [facts.fact(name) for name in ("git.tag", "git.nonsense", "env.HOME", "git")] == [None] * 4
    assert {"git.sha", "git.commit_date", "ci.pipeline_url"} <= FACT_NAMES


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://forge.example.com/a/b.git", "https://forge.example.com/a/b.git"),
        ("https://user:token@Forge.example.com:8443/a/b", "https://forge.example.com:8443/a/b"),
        ("http://token@[::1]:3000/a", "http://[::1]:3000/a"),
        ("https://forge.example.com/a?private_token=x#y", "https://forge.example.com/a"),
        ("git@forge.example.com:group/name.git", "https://forge.example.com/group/name.git"),
        ("ssh://git@forge.example.com:2222/group/name.git", "https://forge.example.com/group/name.git"),
        ("https://user:to/ken@forge.example.com/a", None),
        ("https://user:to#ken@forge.example.com/a", None),
        ("https://to?ken@forge.example.com/a", None),
        ("https://forge.example.com:port/a", None),
        ("https://[broken/a", None),
        ("https://forge.example.com/a;token=x", None),
        ("https://forge.example.com/a b", None),
        ("file:///srv/git/a.git", None),
        ("/srv/git/a.git", None),
        ("user:token@forge.example.com:a", None),
        ("", None),
    ],
)
def test_public_url(address: str, expected: str | None) -> None:
    """An address keeps scheme, host, port and path, and nothing of it is kept where credentials could hide."""
    assert public_url(address) == expected


@given(user=st.text(max_size=8), middle=st.text(max_size=8), scheme=st.sampled_from(["https", "http", "ssh", "git"]))
@settings(derandomize=True, deadline=None, max_examples=500)
def test_userinfo_never_survives(user: str, middle: str, scheme: str) -> None:
    """Whatever characters user and password hold, no part of the password is left in the address."""
    for address in (
        f"{scheme}://{user}:cAnAry1{middle}cAnAry2@forge.example.com/group/name",
        f"cAnAry1{middle}cAnAry2@forge.example.com:group/name",
    ):
        assert "canary" not in (public_url(address) or "").lower()
