"""The values that name a revision: what may be given, what is known at the end, and what can be wrong with it.

Pure. Source of the names and of what each is for: the manual of `arkindex worker publish`, "Optional arguments".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Value(StrEnum):
    """One value of a revision, called as the manifest's fields and the command's options call it."""

    REPOSITORY_URL = "repository_url"
    HASH = "revision_hash"
    MESSAGE = "revision_message"
    AUTHOR = "revision_author"
    BRANCH = "revision_branch"
    TAGS = "revision_tags"
    URL = "revision_url"


EVERY_VALUE = frozenset(Value)
WITHOUT_COMMIT_TEXT = EVERY_VALUE - {Value.MESSAGE, Value.AUTHOR}
"""What servers need that do not keep the commit's message and author."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person wrote; None where nothing was. An empty branch and no tags mean "none", and are given, too."""

    repository_url: str | None = None
    hash: str | None = None
    message: str | None = None
    author: str | None = None
    branch: str | None = None
    tags: tuple[str, ...] | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit of a repository, and what it is called.

    `repository_url` is an http(s) address without credentials; `hash` the whole object name in lower case; `tags` are
    in the order given, else alphabetical; `url` is the page of the commit. `message`, `author` and `branch` are None
    where the commit has none or nobody asked. `origins` says where each value came from, never the value.
    """

    repository_url: str
    hash: str
    message: str | None
    author: str | None
    branch: str | None
    tags: tuple[str, ...]
    url: str
    origins: Mapping[Value, str] = field(default_factory=dict, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class RevisionProblem:
    """What is wrong with one value. The message holds no value: it may come from the environment."""

    value: Value
    message: str
    hint: str
    is_given: bool = False
    """Whether a person wrote the value, so that its own place can be shown."""


class RevisionError(ValueError):
    """Every problem of one revision, in the order of `Value`."""

    def __init__(self, problems: Sequence[RevisionProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)
