"""The settings of an artifact repository: its address, and exactly one way to be let in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from publisher.settings.environment import Environment

TOKEN_FIELDS = ("scope", "ttl", "user", "password", "token", "expires_in", "revoke")
"""Names in the token service's JSON that `WEBDAV_TOKEN_FIELDS` may replace."""

TTL_S = (60, 7 * 24 * 3600)
"""The shortest and the longest life that may be asked for, in seconds."""

_BY_TOKEN = ("WEBDAV_TOKEN_URL", "WEBDAV_TOKEN_USER", "WEBDAV_TOKEN_PASSWORD")
_BY_USER = ("WEBDAV_USER", "WEBDAV_PASSWORD")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """The token service, the credentials of the CI master for it, and how its wire format differs from the default."""

    url: str
    user: str
    password: SecretStr
    ttl_s: int
    fields: Mapping[str, str]
    revoke_method: str


@dataclass(frozen=True, slots=True)
class UserSettings:
    user: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class WebdavSettings:
    url: str
    access: TokenSettings | UserSettings
    ca_file: Path | None


def webdav_settings(environment: Environment) -> WebdavSettings | None:
    """Read one repository's settings; None if anything is missing or malformed (see the environment's two lists)."""
    env = environment
    url = env.url("WEBDAV_URL", required=True)
    ca_file = env.file("WEBDAV_CA_FILE")
    by_token, by_user = any(map(env.is_set, _BY_TOKEN)), any(map(env.is_set, _BY_USER))
    access: TokenSettings | UserSettings | None = None
    if by_token and by_user:
        names = f"{', '.join(map(env.name, _BY_TOKEN))} and {', '.join(map(env.name, _BY_USER))}"
        env.malformed.append(f"of {names} only one group may be set: a run is let in in exactly one way")
    elif by_user:
        access = _user(env)
    elif by_token:
        access = _token(env)
    else:
        names = f"{', '.join(map(env.name, _BY_TOKEN))} (or {' and '.join(map(env.name, _BY_USER))})"
        env.missing.append(names)
    if env.missing or env.malformed or url is None or access is None:
        return None
    return WebdavSettings(url, access, ca_file)


def _user(env: Environment) -> UserSettings | None:
    user, password = env.required("WEBDAV_USER"), env.secret("WEBDAV_PASSWORD", required=True)
    return UserSettings(user, password) if user and password else None


def _token(env: Environment) -> TokenSettings | None:
    url = env.url("WEBDAV_TOKEN_URL", required=True)
    user, password = env.required("WEBDAV_TOKEN_USER"), env.secret("WEBDAV_TOKEN_PASSWORD", required=True)
    ttl_s, fields = _ttl_s(env), _fields(env)
    method = env.choice("WEBDAV_TOKEN_REVOKE_METHOD", ("DELETE", "POST"), "DELETE")
    if url is None or not user or password is None:
        return None
    return TokenSettings(url, user, password, ttl_s, fields, method)


def _ttl_s(env: Environment) -> int:
    text = env.text("WEBDAV_TOKEN_TTL") or "3600"
    least, most = TTL_S
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        env.malformed.append(f"{env.name('WEBDAV_TOKEN_TTL')} must be a number of seconds from {least} to {most}")
        return 3600
    return int(text)


def _fields(env: Environment) -> dict[str, str]:
    """Read `ours=theirs,ours=theirs`."""
    name, fields = "WEBDAV_TOKEN_FIELDS", dict[str, str]()
    for pair in filter(None, (env.text(name) or "").split(",")):
        ours, _, theirs = (part.strip() for part in pair.partition("="))
        if ours not in TOKEN_FIELDS or ours in fields or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", theirs):
            env.malformed.append(
                f"{env.name(name)} must be pairs like user=username,revoke=self; left of `=`: {', '.join(TOKEN_FIELDS)}"
            )
            return {}
        fields[ours] = theirs
    if len({fields.get(ours, ours) for ours in TOKEN_FIELDS}) < len(TOKEN_FIELDS):
        env.malformed.append(f"{env.name(name)} gives two fields one name")
    return fields
