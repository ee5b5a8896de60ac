"""Settings: every problem named at once, secrets masked, prefixes apart."""

from __future__ import annotations

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
    with_key, _ = read({**COMPLETE, "PUBLISH_RECOVERY_KEY": "x"})

    assert with_sql is not None
    assert with_key is not None
    assert (with_sql.escrow, with_key.escrow) == ("sql", "s3")
