"""The settings of a conda channel: what is needed, what is refused, and that the token is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.settings import Environment, settings_error
from publisher.settings.conda import CondaSettings, conda_settings

COMPLETE = {
    "CONDA_UPLOAD_URL": "https://upload.example.com:9999/",
    "CONDA_UPLOAD_TOKEN": "token-canary",
    "CONDA_CHANNEL_URL": "https://conda.example.com/channel",
}


def read(values: dict[str, str], prefix: str = "") -> tuple[CondaSettings | None, str]:
    environment = Environment(values, prefix)
    settings = conda_settings(environment)
    error = settings_error({"channel": environment})
    return settings, error.message if error else ""


def test_complete_settings_are_read_and_the_token_is_masked(tmp_path: Path) -> None:
    """Addresses without a slash at the end, defaults for the rest; no printed form shows the token."""
    settings, problem = read(COMPLETE)

    assert settings is not None, problem
    assert settings.upload_url == "https://upload.example.com:9999"
    assert (settings.sends_arch, settings.only_subdir, settings.timeout_s) == (False, None, 1800.0)
    assert "token-canary" not in repr(settings) + str(settings)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """The handler's address and token are needed; the channel's address is not, and then everything is unknown."""
    settings, problem = read({})
    without_channel, _ = read({name: value for name, value in COMPLETE.items() if name != "CONDA_CHANNEL_URL"})

    assert settings is None
    assert problem == "missing settings: CONDA_UPLOAD_URL, CONDA_UPLOAD_TOKEN"
    assert without_channel is not None
    assert without_channel.channel_url is None


def test_the_token_may_come_from_a_file(tmp_path: Path) -> None:
    """As every secret: `NAME_FILE`, one line break at the end dropped; prefixed names are separate."""
    (tmp_path / "token").write_text("from-file\n")
    values = {f"EU_{name}": value for name, value in COMPLETE.items() if name != "CONDA_UPLOAD_TOKEN"}

    settings, problem = read({**values, "EU_CONDA_UPLOAD_TOKEN_FILE": str(tmp_path / "token")}, "EU_")

    assert settings is not None, problem
    assert settings.token.get_secret_value() == "from-file"


@pytest.mark.parametrize(
    ("text", "arch", "only"), [("package", False, None), ("arch", True, None), ("linux-64", False, "linux-64")]
)
def test_how_a_server_finds_the_subdir_is_a_setting(text: str, arch: bool, only: str | None) -> None:
    """By the package, by a field, or not at all: it writes to one subdir."""
    settings, _ = read({**COMPLETE, "CONDA_UPLOAD_SUBDIR": text})

    assert settings is not None
    assert (settings.sends_arch, settings.only_subdir) == (arch, only)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"CONDA_UPLOAD_URL": "https://host/?token=token-canary"}, "CONDA_UPLOAD_URL"),
        ({"CONDA_UPLOAD_URL": "https://user:token-canary@host/"}, "CONDA_UPLOAD_URL"),
        ({"CONDA_CHANNEL_URL": "https://host/t/token-canary/channel"}, "CONDA_CHANNEL_URL holds a token"),
        ({"CONDA_CHANNEL_URL": "file:///srv/channel"}, "CONDA_CHANNEL_URL"),
        ({"CONDA_UPLOAD_SUBDIR": "../token-canary"}, "CONDA_UPLOAD_SUBDIR"),
        ({"CONDA_UPLOAD_TIMEOUT": "0"}, "CONDA_UPLOAD_TIMEOUT"),
        ({"CONDA_UPLOAD_TIMEOUT": "-1"}, "CONDA_UPLOAD_TIMEOUT"),
        ({"CONDA_UPLOAD_TIMEOUT": "1e9"}, "CONDA_UPLOAD_TIMEOUT"),
        ({"CONDA_CA_FILE": "/nonexistent/token-canary.pem"}, "CONDA_CA_FILE"),
        ({"CONDA_UPLOAD_TOKEN_FILE": "/run/x"}, "CONDA_UPLOAD_TOKEN"),
    ],
)
def test_malformed_settings_are_named_and_not_shown(change: dict[str, str], named: str) -> None:
    """An error names the variable and never its value."""
    settings, problem = read({**COMPLETE, **change})

    assert settings is None
    assert named in problem
    assert "token-canary" not in problem
