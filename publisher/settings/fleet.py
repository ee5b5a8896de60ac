"""The settings of one fleet: its object store, its registry, and how keys survive a crash.

Whatever can be judged without asking a server is judged here, so that one error tells all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from pydantic import SecretStr

from publisher.settings.environment import Environment

if TYPE_CHECKING:
    from publisher.registries.admin_options import DuplicateRule
    from publisher.sealing.signing import SigningKey
    from publisher.sealing.wrapping import RecoveryKeys


@dataclass(frozen=True, slots=True)
class S3Settings:
    endpoint: str
    access_key: SecretStr
    secret_key: SecretStr
    bucket: str
    region: str
    ca_file: Path | None
    addressing_style: Literal["path", "virtual", "auto"]


@dataclass(frozen=True, slots=True)
class AdminApiSettings:
    url: str
    token: SecretStr
    publish_path: str
    lookup: Literal["none", "list", "get-update"]
    lookup_path: str | None
    get_update_field: str | None
    duplicate: DuplicateRule | None
    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """One fleet. Exactly one of `admin_api` and `database_url` is set."""

    s3: S3Settings
    admin_api: AdminApiSettings | None
    database_url: SecretStr | None
    cdn_base_url: str
    recovery: RecoveryKeys | None
    escrow: Literal["sql", "s3", "none"]
    spool_folder: Path | None
    signing_key: SigningKey | None = None
    claims: Literal["store", "sql"] = "store"
    """Where publishers agree on an object: by the store's conditions, or, for stores without, in the database."""


def fleet_settings(environment: Environment) -> FleetSettings | None:
    """Read one fleet's settings; None if anything is missing or malformed (see the environment's two lists)."""
    env = environment
    endpoint = env.url("S3_ENDPOINT", required=True)
    access_key = env.secret("S3_ACCESS_KEY", required=True)
    secret_key = env.secret("S3_SECRET_KEY", required=True)
    bucket = env.required("S3_BUCKET")
    region = env.text("S3_REGION") or "us-east-1"
    addressing = env.choice("S3_ADDRESSING_STYLE", ("path", "virtual", "auto"), "path")
    s3_ca_file = env.authorities("S3_CA_FILE")
    database_url = _database_url(env)
    admin_api = None if database_url else _admin_api(env)
    if database_url and env.text("ADMIN_API_URL") is not None:
        env.malformed.append(
            f"{env.name('ADMIN_API_URL')} and {env.name('RESOURCES_DATABASE_URL')} are both set; rows go to exactly one"
        )
    cdn_base_url = env.url("CDN_PUBLIC_BASE_URL")
    has_recovery_key, recovery = _recovery_keys(env)
    default_escrow = "sql" if database_url else "s3" if has_recovery_key else "none"
    escrow = env.choice("PUBLISH_ESCROW", ("sql", "s3", "none"), default_escrow)
    if escrow == "s3" and not has_recovery_key:
        env.missing.append(f"{env.name('PUBLISH_RECOVERY_KEY')} (needed by PUBLISH_ESCROW=s3)")
    if escrow == "sql" and not database_url:
        env.malformed.append(f"{env.name('PUBLISH_ESCROW')}=sql needs {env.name('RESOURCES_DATABASE_URL')}")
    claims = env.choice("PUBLISH_CLAIMS", ("store", "sql"), "store")
    if claims == "sql" and (not database_url or escrow != "sql"):
        env.malformed.append(
            f"{env.name('PUBLISH_CLAIMS')}=sql needs {env.name('RESOURCES_DATABASE_URL')}, and the escrow there"
        )
    spool = env.text("PUBLISH_SPOOL_DIR")
    signing_key = _signing_key(env)
    if env.missing or env.malformed or endpoint is None or access_key is None or secret_key is None:
        return None
    return FleetSettings(
        s3=S3Settings(
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            bucket=bucket,
            region=region,
            ca_file=s3_ca_file,
            addressing_style=cast("Literal['path', 'virtual', 'auto']", addressing),
        ),
        admin_api=admin_api,
        database_url=database_url,
        cdn_base_url=cdn_base_url or f"{endpoint}/{bucket}",
        recovery=recovery,
        escrow=cast("Literal['sql', 's3', 'none']", escrow),
        spool_folder=Path(spool) if spool else None,
        signing_key=signing_key,
        claims=cast("Literal['store', 'sql']", claims),
    )


def _admin_api(env: Environment) -> AdminApiSettings | None:
    if env.text("ADMIN_API_URL") is None:
        env.missing.append(f"{env.name('ADMIN_API_URL')} (or {env.name('RESOURCES_DATABASE_URL')})")
    url = _admin_url(env)
    token = env.secret("ADMIN_API_TOKEN", required=True)
    lookup = env.choice("ADMIN_API_LOOKUP", ("none", "list", "get-update"), "none")
    if lookup != "none":
        env.required("ADMIN_API_LOOKUP_PATH")
    if lookup == "get-update":
        env.required("ADMIN_API_GET_UPDATE_FIELD")
    ca_file, duplicate = env.authorities("ADMIN_API_CA_FILE"), _duplicate_rule(env)
    if url is None or token is None:
        return None
    return AdminApiSettings(
        url=url,
        token=token,
        publish_path=env.text("ADMIN_API_PUBLISH_PATH") or "internal/resources/publish",
        lookup=cast("Literal['none', 'list', 'get-update']", lookup),
        lookup_path=env.text("ADMIN_API_LOOKUP_PATH"),
        get_update_field=env.text("ADMIN_API_GET_UPDATE_FIELD"),
        duplicate=duplicate,
        ca_file=ca_file,
    )


def _admin_url(env: Environment) -> str | None:
    url = env.url("ADMIN_API_URL")
    if url is not None:
        from publisher.http.address import safe_url

        env.accept(lambda: safe_url(url, env.name("ADMIN_API_URL")))
    return url


def _duplicate_rule(env: Environment) -> DuplicateRule | None:
    text = env.text("ADMIN_API_DUPLICATE")
    if text is None:
        return None
    from publisher.registries.admin_options import DuplicateRule

    return env.accept(lambda: DuplicateRule.parse(text, setting=env.name("ADMIN_API_DUPLICATE")))


def _database_url(env: Environment) -> SecretStr | None:
    url = env.secret("RESOURCES_DATABASE_URL")
    if url is not None:
        from publisher.registries.sql import SqlOptions, require_url

        env.accept(lambda: require_url(SqlOptions(url.get_secret_value(), env.name("RESOURCES_DATABASE_URL"))))
    return url


def _recovery_keys(env: Environment) -> tuple[bool, RecoveryKeys | None]:
    """Return whether a recovery key is set at all, and the keys if they are good ones."""
    current, older = env.secret("PUBLISH_RECOVERY_KEY"), env.secret("PUBLISH_RECOVERY_KEY_OLD")
    if current is None:
        if older is not None:
            env.malformed.append(
                f"{env.name('PUBLISH_RECOVERY_KEY_OLD')} is set without {env.name('PUBLISH_RECOVERY_KEY')}"
            )
        return False, None
    from publisher.sealing.wrapping import RecoveryKeys

    texts = re.split(r"[\s,]+", older.get_secret_value().strip()) if older is not None else []
    setting = env.name("PUBLISH_RECOVERY_KEY")
    return True, env.accept(
        lambda: RecoveryKeys.parse(current.get_secret_value(), [text for text in texts if text], setting=setting)
    )


def _signing_key(env: Environment) -> SigningKey | None:
    text = env.secret("PUBLISH_SIGNING_KEY")
    if text is None:
        return None
    from publisher.sealing.signing import SigningKey

    setting = env.name("PUBLISH_SIGNING_KEY")
    return env.accept(lambda: SigningKey.parse(text.get_secret_value(), setting=setting))
