"""The settings of one Arkindex server: two variables, or a profile of Arkindex's own command.

A variable that is set is never ignored, and a profile that was asked for neither: both at once is an error. The profile
file alone is used where neither is set. Arkindex's own command looks the other way round, at the file first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pydantic import SecretStr

from publisher.settings.arkindex_profiles import ProfileError, read_profile
from publisher.settings.environment import Environment

ModeName = Literal["auto", "docker-version", "worker+version", "import"]
_MODES = ("auto", "docker-version", "worker+version", "import")
_VARIABLES = ("ARKINDEX_API_URL", "ARKINDEX_API_TOKEN", "ARKINDEX_TASK_TOKEN")


@dataclass(frozen=True, slots=True)
class ArkindexSettings:
    """`scheme` is the word before the token; `schema` an address or a file, None for the server's own document.

    `account` says where the token is from: `ARKINDEX_API_TOKEN`, or the name of a profile.
    """

    url: str
    token: SecretStr
    scheme: str
    schema: str | None
    mode: ModeName
    ca_file: Path | None
    account: str


@dataclass(frozen=True, slots=True)
class _Account:
    url: str
    token: SecretStr
    scheme: str
    told: str


def arkindex_settings(environment: Environment) -> ArkindexSettings | None:
    """Read one server's settings; None if anything is missing or malformed (see the environment's two lists)."""
    env = environment
    account = _account(env)
    mode = env.choice("ARKINDEX_MODE", _MODES, "auto")
    ca_file = env.authorities("ARKINDEX_CA_FILE")
    if env.missing or env.malformed or account is None:
        return None
    return ArkindexSettings(
        url=account.url,
        token=account.token,
        scheme=env.text("ARKINDEX_API_AUTH_SCHEME") or account.scheme,
        schema=env.text("ARKINDEX_API_SCHEMA_URL"),
        mode=cast("ModeName", mode),
        ca_file=ca_file,
        account=account.told,
    )


def _account(env: Environment) -> _Account | None:
    """Return the address and the token, from the variables or from a profile.

    With a prefix a profile is used only if it is named: two destinations never end at one server by accident.
    """
    chosen = env.text("ARKINDEX_PROFILE")
    variables = [name for name in _VARIABLES if env.is_set(name)]
    if chosen is not None and variables:
        env.malformed.append(f"{env.name('ARKINDEX_PROFILE')} and {env.name(variables[0])} are both set; keep one")
        return None
    if variables or (chosen is None and env.has_prefix):
        return _from_variables(env)
    try:
        profile = read_profile(chosen, config_home=env.machine("XDG_CONFIG_HOME"), home=env.machine("HOME"))
    except ProfileError as error:
        env.malformed.append(f"{env.name('ARKINDEX_PROFILE')}: {error}" if chosen else str(error))
        return None
    if profile is None:
        return _from_variables(env)
    return _Account(profile.url, profile.token, "Token", f"profile {profile.name}")


def _from_variables(env: Environment) -> _Account | None:
    if not env.is_set("ARKINDEX_API_URL"):
        env.missing.append(f"{env.name('ARKINDEX_API_URL')} (or {env.name('ARKINDEX_PROFILE')})")
    url = env.url("ARKINDEX_API_URL")
    task = env.secret("ARKINDEX_TASK_TOKEN")
    token = task or env.secret("ARKINDEX_API_TOKEN", required=True)
    if url is None or token is None:
        return None
    if task is not None:
        return _Account(url, task, "Ponos", env.name("ARKINDEX_TASK_TOKEN"))
    return _Account(url, token, "Token", env.name("ARKINDEX_API_TOKEN"))
