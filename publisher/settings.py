"""Settings from the environment: typed, secrets masked from the moment they are read, every problem named at once.

Any secret may come from a file instead: `NAME_FILE=/run/secrets/x`. A destination with an `env_prefix` reads prefixed
names only, so that two fleets never mix. Values are never echoed, in errors neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from publisher.errors import SettingsError

SECRET_FILE_LIMIT_BYTES = 64 * 1024


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
    duplicate: str | None
    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """One fleet. Exactly one of `admin_api` and `database_url` is set."""

    s3: S3Settings
    admin_api: AdminApiSettings | None
    database_url: SecretStr | None
    cdn_base_url: str
    recovery_key: SecretStr | None
    recovery_keys_old: tuple[SecretStr, ...]
    escrow: Literal["sql", "s3", "none"]
    spool_folder: Path | None
    signing_key: SecretStr | None = None


class Environment:
    """Reads names with a prefix and gathers everything that is wrong, so that one error can name it all."""

    def __init__(self, values: Mapping[str, str], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        self.missing: list[str] = []
        self.malformed: list[str] = []

    def name(self, name: str) -> str:
        return self._prefix + name

    def text(self, name: str) -> str | None:
        return self._values.get(self.name(name)) or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self.missing.append(self.name(name))
        return value or ""

    def url(self, name: str, *, required: bool = False) -> str | None:
        """Return an http(s) URL without a trailing slash; userinfo, query and fragment are refused."""
        value = self.required(name) if required else self.text(name)
        if not value:
            return None
        try:
            parts = urlsplit(value)
            is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_sound = False
        if not is_sound or parts.username or parts.password or parts.query or parts.fragment:
            self.malformed.append(f"{self.name(name)} must be an http(s) URL without user, query or fragment")
            return None
        return value.rstrip("/")

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            self.malformed.append(f"{self.name(name)} must be one of {', '.join(allowed)}")
            return default
        return value

    def file(self, name: str) -> Path | None:
        value = self.text(name)
        if value is None:
            return None
        if not Path(value).is_file():
            self.malformed.append(f"{self.name(name)} does not name a file")
        return Path(value)

    def secret(self, name: str, *, required: bool = False) -> SecretStr | None:
        """Return the secret from `NAME`, or from the file that `NAME_FILE` names (one trailing newline is dropped)."""
        direct, file = self._values.get(self.name(name)), self._values.get(self.name(name) + "_FILE")
        if direct and file:
            self.malformed.append(f"{self.name(name)} and {self.name(name)}_FILE are both set; keep one")
            return None
        if direct:
            return SecretStr(direct)
        if file:
            return self._secret_from(self.name(name) + "_FILE", Path(file))
        if required:
            self.missing.append(self.name(name))
        return None

    def _secret_from(self, name: str, path: Path) -> SecretStr | None:
        try:
            with path.open("rb") as opened:
                data = opened.read(SECRET_FILE_LIMIT_BYTES + 1)
            text = data.decode().removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text or len(text) > SECRET_FILE_LIMIT_BYTES:
            self.malformed.append(f"{name} does not name a readable, non-empty text file")
            return None
        return SecretStr(text)


def fleet_settings(environment: Environment) -> FleetSettings | None:
    """Read one fleet's settings; None if anything is missing or malformed (see the environment's two lists)."""
    env = environment
    endpoint = env.url("S3_ENDPOINT", required=True)
    access_key = env.secret("S3_ACCESS_KEY", required=True)
    secret_key = env.secret("S3_SECRET_KEY", required=True)
    bucket = env.required("S3_BUCKET")
    region = env.text("S3_REGION") or "us-east-1"
    addressing = env.choice("S3_ADDRESSING_STYLE", ("path", "virtual", "auto"), "path")
    s3_ca_file = env.file("S3_CA_FILE")
    database_url = env.secret("RESOURCES_DATABASE_URL")
    admin_api = None if database_url else _admin_api(env)
    if database_url and env.text("ADMIN_API_URL") is not None:
        env.malformed.append(
            f"{env.name('ADMIN_API_URL')} and {env.name('RESOURCES_DATABASE_URL')} are both set; rows go to exactly one"
        )
    cdn_base_url = env.url("CDN_PUBLIC_BASE_URL")
    recovery_key = env.secret("PUBLISH_RECOVERY_KEY")
    old_key = env.secret("PUBLISH_RECOVERY_KEY_OLD")
    default_escrow = "sql" if database_url else "s3" if recovery_key else "none"
    escrow = env.choice("PUBLISH_ESCROW", ("sql", "s3", "none"), default_escrow)
    if escrow == "s3" and not recovery_key:
        env.missing.append(f"{env.name('PUBLISH_RECOVERY_KEY')} (needed by PUBLISH_ESCROW=s3)")
    if escrow == "sql" and not database_url:
        env.malformed.append(f"{env.name('PUBLISH_ESCROW')}=sql needs {env.name('RESOURCES_DATABASE_URL')}")
    spool = env.text("PUBLISH_SPOOL_DIR")
    signing_key = env.secret("PUBLISH_SIGNING_KEY")
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
        recovery_key=recovery_key,
        recovery_keys_old=(old_key,) if old_key else (),
        escrow=cast("Literal['sql', 's3', 'none']", escrow),
        spool_folder=Path(spool) if spool else None,
        signing_key=signing_key,
    )


def _admin_api(env: Environment) -> AdminApiSettings | None:
    if env.text("ADMIN_API_URL") is None:
        env.missing.append(f"{env.name('ADMIN_API_URL')} (or {env.name('RESOURCES_DATABASE_URL')})")
    url = env.url("ADMIN_API_URL")
    token = env.secret("ADMIN_API_TOKEN", required=True)
    lookup = env.choice("ADMIN_API_LOOKUP", ("none", "list", "get-update"), "none")
    if lookup != "none":
        env.required("ADMIN_API_LOOKUP_PATH")
    if lookup == "get-update":
        env.required("ADMIN_API_GET_UPDATE_FIELD")
    ca_file = env.file("ADMIN_API_CA_FILE")
    if url is None or token is None:
        return None
    return AdminApiSettings(
        url=url,
        token=token,
        publish_path=env.text("ADMIN_API_PUBLISH_PATH") or "internal/resources/publish",
        lookup=cast("Literal['none', 'list', 'get-update']", lookup),
        lookup_path=env.text("ADMIN_API_LOOKUP_PATH"),
        get_update_field=env.text("ADMIN_API_GET_UPDATE_FIELD"),
        duplicate=env.text("ADMIN_API_DUPLICATE"),
        ca_file=ca_file,
    )


def settings_error(environments: Mapping[str, Environment]) -> SettingsError | None:
    """Return one error that names every missing and malformed setting of all destinations, or None."""
    missing = list(dict.fromkeys(name for env in environments.values() for name in env.missing))
    malformed = list(dict.fromkeys(text for env in environments.values() for text in env.malformed))
    if not missing and not malformed:
        return None
    parts = []
    if missing:
        parts.append("missing settings: " + ", ".join(missing))
    parts.extend(malformed)
    return SettingsError(
        "; ".join(parts),
        hint="set them in the environment (secrets also as NAME_FILE), or rehearse without any with --local",
    )
