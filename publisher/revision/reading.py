"""One revision from what was given, GitLab's variables or git; every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from publisher.revision.checkout import Checkout, Found
from publisher.revision.gitlab import VARIABLES, from_gitlab, is_gitlab
from publisher.revision.rules import problem_of
from publisher.revision.values import EVERY_VALUE, Given, Revision, RevisionError, RevisionProblem, Value

_ORDER = tuple(Value)
_MAY_BE_EMPTY = frozenset({Value.MESSAGE, Value.AUTHOR, Value.BRANCH})


class ReadRevision(Protocol):
    """What reads a revision; a test hands in another."""

    def __call__(
        self, folder: Path, given: Given, environment: Mapping[str, str], *, needs: frozenset[Value] = EVERY_VALUE
    ) -> Revision: ...


def read_revision(
    folder: Path, given: Given, environment: Mapping[str, str], *, needs: frozenset[Value] = EVERY_VALUE
) -> Revision:
    """Return the revision checked out at `folder`, as far as it was not given; git runs only for what is missing.

    `needs` are the values that are looked for if they are not given. Raises `RevisionError` with every problem.
    """
    texts = _given_texts(given)
    problems = [
        RevisionProblem(value, *wrong, is_given=True)
        for value, text in texts.items()
        if (text or value not in _MAY_BE_EMPTY) and (wrong := problem_of(value, text))
    ]
    problems += [
        RevisionProblem(Value.TAGS, *wrong, is_given=True)
        for tag in given.tags or ()
        if (wrong := problem_of(Value.TAGS, tag))
    ][:1]
    if problems:
        raise RevisionError(problems)
    wanted = needs - set(texts) - ({Value.TAGS} if given.tags is not None else set()) - {Value.URL}
    found, origins = _look_up(folder, wanted, given.hash, environment)
    if found.problems:
        raise RevisionError(sorted(found.problems, key=lambda problem: _ORDER.index(problem.value)))
    origins |= dict.fromkeys(texts, "given")
    known = {**found.texts, **texts}
    repository_url, commit = known[Value.REPOSITORY_URL], known[Value.HASH]
    return Revision(
        repository_url=repository_url,
        hash=commit,
        message=known.get(Value.MESSAGE) or None,
        author=known.get(Value.AUTHOR) or None,
        branch=known.get(Value.BRANCH) or None,
        tags=tuple(dict.fromkeys(given.tags)) if given.tags is not None else found.tags,
        url=known.get(Value.URL) or f"{repository_url}/commit/{commit}",
        origins=origins,
        warnings=tuple(found.warnings),
    )


def _given_texts(given: Given) -> dict[Value, str]:
    texts = {
        Value.REPOSITORY_URL: given.repository_url,
        Value.HASH: given.hash,
        Value.MESSAGE: given.message,
        Value.AUTHOR: given.author,
        Value.BRANCH: given.branch,
        Value.URL: given.url,
    }
    return {value: text for value, text in texts.items() if text is not None}


def _look_up(
    folder: Path, wanted: frozenset[Value], given_hash: str | None, environment: Mapping[str, str]
) -> tuple[Found, dict[Value, str]]:
    if not wanted:
        return Found(), {}
    if is_gitlab(environment):
        texts, problems = from_gitlab(environment, wanted)
        tags = (texts.pop(Value.TAGS),) if Value.TAGS in texts else ()
        origins = {value: f"environment {VARIABLES[value]} (value not shown)" for value in wanted}
        return Found(texts, tags, problems), origins
    return Checkout(folder, environment).read(wanted, given_hash), dict.fromkeys(wanted, "git")
