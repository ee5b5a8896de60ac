"""What a checkout's git says of a revision: the remote `origin`, the commit, its message, author, branch and tags.

Works in any folder of a work tree, linked work trees and submodules included: git is asked there. It refuses to invent
a branch for a detached HEAD without a tag, and a message for a commit that a shallow clone does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from publisher.git import GitAnswer, GitProblem, ask_git
from publisher.revision.rules import problem_of, repository_of
from publisher.revision.values import RevisionProblem, Value

_OF_COMMIT = (Value.MESSAGE, Value.AUTHOR, Value.BRANCH, Value.TAGS)


@dataclass(slots=True)
class Found:
    """What git knows: texts by value, `tags` apart, because it is a list."""

    texts: dict[Value, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    problems: list[RevisionProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Checkout:
    """The git of one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._found = Found()

    def read(self, wanted: frozenset[Value], given_hash: str | None) -> Found:
        """Return the wanted values; those of the commit are of `given_hash` if there is one, else of HEAD."""
        is_there = self._ask("rev-parse", "--git-dir")
        if is_there.text is None:
            self._fail(*sorted(wanted, key=tuple(Value).index), problem=is_there.problem)
            return self._found
        if Value.REPOSITORY_URL in wanted:
            self._read_remote()
        commit = given_hash
        if Value.HASH in wanted:
            commit = self._read_head()
        asked = [value for value in _OF_COMMIT if value in wanted]
        if commit is not None and asked and self._has(commit, asked[0]):
            self._read_commit(commit, wanted)
        return self._found

    def _read_remote(self) -> None:
        answer = self._ask("remote", "get-url", "origin")
        if answer.text is None:
            self._add(Value.REPOSITORY_URL, "the repository has no remote `origin`", "give `repository_url`")
        elif url := repository_of(answer.text.strip()):
            self._found.texts[Value.REPOSITORY_URL] = url
        else:
            self._add(
                Value.REPOSITORY_URL,
                "the remote `origin` is no http(s) or ssh address",
                "give `repository_url`, the address of the repository's page",
            )

    def _read_head(self) -> str | None:
        commit = (self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").text or "").strip()
        if problem_of(Value.HASH, commit) is None:
            self._found.texts[Value.HASH] = commit
            return commit
        self._add(Value.HASH, "the repository has no commit yet", "commit first, or give `revision_hash`")
        return None

    def _has(self, commit: str, first: Value) -> bool:
        if self._ask("cat-file", "-e", f"{commit}^{{commit}}").text is not None:
            return True
        self._add(
            first,
            "git does not have the commit of `revision_hash`",
            "fetch it (a shallow clone lacks it), or give the message, author, branch and tags, too",
        )
        return False

    def _read_commit(self, commit: str, wanted: frozenset[Value]) -> None:
        if not wanted.isdisjoint({Value.MESSAGE, Value.AUTHOR}):
            # Not %aN: a .mailmap of the repository would change who the author is.
            answer = self._ask("log", "-1", "--no-show-signature", "--format=%an%x00%B", commit)
            author, _, message = (answer.text or "").partition("\0")
            if answer.text is None:
                self._fail(Value.MESSAGE, Value.AUTHOR, problem=answer.problem)
            self._keep(Value.AUTHOR, author.strip(), wanted)
            self._keep(Value.MESSAGE, message.strip(), wanted)
        # The tags are asked for in any case: a detached HEAD with a tag is a release, and needs no branch.
        listed = self._ask("tag", "--sort=refname", "--points-at", commit)
        tags = tuple((listed.text or "").split())
        if Value.TAGS in wanted:
            if listed.text is None:
                self._fail(Value.TAGS, problem=listed.problem)
            self._found.tags = tags
            if not tags and (self._ask("rev-parse", "--is-shallow-repository").text or "").strip() == "true":
                self._found.warnings.append(
                    "this is a shallow clone without a tag on the commit: fetch the tags, or give `revision_tags`"
                )
        if Value.BRANCH in wanted:
            self._read_branch(commit, has_label=bool(tags))

    def _read_branch(self, commit: str, *, has_label: bool) -> None:
        """Take the current branch, which is HEAD's: of another commit it says nothing."""
        head = (self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").text or "").strip()
        if head != commit:
            if not has_label:
                self._add(
                    Value.BRANCH,
                    "`revision_hash` is not the commit that is checked out, so its branch is not known",
                    'give `revision_branch` (`revision_branch: ""` for none)',
                )
            return
        branch = (self._ask("branch", "--show-current").text or "").strip()
        if branch:
            self._keep(Value.BRANCH, branch, frozenset({Value.BRANCH}))
        elif not has_label:
            self._add(
                Value.BRANCH,
                "HEAD is detached: no branch is checked out, and no tag names the commit",
                'check out a branch, or give `revision_branch` (`revision_branch: ""` for none)',
            )

    def _keep(self, value: Value, text: str, wanted: frozenset[Value]) -> None:
        if value not in wanted or not text:
            return
        if wrong := problem_of(value, text):
            self._add(value, f"what git says: {wrong[0]}", f"give `{value}`")
        else:
            self._found.texts[value] = text

    def _ask(self, *arguments: str) -> GitAnswer:
        return ask_git(self._folder, self._environment, *arguments)

    def _fail(self, *values: Value, problem: GitProblem | None) -> None:
        """Say that git tells none of the values."""
        give = "give " + " and ".join(f"`{value}`" for value in values)
        where = {
            GitProblem.NOT_TRUSTED: "run `git config --global --add safe.directory DIR`",
            GitProblem.NOT_INSTALLED: "install git",
        }.get(problem or GitProblem.REFUSED, "run where the repository is checked out")
        self._add(
            values[0],
            f"git cannot tell {', '.join(f'`{value}`' for value in values)}: {problem or GitProblem.REFUSED}",
            f"{where}, or {give}",
        )

    def _add(self, value: Value, message: str, hint: str) -> None:
        self._found.problems.append(RevisionProblem(value, message, hint))
