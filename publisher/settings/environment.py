"""Reads settings from the environment, secrets masked from the moment they are read, every problem gathered.

Any secret may come from a file instead: `NAME_FILE=/run/secrets/x`. A destination with an `env_prefix` reads prefixed
names only, so that two destinations never mix. Values are never echoed, in errors neither.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from publisher.errors import SettingsError

Result = TypeVar("Result")

SECRET_FILE_LIMIT_BYTES = 64 * 1024


def is_plain_url(text: str) -> bool:
    """Say whether a text is an http(s) URL without user, query and fragment."""
    try:
        parts = urlsplit(text)
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_sound and not (parts.username or parts.password or parts.query or parts.fragment)


class Environment:
    """Reads names with a prefix and gathers everything that is wrong, so that one error can name it all."""

    def __init__(self, values: Mapping[str, str], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        self.missing: list[str] = []
        self.malformed: list[str] = []

    def name(self, name: str) -> str:
        return self._prefix + name

    @property
    def has_prefix(self) -> bool:
        return bool(self._prefix)

    def machine(self, name: str) -> str | None:
        """Return a variable of the machine, such as HOME, which no prefix changes."""
        return self._values.get(name) or None

    def text(self, name: str) -> str | None:
        return self._values.get(self.name(name)) or None

    def is_set(self, name: str) -> bool:
        """Say whether a setting is given at all, itself or by a file."""
        return bool(self._values.get(self.name(name)) or self._values.get(self.name(name) + "_FILE"))

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
        if not is_plain_url(value):
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

    def authorities(self, name: str) -> Path | None:
        """Return a file with certificates of authorities, in PEM."""
        path = self.file(name)
        if path is not None and path.is_file():
            try:
                ssl.create_default_context(cafile=path)
            except OSError:
                self.malformed.append(f"{self.name(name)} does not name a PEM file with certificates")
        return path

    def accept(self, parse: Callable[[], Result]) -> Result | None:
        """Return what `parse` makes of a value; its `SettingsError` is one more problem, with its hint."""
        try:
            return parse()
        except SettingsError as error:
            self.malformed.append(error.message + (f" ({error.hint})" if error.hint else ""))
            return None

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
