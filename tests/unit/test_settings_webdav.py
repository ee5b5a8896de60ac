"""Settings of an artifact repository: exactly one way to be let in, every problem named at once, secrets masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.settings import Environment, settings_error
from publisher.settings.webdav import TokenSettings, UserSettings, WebdavSettings, webdav_settings

BY_TOKEN = {
    "WEBDAV_URL": "https://builds.example.com/pub/",
    "WEBDAV_TOKEN_URL": "https://builds.example.com/tokens",
    "WEBDAV_TOKEN_USER": "buildbot",
    "WEBDAV_TOKEN_PASSWORD": "password-canary",
}
BY_USER = {
    "WEBDAV_URL": "https://builds.example.com/pub",
    "WEBDAV_USER": "alice",
    "WEBDAV_PASSWORD": "password-canary",
}


def read(values: dict[str, str], prefix: str = "") -> tuple[WebdavSettings | None, str]:
    environment = Environment(values, prefix)
    settings = webdav_settings(environment)
    error = settings_error({"builds": environment})
    return settings, error.message if error else ""


def test_a_token_service_is_one_way_to_be_let_in() -> None:
    """The CI master's credentials make tokens of an hour in the default wire format; nothing printed shows them."""
    settings, problem = read(BY_TOKEN)

    assert settings is not None, problem
    assert settings.url == "https://builds.example.com/pub"
    assert isinstance(settings.access, TokenSettings)
    assert (settings.access.ttl_s, settings.access.fields, settings.access.revoke_method) == (3600, {}, "DELETE")
    assert "canary" not in repr(settings)


def test_a_user_is_the_other_way(tmp_path: Path) -> None:
    """Fixed credentials, whose password may come from a file."""
    (tmp_path / "password").write_text("password-canary\n")
    values = {**BY_USER, "WEBDAV_PASSWORD": "", "WEBDAV_PASSWORD_FILE": str(tmp_path / "password")}

    settings, problem = read({f"EU_{name}": value for name, value in values.items()}, "EU_")

    assert settings is not None, problem
    assert isinstance(settings.access, UserSettings)
    assert settings.access.password.get_secret_value() == "password-canary"
    assert "canary" not in repr(settings)


def test_everything_missing_is_named_with_both_ways() -> None:
    """An empty environment names the address and either way."""
    settings, problem = read({})

    assert settings is None
    for name in (*BY_TOKEN, *BY_USER):
        assert name in problem


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({**BY_TOKEN, **BY_USER}, "exactly one way"),
        ({**BY_TOKEN, "WEBDAV_USER": "alice"}, "exactly one way"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_PASSWORD": ""}, "missing settings: WEBDAV_TOKEN_PASSWORD"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_URL": "", "WEBDAV_TOKEN_USER": ""}, "WEBDAV_TOKEN_URL, WEBDAV_TOKEN_USER"),
        ({**BY_USER, "WEBDAV_USER": ""}, "missing settings: WEBDAV_USER"),
        ({**BY_USER, "WEBDAV_URL": "https://alice:password-canary@builds.example.com"}, "WEBDAV_URL must be"),
        ({**BY_USER, "WEBDAV_CA_FILE": "/nowhere/ca.pem"}, "WEBDAV_CA_FILE does not name a file"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_TTL": "59"}, "from 60 to 604800"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_TTL": "1h"}, "from 60 to 604800"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_REVOKE_METHOD": "GET"}, "one of DELETE, POST"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_FIELDS": "user"}, "must be pairs"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_FIELDS": "colour=red"}, "must be pairs"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_FIELDS": "user=a,user=b"}, "must be pairs"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_FIELDS": "user=a b"}, "must be pairs"),
        ({**BY_TOKEN, "WEBDAV_TOKEN_FIELDS": "user=password"}, "gives two fields one name"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(values: dict[str, str], named: str) -> None:
    """Half a way, two ways and malformed values are told by the names of the settings."""
    settings, problem = read(values)

    assert settings is None
    assert named in problem
    assert "canary" not in problem


def test_the_wire_format_can_be_named() -> None:
    """A service with other names and another way to revoke is spoken to without a change of the program."""
    settings, problem = read(
        {
            **BY_TOKEN,
            "WEBDAV_TOKEN_TTL": "7200",
            "WEBDAV_TOKEN_FIELDS": "user=username, revoke=links.self,token=access_token",
            "WEBDAV_TOKEN_REVOKE_METHOD": "POST",
        }
    )

    assert settings is not None, problem
    assert isinstance(settings.access, TokenSettings)
    assert settings.access.ttl_s == 7200
    assert settings.access.fields == {"user": "username", "revoke": "links.self", "token": "access_token"}
    assert settings.access.revoke_method == "POST"
