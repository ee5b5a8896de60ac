"""What may be talked to and with which header, checked before anything secret is sent. Reads only the CA file."""

from __future__ import annotations

import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import certifi

from publisher.errors import SettingsError
from publisher.secrecy import Masked

_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def safe_url(base_url: str, setting: str, *, is_public: bool = False) -> SplitResult:
    """Return the parsed URL. Raises `SettingsError`, which names `setting` and not its value.

    Plain http beyond this machine is refused, unless what is asked for `is_public` and nothing secret is sent.
    """
    try:
        url = urlsplit(base_url)
        host, _ = url.hostname, url.port
        base_url.encode("ascii")
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or re.search(r"[\s\\]", base_url):
        raise SettingsError(f"{setting} is not a URL", hint="it looks like https://api.example.com")
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise SettingsError(
            f"{setting} holds more than an address", hint="leave out user, password, query and fragment"
        )
    if url.scheme == "http" and not is_public and not is_loopback(host):
        raise SettingsError(f"{setting} must begin with https://", hint="plain http is for this machine only")
    return url


def is_loopback(host: str) -> bool:
    """Say whether `host` names this machine: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def header_value(name: str, value: str | Masked) -> str:
    """Return the text to send. Raises `SettingsError` without the value, unlike the library, whose error shows it."""
    text = value.reveal() if isinstance(value, Masked) else value
    if not _PRINTABLE.fullmatch(text):
        raise SettingsError(
            f"the value for the header {name} is empty or has characters that a header cannot carry",
            hint="look for a line break at the end of the secret",
        )
    return text


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that checks certificates and host names against `ca_file`, or the usual public authorities."""
    # Not create_default_context(): that one honours SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(ca_file or certifi.where())
    except OSError:
        pass
    else:
        return context
    raise SettingsError("the CA file cannot be read as PEM certificates", hint="check its path and content")
