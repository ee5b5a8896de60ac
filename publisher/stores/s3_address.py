"""Where the requests to a bucket go: endpoint, addressing style, certificate authorities, proxy. From options only."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from publisher.errors import RejectedError, SettingsError
from publisher.http.address import tls_context
from publisher.http.wire import Proxy
from publisher.stores.s3_options import S3Options

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_HOST_LABELS = re.compile(r"(?=.{3,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a bucket. `path` is percent-encoded, without a slash at its end; empty for the root of a host."""

    host: str
    port: int
    path: str
    is_secure: bool


def address_of(options: S3Options) -> Address:
    """Return where a bucket is. `SettingsError` for an endpoint that is none, `RejectedError` for such a name."""
    try:
        parts = urlsplit(options.endpoint)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https") or not options.endpoint.isascii():
        raise SettingsError(
            "the endpoint of the object store is not a URL", hint="it looks like https://s3.example.com"
        )
    if not _BUCKET.fullmatch(options.bucket):
        raise RejectedError(f"the request is not valid for {options.location}", hint="check the bucket's name")
    is_secure = parts.scheme == "https"
    path = quote(parts.path.rstrip("/"), safe="/~%")
    if _is_virtual(options, host, is_secure=is_secure):
        host = f"{options.bucket}.{host}"
    else:
        path = f"{path}/{options.bucket}"
    return Address(host, port or (443 if is_secure else 80), path, is_secure)


def authorities_of(options: S3Options) -> ssl.SSLContext:
    """Return whose certificates are trusted. Raises `SettingsError` if the CA file cannot be used."""
    try:
        return tls_context(options.ca_file)
    except SettingsError:
        raise SettingsError(
            f"the certificate authority file {options.ca_file} cannot be used: no certificate can be read from it",
            hint="set S3_CA_FILE to a PEM file with the certificate authority's certificate",
        ) from None


def proxy_of(url: str) -> Proxy:
    """Return the proxy at an http URL. Raises `SettingsError` without the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme != "http":
        raise SettingsError("the proxy is not an http:// URL", hint="it looks like http://proxy.example.com:3128")
    if parts.username is None:
        return Proxy(host, port or 80)
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(host, port or 80, f"Basic {b64encode(user.encode()).decode()}")


def _is_virtual(options: S3Options, host: str, *, is_secure: bool) -> bool:
    """Tell whether the bucket becomes a part of the host's name, as boto3 decides it for an endpoint that is given.

    So `auto` is `path`, and a name that cannot be a part of a host, or that no certificate covers, stays in the path.
    """
    if options.addressing_style != "virtual":
        return False
    try:
        ip_address(host)
    except ValueError:
        shape = _HOST_LABEL if is_secure else _HOST_LABELS
        return shape.fullmatch(options.bucket) is not None
    return False
