"""Where a run comes from: facts about the commit and about the CI job, as text, collected once.

Facts come from a fixed list of variables of GitLab, Woodpecker and GitHub, and from git where these say nothing. What
cannot be found is missing, never an error: a checkout without git, without commits, without a remote or owned by
somebody else is as good a place to publish from as any. Nothing here runs hooks, asks the network, overrides git's
ownership check or reads a variable that can hold a secret (GitLab's clone URL and job token, for example).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from publisher.git import ask_git

GIT_FACTS: Mapping[str, str] = {
    "sha": "the commit, as git prints it in full",
    "short_sha": "the first 12 digits of the commit",
    "branch": "the branch; of a pull request the branch it is asked to be merged into; missing for a detached HEAD",
    "tag": "the tag the job runs for, else the first tag of the commit in alphabetical order",
    "tags": "all tags of the commit in alphabetical order, separated by spaces",
    "message": "the commit's message, all of its lines, at most 4096 characters",
    "author": "the author's name, without an e-mail address",
    "repository_url": "the repository's http(s) address without user, password, query and fragment",
    "commit_date": "the day of the commit in UTC, like 2026-03-01",
    "commit_time": "the time of that day in UTC, like 093000",
    "dirty": "true if a tracked file differs from the commit, else false",
}
"""The names and meanings of the `git.*` facts."""

CI_FACTS: Mapping[str, str] = {
    "system": "gitlab, woodpecker or github",
    "event": "what started the pipeline, in that system's own word",
    "pipeline_number": "the number people see",
    "pipeline_url": "the pipeline's page",
    "job_name": "the job, or the step under Woodpecker",
    "job_url": "the job's page",
    "source_branch": "the branch that a pull request comes from",
    "pull_request": "the number of the pull request",
}
"""The names and meanings of the `ci.*` facts."""

FACT_NAMES: frozenset[str] = frozenset({f"git.{name}" for name in GIT_FACTS} | {f"ci.{name}" for name in CI_FACTS})
"""Every name that `Provenance.fact` can answer for, whether or not this run has it."""

MESSAGE_LIMIT = 4096
_VALUE_LIMIT = 1024

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PATH = re.compile(r"[A-Za-z0-9._~%+/-]*")
_OBJECT_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):(?!/)([A-Za-z0-9._~%+/-]+)")

# What each system calls a fact. The first variable that is set wins; an empty one counts as not set.
_WOODPECKER = {
    "git.sha": ("CI_COMMIT_SHA",),
    "git.branch": ("CI_COMMIT_BRANCH",),
    "git.tag": ("CI_COMMIT_TAG",),
    "git.message": ("CI_COMMIT_MESSAGE",),
    "git.author": ("CI_COMMIT_AUTHOR",),
    "git.repository_url": ("CI_REPO_URL",),
    "ci.event": ("CI_PIPELINE_EVENT",),
    "ci.pipeline_number": ("CI_PIPELINE_NUMBER",),
    "ci.pipeline_url": ("CI_PIPELINE_URL",),
    "ci.job_name": ("CI_STEP_NAME",),
    "ci.job_url": ("CI_STEP_URL",),
    "ci.source_branch": ("CI_COMMIT_SOURCE_BRANCH",),
    "ci.pull_request": ("CI_COMMIT_PULL_REQUEST",),
}
_GITLAB = {
    "git.sha": ("CI_COMMIT_SHA",),
    "git.branch": ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_COMMIT_BRANCH"),
    "git.tag": ("CI_COMMIT_TAG",),
    "git.message": ("CI_COMMIT_MESSAGE",),
    "git.author": ("CI_COMMIT_AUTHOR",),
    "git.repository_url": ("CI_PROJECT_URL",),
    "ci.event": ("CI_PIPELINE_SOURCE",),
    "ci.pipeline_number": ("CI_PIPELINE_ID",),
    "ci.pipeline_url": ("CI_PIPELINE_URL",),
    "ci.job_name": ("CI_JOB_NAME",),
    "ci.job_url": ("CI_JOB_URL",),
    "ci.source_branch": ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",),
    "ci.pull_request": ("CI_MERGE_REQUEST_IID",),
}
_GITHUB = {
    "git.sha": ("GITHUB_SHA",),
    "ci.event": ("GITHUB_EVENT_NAME",),
    "ci.pipeline_number": ("GITHUB_RUN_NUMBER",),
    "ci.job_name": ("GITHUB_JOB",),
    "ci.source_branch": ("GITHUB_HEAD_REF",),
}
_URLS = frozenset({"git.repository_url", "ci.pipeline_url", "ci.job_url"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """Facts by name (without their `git.` or `ci.`), in the order of `GIT_FACTS` and `CI_FACTS`; what is not known is
    not there. No value is empty; none holds a control character except the line breaks and tabs of `message`.
    """

    git: dict[str, str]
    ci: dict[str, str]

    def fact(self, name: str) -> str | None:
        """Return the fact called `git.NAME` or `ci.NAME`, or None if this run does not have it."""
        room, _, key = name.partition(".")
        return {"git": self.git, "ci": self.ci}.get(room, {}).get(key)


def collect(root: Path, environment: Mapping[str, str]) -> Provenance:
    """Return what is known about the commit checked out at `root` and about the CI job around it. Never fails.

    Variables come before git; git is asked about the commit that the variables name.
    """
    found = _from_variables(environment)
    for name, value in _from_git(root, environment, found.get("git.sha")).items():
        found.setdefault(name, value)
    if "git.sha" in found:
        found["git.short_sha"] = found["git.sha"][:12]
    if "git.tag" not in found and "git.tags" in found:
        found["git.tag"] = found["git.tags"].split(" ")[0]
    clean = {name: text for name, value in found.items() if (text := _clean(name, value))}
    return Provenance(
        git={name: clean[f"git.{name}"] for name in GIT_FACTS if f"git.{name}" in clean},
        ci={name: clean[f"ci.{name}"] for name in CI_FACTS if f"ci.{name}" in clean},
    )


def public_url(address: str) -> str | None:
    """Return the http(s) address of a page or repository without anything that can be a secret, or None.

    User and password, query and fragment are dropped. `git@host:group/name.git` and `ssh://` addresses become https
    ones. Whatever could hide credentials elsewhere (an `@` after the host, odd characters) and local paths give None.
    """
    if scp := _SCP_LIKE.fullmatch(address):
        return f"https://{scp[1].lower()}/{scp[2]}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    hidden = f"{parts.path}{parts.query}{parts.fragment}"
    if parts.scheme not in {"http", "https", "ssh"} or not host or "@" in hidden or not _PATH.fullmatch(parts.path):
        return None
    if parts.scheme == "ssh":
        return f"https://{host}{parts.path}"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def _from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    if environment.get("GITLAB_CI") == "true":
        return {"ci.system": "gitlab"} | _read(_GITLAB, environment) | _gitlab_extras(environment)
    if environment.get("GITHUB_ACTIONS") == "true":
        return {"ci.system": "github"} | _read(_GITHUB, environment) | _github_extras(environment)
    # CI is `woodpecker` there, not `true`: an administrator may rename it, the system's name stays.
    if "woodpecker" in {environment.get("CI"), environment.get("CI_SYSTEM_NAME")}:
        return {"ci.system": "woodpecker"} | _read(_WOODPECKER, environment)
    return {}


def _read(names: Mapping[str, tuple[str, ...]], environment: Mapping[str, str]) -> dict[str, str]:
    values = {fact: next(filter(None, map(environment.get, variables)), None) for fact, variables in names.items()}
    return {fact: value for fact, value in values.items() if value}


def _gitlab_extras(environment: Mapping[str, str]) -> dict[str, str]:
    """GitLab gives the author as `Name <e-mail>` and the time of the commit with its offset."""
    author = environment.get("CI_COMMIT_AUTHOR", "").partition("<")[0].strip()
    found = {"git.author": author} if author else {}
    try:
        when = datetime.fromisoformat(environment.get("CI_COMMIT_TIMESTAMP", ""))
    except ValueError:
        return found
    return found | (_moment(when) if when.tzinfo else {})


def _github_extras(environment: Mapping[str, str]) -> dict[str, str]:
    """GitHub names a pull request's ref `12/merge`, and gives the parts of its addresses only."""
    ref, base = environment.get("GITHUB_REF_NAME", ""), environment.get("GITHUB_BASE_REF", "")
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    run = environment.get("GITHUB_RUN_ID", "")
    is_tag = environment.get("GITHUB_REF_TYPE") == "tag"
    url = f"{server}/{repository}" if server and repository else ""
    pull = re.fullmatch(r"(\d+)/(?:merge|head)", ref) if base else None
    found = {
        "git.branch": base or ("" if is_tag else ref),
        "git.tag": ref if is_tag else "",
        "git.repository_url": url,
        "ci.pipeline_url": f"{url}/actions/runs/{run}" if url and run else "",
        "ci.pull_request": pull[1] if pull else "",
    }
    return {name: value for name, value in found.items() if value}


def _from_git(root: Path, environment: Mapping[str, str], sha: str | None) -> dict[str, str]:
    # A sha from a variable is only ever used as a whole object name: never as an option or an expression.
    if sha is not None and not _OBJECT_NAME.fullmatch(sha):
        return {}

    def ask(*arguments: str) -> str | None:
        return ask_git(root, environment, *arguments).text

    found = {}
    if url := public_url((ask("config", "--get", "remote.origin.url") or "").strip()):
        found["git.repository_url"] = url
    commit = ask("log", "-1", "--no-show-signature", "--format=%H%x00%ct%x00%an%x00%B", sha or "HEAD")
    if commit is None:
        return found
    found["git.sha"], seconds, found["git.author"], found["git.message"] = commit.split("\0", 3)
    found |= _moment(datetime.fromtimestamp(int(seconds), tz=UTC))
    found["git.tags"] = " ".join((ask("tag", "--sort=refname", "--points-at", found["git.sha"]) or "").split())
    if (ask("rev-parse", "HEAD") or "").strip() == found["git.sha"]:
        found["git.branch"] = ask("symbolic-ref", "--quiet", "--short", "HEAD") or ""
        status = ask("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
        found["git.dirty"] = "" if status is None else "true" if status else "false"
    return {name: value for name, value in found.items() if value}


def _moment(when: datetime) -> dict[str, str]:
    utc = when.astimezone(UTC)
    return {"git.commit_date": utc.strftime("%Y-%m-%d"), "git.commit_time": utc.strftime("%H%M%S")}


def _clean(name: str, value: str) -> str:
    if name in _URLS:
        return (public_url(value) or "")[:_VALUE_LIMIT]
    value = value.encode("utf-8", "replace").decode()
    text = _CONTROL.sub("", value.replace("\r\n", "\n")).strip()
    if name == "git.message":
        return text[:MESSAGE_LIMIT]
    return " ".join(text.split())[:_VALUE_LIMIT]
