"""How to reach an admin API: values only, so that settings can be checked without loading an HTTP library."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from publisher.errors import SettingsError

LookupMode = Literal["none", "list", "get-update"]

DEFAULT_PUBLISH_PATH = "internal/resources/publish"
_SEARCHED_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """By which status, and optionally which text in the body, an API says that the row exists.

    The status alone is enough only for an API that uses it for nothing else; the known one answers 409 to every
    business error.
    """

    status: int
    pattern: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str, *, setting: str = "ADMIN_API_DUPLICATE") -> DuplicateRule:
        """Read `status` or `status:regular expression`. Raises `SettingsError`, which does not repeat the text."""
        status, colon, pattern = text.strip().partition(":")
        if re.fullmatch(r"[2-5][0-9]{2}", status) and (not colon or pattern):
            try:
                return cls(int(status), re.compile(pattern, re.IGNORECASE) if pattern else None)
            except re.error:
                pass
        raise SettingsError(
            f"{setting} is not an HTTP status or status:regular-expression", hint="for example 409:already exists"
        )

    def matches(self, status: int, body: str) -> bool:
        """Say whether this answer means "the row exists"."""
        if status != self.status:
            return False
        return self.pattern is None or self.pattern.search(body[:_SEARCHED_CHARACTERS]) is not None


@dataclass(frozen=True, slots=True)
class AdminApiOptions:
    """Where the admin API is and how it behaves. Times are in seconds."""

    url: str
    token: str = field(repr=False)
    publish_path: str = DEFAULT_PUBLISH_PATH
    lookup: LookupMode = "none"
    lookup_path: str | None = None
    """Needed by the lookups `list` and `get-update`."""
    get_update_field: str | None = None
    """JSON name of the list in a get-update request. No document tells it, so it is a setting."""
    duplicate: DuplicateRule | None = None
    ca_file: Path | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 90.0
    prefix: str = ""
    """What the names of this destination's settings begin with, for messages."""
    list_limit_bytes: int = 64 << 20
    """The largest answer that is read as a list of rows: about 150,000 of them."""

    def setting(self, name: str) -> str:
        """Return the full name of a setting, for messages."""
        return self.prefix + name

    def checked_lookup_path(self) -> str:
        """Return the lookup path. Raises `SettingsError` if the chosen lookup lacks a setting."""
        if self.lookup == "get-update" and not self.get_update_field:
            raise SettingsError(f"{self.setting('ADMIN_API_GET_UPDATE_FIELD')} is not set, and get-update needs it")
        if self.lookup != "none" and not self.lookup_path:
            raise SettingsError(f"{self.setting('ADMIN_API_LOOKUP_PATH')} is not set, and {self.lookup} needs it")
        return self.lookup_path or ""
