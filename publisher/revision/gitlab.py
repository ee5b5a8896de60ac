"""What GitLab's variables say of a revision, by the table of the manual: in a pipeline they alone speak, never git.

A variable that is not set stays unset: a tag's pipeline has no branch, a merge request's neither branch nor tag. The
checkout of a pipeline is shallow and detached, so git would not know better.
"""

from __future__ import annotations

from collections.abc import Mapping

from publisher.revision.rules import name_of_author, problem_of
from publisher.revision.values import RevisionProblem, Value

VARIABLES: Mapping[Value, str] = {
    Value.REPOSITORY_URL: "CI_PROJECT_URL",
    Value.HASH: "CI_COMMIT_SHA",
    Value.MESSAGE: "CI_COMMIT_MESSAGE",
    Value.AUTHOR: "CI_COMMIT_AUTHOR",
    Value.BRANCH: "CI_COMMIT_BRANCH",
    Value.TAGS: "CI_COMMIT_TAG",
}
"""The variable of each value. Source: the manual, "Running the command in a Gitlab CI pipeline"."""

_REQUIRED = (Value.REPOSITORY_URL, Value.HASH)


def is_gitlab(environment: Mapping[str, str]) -> bool:
    """Say whether this is a GitLab pipeline. `CI=true` alone is not: other systems set it, too."""
    by_name = environment.get("GITLAB_CI") == "true"
    return by_name or (environment.get("CI") == "true" and bool(environment.get("CI_PROJECT_URL")))


def from_gitlab(
    environment: Mapping[str, str], wanted: frozenset[Value]
) -> tuple[dict[Value, str], list[RevisionProblem]]:
    """Return the wanted values that GitLab's variables hold, and what is wrong with them."""
    found: dict[Value, str] = {}
    problems: list[RevisionProblem] = []
    for value, variable in VARIABLES.items():
        text = environment.get(variable, "")
        if value not in wanted or (not text and value not in _REQUIRED):
            continue
        if not text:
            problems.append(_problem(value, f"{variable} is not set, although this is a GitLab pipeline"))
            continue
        if value is Value.AUTHOR:
            name = name_of_author(text)
            if name is None:
                problems.append(_problem(value, f"{variable} is not `Name <e-mail>`, as GitLab writes it"))
                continue
            text = name
        if value is Value.MESSAGE:
            text = text.strip()
        if wrong := problem_of(value, text):
            problems.append(_problem(value, f"{variable}: {wrong[0]}"))
        elif text:
            found[value] = text
    return found, problems


def _problem(value: Value, message: str) -> RevisionProblem:
    return RevisionProblem(value, message, f"give `{value}`")
