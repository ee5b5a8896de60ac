"""Settings: every problem named at once, secrets masked, prefixes apart."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from publisher.settings import Environment, FleetSettings, fleet_settings, settings_error

COMPLETE = {
    "S3_ENDPOINT": "https://s3.example.com/",
    "S3_ACCESS_KEY": "access-canary",
    "S3_SECRET_KEY": "secret-canary",
    "S3_BUCKET": "fleet",
    "ADMIN_API_URL": "https://admin.example.com",
    "ADMIN_API_TOKEN": "token-canary",
}
KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(1, 5)]
CANARIES = ("access-canary", "secret-canary", "token-canary", "password-canary")


def read(values: dict[str, str], prefix: str = "") -> tuple[FleetSettings | None, str]:
    environment = Environment(values, prefix)
    settings = fleet_settings(environment)
    error = settings_error({"fleet": environment})
    return settings, error.message if error else ""


def test_complete_settings_are_read_and_secrets_are_masked() -> None:
    """The source document's names suffice; no printed form of the settings shows a secret."""
    settings, problem = read(COMPLETE)

    assert settings is not None, problem
    assert settings.cdn_base_url == "https://s3.example.com/fleet"
    assert settings.admin_api is not None
    assert settings.admin_api.publish_path == "internal/resources/publish"
    assert (settings.escrow, settings.s3.region) == ("none", "us-east-1")
    assert not any(canary in repr(settings) + str(settings) for canary in CANARIES)


def test_everything_missing_is_named_in_one_error() -> None:
    """An empty environment gives one error with every required name, and the way out in its hint."""
    environment = Environment({})
    assert fleet_settings(environment) is None

    error = settings_error({"fleet": environment})

    assert error is not None
    for name in COMPLETE:
        assert name in error.message
    assert "RESOURCES_DATABASE_URL" in error.message
    assert error.hint is not None
    assert "--local" in error.hint


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"S3_ENDPOINT": "s3.example.com"}, "S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://user:password-canary@s3.example.com"}, "S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://s3.example.com:99999"}, "S3_ENDPOINT"),
        ({"S3_ADDRESSING_STYLE": "password-canary"}, "S3_ADDRESSING_STYLE"),
        ({"ADMIN_API_LOOKUP": "list"}, "ADMIN_API_LOOKUP_PATH"),
        ({"ADMIN_API_LOOKUP": "get-update", "ADMIN_API_LOOKUP_PATH": "x"}, "ADMIN_API_GET_UPDATE_FIELD"),
        ({"RESOURCES_DATABASE_URL": "sqlite:///password-canary"}, "exactly one"),
        ({"PUBLISH_ESCROW": "s3"}, "PUBLISH_RECOVERY_KEY"),
        ({"PUBLISH_ESCROW": "sql"}, "RESOURCES_DATABASE_URL"),
        ({"S3_CA_FILE": "/nowhere/password-canary"}, "S3_CA_FILE"),
        ({"S3_CA_FILE": "/dev/null"}, "S3_CA_FILE"),
        ({"ADMIN_API_CA_FILE": __file__}, "ADMIN_API_CA_FILE does not name a PEM file"),
        ({"ADMIN_API_URL": "http://admin.example.com"}, "ADMIN_API_URL must begin with https://"),
        ({"ADMIN_API_DUPLICATE": "password-canary"}, "ADMIN_API_DUPLICATE"),
        ({"ADMIN_API_DUPLICATE": "409:("}, "ADMIN_API_DUPLICATE"),
        ({"PUBLISH_RECOVERY_KEY": "password-canary"}, "PUBLISH_RECOVERY_KEY is not 32 bytes"),
        ({"PUBLISH_RECOVERY_KEY_OLD": KEYS[0]}, "PUBLISH_RECOVERY_KEY_OLD is set without PUBLISH_RECOVERY_KEY"),
        ({"PUBLISH_RECOVERY_KEY": KEYS[0], "PUBLISH_RECOVERY_KEY_OLD": KEYS[0]}, "is the current key"),
        ({"PUBLISH_SIGNING_KEY": "password-canary"}, "PUBLISH_SIGNING_KEY"),
        ({"S3_SECRET_KEY_FILE": "/nowhere"}, "both set"),
        ({"S3_SECRET_KEY": "", "S3_SECRET_KEY_FILE": "/nowhere/password-canary"}, "S3_SECRET_KEY_FILE"),
    ],
)
def test_a_wrong_value_is_named_and_never_shown(change: dict[str, str], named: str) -> None:
    """A malformed setting is named; its value, which may be a secret in the wrong place, is not shown."""
    settings, problem = read({**COMPLETE, **change})

    assert settings is None
    assert named in problem
    assert not any(canary in problem for canary in CANARIES)


def test_a_prefix_reads_prefixed_names_only() -> None:
    """With env_prefix EU_ nothing is taken from the names without it, and messages show the full names."""
    settings, problem = read(COMPLETE, "EU_")
    assert settings is None
    assert "EU_S3_ENDPOINT" in problem

    prefixed, problem = read({f"EU_{name}": value for name, value in COMPLETE.items()}, "EU_")
    assert prefixed is not None, problem


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE names a file with the secret; one newline at its end is not part of it."""
    (tmp_path / "token").write_text("token-canary\n")
    values = {name: value for name, value in COMPLETE.items() if name != "ADMIN_API_TOKEN"}

    settings, problem = read({**values, "ADMIN_API_TOKEN_FILE": str(tmp_path / "token")})

    assert settings is not None, problem
    assert settings.admin_api is not None
    assert settings.admin_api.token.get_secret_value() == "token-canary"


def test_the_escrow_follows_from_what_is_there() -> None:
    """SQL registry: the escrow is beside the rows; a recovery key: beside the objects; neither: none."""
    sql = {name: value for name, value in COMPLETE.items() if not name.startswith("ADMIN")}

    with_sql, _ = read({**sql, "RESOURCES_DATABASE_URL": "sqlite:////tmp/x.db"})
    with_key, _ = read({**COMPLETE, "PUBLISH_RECOVERY_KEY": KEYS[0]})

    assert with_sql is not None
    assert with_key is not None
    assert (with_sql.escrow, with_key.escrow) == ("sql", "s3")


def test_everything_wrong_is_named_in_one_error() -> None:
    """Missing, malformed and unparsable settings of one destination are told together, never one after the other."""
    settings, problem = read(
        {
            "S3_ENDPOINT": "nowhere",
            "ADMIN_API_URL": "http://admin.example.com",
            "ADMIN_API_DUPLICATE": "always",
            "PUBLISH_RECOVERY_KEY": "short",
            "PUBLISH_RECOVERY_KEY_OLD": "short",
            "PUBLISH_SIGNING_KEY": "none",
        }
    )

    assert settings is None
    for name in (
        *("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "ADMIN_API_URL", "ADMIN_API_TOKEN"),
        *("ADMIN_API_DUPLICATE", "PUBLISH_RECOVERY_KEY", "PUBLISH_RECOVERY_KEY_OLD", "PUBLISH_SIGNING_KEY"),
    ):
        assert name in problem


def test_a_database_that_cannot_be_used_is_named_with_the_rest() -> None:
    """A database URL of another kind is one of the problems, and its password is not shown."""
    sql = {name: value for name, value in COMPLETE.items() if not name.startswith(("ADMIN", "S3_BUCKET"))}

    settings, problem = read({**sql, "RESOURCES_DATABASE_URL": "mysql://u:password-canary@host/db"})

    assert settings is None
    assert "S3_BUCKET" in problem
    assert "RESOURCES_DATABASE_URL is not a database URL" in problem
    assert "canary" not in problem


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\n", "\n\n "])
@pytest.mark.parametrize("is_file", [False, True])
def test_several_old_recovery_keys_may_be_given(tmp_path: Path, separator: str, is_file: bool) -> None:
    """Old keys are a list, divided by spaces, commas or lines, in the variable or in a file with one a line."""
    text = separator.join(KEYS[1:]) + "\n"
    name = "PUBLISH_RECOVERY_KEY_OLD"
    (tmp_path / "old").write_text(text)
    old = {f"{name}_FILE": str(tmp_path / "old")} if is_file else {name: text}

    settings, problem = read({**COMPLETE, "PUBLISH_RECOVERY_KEY": KEYS[0], **old})

    assert settings is not None, problem
    assert "keys=4" in repr(settings.recovery)
    assert not any(key in repr(settings) for key in KEYS)
