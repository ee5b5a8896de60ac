"""What each value of a revision may be, and how a git remote becomes the address of a repository. Pure.

It refuses to send what may hold a password, and to shorten or repair what a person gave.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from publisher.revision.values import Value

MAX_URL = 2048
MAX_LABEL = 250
MAX_MESSAGE = 100_000

_OBJECT_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP_LIKE = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):/?(?P<path>[^\s:?#@]+)")
_AUTHOR = re.compile(r"(?P<name>[^\r\n]*\S) <[^\r\n]+>")
# What git refuses in the name of a reference, and what would not be one line of text.
_NOT_IN_A_LABEL = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def problem_of(value: Value, text: str) -> tuple[str, str] | None:
    """Return message and hint for a text that cannot be this value, or None. Neither holds the text."""
    match value:
        case Value.REPOSITORY_URL | Value.URL:
            return _url_problem(value, text)
        case Value.HASH:
            if _OBJECT_NAME.fullmatch(text):
                return None
            return f"`{value}` is not the hash of a commit", "give it whole and in lower case: 40 digits from 0 to f"
        case Value.BRANCH | Value.TAGS:
            if 0 < len(text) <= MAX_LABEL and not _NOT_IN_A_LABEL.search(text):
                return None
            what = "branch" if value is Value.BRANCH else "tag"
            return f"`{value}` holds no name of a {what}", f"up to {MAX_LABEL} characters, without spaces"
        case Value.AUTHOR:
            if 0 < len(text) <= MAX_LABEL and text.isprintable():
                return None
            return f"`{value}` is not one line of text", f"give a name, of up to {MAX_LABEL} characters"
        case Value.MESSAGE:
            if len(text) <= MAX_MESSAGE:
                return None
            return f"`{value}` is longer than {MAX_MESSAGE:,} characters", "give a shorter message"


def repository_of(remote: str) -> str | None:
    """Return the http(s) address of the repository that a git remote names, or None for a local one and the like.

    `git@HOST:PATH.git` and `ssh://` become `https://HOST/PATH`; http(s) addresses stay as they are, `.git` included,
    but for user and password, which are never handed on. Source: the manual's own client; `ssh://` is ours.
    """
    if re.match(r"https?://", remote):
        return _without_user(remote)
    if remote.startswith("ssh://"):
        try:
            host, path = urlsplit(remote).hostname, urlsplit(remote).path
        except ValueError:
            return None
        return _checked(f"https://{host}/{path.strip('/').removesuffix('.git')}") if host else None
    if "://" not in remote and (scp := _SCP_LIKE.fullmatch(remote)):
        return _checked(f"https://{scp['host']}/{scp['path'].removesuffix('.git')}")
    return None


def name_of_author(author: str) -> str | None:
    """Return the name in GitLab's `Name <e-mail>`, or None for any other text."""
    found = _AUTHOR.fullmatch(author)
    return found["name"] if found else None


def _without_user(address: str) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return _checked(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())


def _checked(address: str) -> str | None:
    return None if problem_of(Value.REPOSITORY_URL, address) else address


def _url_problem(value: Value, text: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(text)
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text) or len(text) > MAX_URL:
        return f"`{value}` is not an http(s) address", "for example https://gitlab.example.com/group/worker"
    if "@" in text or parts.query or parts.fragment or text.endswith(("?", "#")):
        return f"`{value}` holds more than an address", "leave out user, password, query and fragment"
    return None
