"""Profiles of Arkindex's own command, `~/.config/arkindex/cli.yaml`: read, never written.

It refuses to show any value of the file but the names of its profiles, and to guess which profile is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from publisher.errors import InputError
from publisher.manifest.decoding import decode
from publisher.manifest.dialect import Dialect
from publisher.manifest.document import read_document
from publisher.manifest.escaping import visible
from publisher.manifest.nodes import MapNode, Node, TextNode
from publisher.manifest.problems import Problems
from publisher.regular_file import read_regular
from publisher.settings.environment import is_plain_url

LIMIT_BYTES = 64 * 1024
_DIALECT = Dialect(
    a="a profile file", the="the file", shape="a mapping with `hosts`", instead="repeat it", is_prose=True
)


class ProfileError(ValueError):
    """A profile that cannot be used. The message holds no value of the file."""


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    url: str
    token: SecretStr


def read_profile(chosen: str | None, *, config_home: str | None, home: str | None) -> Profile | None:
    """Return the chosen profile, else the file's default one; None if there is no file and none was chosen.

    `config_home` and `home` are XDG_CONFIG_HOME and HOME. Raises `ProfileError`.
    """
    base = Path(config_home) if config_home else Path(home) / ".config" if home else None
    path = base / "arkindex" / "cli.yaml" if base else None
    if path is None or not path.exists():
        if chosen is None:
            return None
        raise ProfileError(f"there is no profile file {path or 'arkindex/cli.yaml'}")
    root = _document(path)
    hosts = root.get("hosts")
    names = list(hosts.entries) if isinstance(hosts, MapNode) else []
    name = chosen or _text(root.get("default_host"))
    if name is None:
        raise ProfileError(f"{path} has no `default_host`: set ARKINDEX_PROFILE, or the variables")
    host = hosts.get(name) if isinstance(hosts, MapNode) else None
    if not isinstance(host, MapNode):
        known = ", ".join(visible(name, limit=40) for name in names) or "none"
        raise ProfileError(f"{path} has no such profile; it has {known}")
    url, token = _text(host.get("url")), _text(host.get("token"))
    if url is None or token is None:
        raise ProfileError(f"profile {visible(name, limit=40)} of {path} lacks `url` or `token`")
    if not is_plain_url(url):
        raise ProfileError(f"the url of profile {visible(name, limit=40)} must be an http(s) URL without user or query")
    return Profile(visible(name, limit=40), url.rstrip("/"), SecretStr(token))


def _document(path: Path) -> MapNode:
    try:
        data = read_regular(path, LIMIT_BYTES + 1)
    except (InputError, OSError, ValueError):
        raise ProfileError(f"{path} cannot be read") from None
    problems = Problems(path)
    text = decode(data, problems, _DIALECT) if len(data) <= LIMIT_BYTES else None
    root = read_document(text, problems, _DIALECT) if text is not None else None
    if root is None or problems.has_errors:
        raise ProfileError(f"{path} is not a profile file of arkindex")
    return root


def _text(node: Node | None) -> str | None:
    return node.text if isinstance(node, TextNode) and node.text not in ("", "null", "~") else None
