"""What an S3 store needs to know, as one value. Imports no vendor library, so that reading settings stays fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

AddressingStyle = Literal["path", "virtual", "auto"]


@dataclass(frozen=True, slots=True)
class S3Options:
    """Everything about one bucket; nothing is looked up anywhere else.

    `ca_file` replaces the built-in certificate authorities, `proxy` is an http URL or None for a direct connection.
    Timeouts are seconds without progress, but for `answer_timeout_s`: that bounds the whole answer, however slowly it
    drips, once the body was sent (completing a large upload takes a store minutes). `read_attempts` counts the first
    try of a request that changes nothing.
    """

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    bucket: str
    region: str = "us-east-1"
    ca_file: Path | None = None
    addressing_style: AddressingStyle = "path"
    max_connections: int = 96
    proxy: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    answer_timeout_s: float = 300.0
    read_attempts: int = 4

    @property
    def location(self) -> str:
        """Return endpoint and bucket for messages, without user information, query or trailing slash."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/{self.bucket}"
