"""The settings of one conda channel: the handler that takes uploads, and the address from which clients read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from publisher.model import CONDA_SUBDIR_PATTERN
from publisher.settings.environment import Environment

DEFAULT_TIMEOUT_S = 1800.0
MAX_TIMEOUT_S = 86_400.0
_TOKEN_IN_PATH = re.compile(r"/t/[^/]+")


@dataclass(frozen=True, slots=True)
class CondaSettings:
    """`channel_url` is None where nothing says what is published. `ca_file` is for both addresses.

    `sends_arch`: the first generation of the handler is told the subdir by a field; `only_subdir`: it writes to one.
    """

    upload_url: str
    token: SecretStr
    channel_url: str | None
    ca_file: Path | None
    sends_arch: bool
    only_subdir: str | None
    timeout_s: float


def conda_settings(environment: Environment) -> CondaSettings | None:
    """Read one channel's settings; None if anything is missing or malformed (see the environment's two lists)."""
    env = environment
    upload_url = env.url("CONDA_UPLOAD_URL", required=True)
    token = env.secret("CONDA_UPLOAD_TOKEN", required=True)
    channel_url = env.url("CONDA_CHANNEL_URL")
    if channel_url is not None and _TOKEN_IN_PATH.search(channel_url):
        env.malformed.append(
            f"{env.name('CONDA_CHANNEL_URL')} holds a token (/t/...), and addresses are shown in reports"
        )
    ca_file = env.file("CONDA_CA_FILE")
    sends_arch, only_subdir = _subdir(env)
    timeout_s = _seconds(env, "CONDA_UPLOAD_TIMEOUT", DEFAULT_TIMEOUT_S)
    if env.missing or env.malformed or upload_url is None or token is None:
        return None
    return CondaSettings(upload_url, token, channel_url, ca_file, sends_arch, only_subdir, timeout_s)


def _subdir(env: Environment) -> tuple[bool, str | None]:
    """Read CONDA_UPLOAD_SUBDIR: `package` (the default), `arch`, or the name of a subdir."""
    text = env.text("CONDA_UPLOAD_SUBDIR") or "package"
    if text == "package":
        return False, None
    if text == "arch":
        return True, None
    if not re.fullmatch(CONDA_SUBDIR_PATTERN, text):
        env.malformed.append(f"{env.name('CONDA_UPLOAD_SUBDIR')} must be package, arch, or a subdir such as linux-64")
    return False, text


def _seconds(env: Environment, name: str, default: float) -> float:
    text = env.text(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_TIMEOUT_S:
        env.malformed.append(f"{env.name(name)} must be a number of seconds from 1 to {MAX_TIMEOUT_S:.0f}")
        return default
    return float(text)
