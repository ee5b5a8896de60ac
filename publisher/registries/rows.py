"""From loose values, as a registry hands them out, to a `Row`. Values are checked and never repeated in errors."""

from __future__ import annotations

import re

from publisher.errors import ProtocolError
from publisher.model import DataKey, Digest, FleetIdentity
from publisher.registries.port import Row

_HEX_32_BYTES = re.compile(r"[0-9A-Fa-f]{64}")


def row_of(
    identity: FleetIdentity, *, cdn_url: object, sha256: object, size_bytes: object, encryption_key: object
) -> Row:
    """Build the row of `identity`; `encryption_key` may be None. Raises `ProtocolError` naming the field that is wrong.

    Hexadecimal digits may have either case: the contract of the row does not say.
    """
    if not isinstance(cdn_url, str) or not cdn_url:
        raise _malformed(identity, "cdn_url", "a text")
    if not isinstance(sha256, str) or not _HEX_32_BYTES.fullmatch(sha256):
        raise _malformed(identity, "sha256", "64 hexadecimal digits")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise _malformed(identity, "size_bytes", "a whole number")
    key = None
    if encryption_key is not None:
        if not isinstance(encryption_key, str) or not _HEX_32_BYTES.fullmatch(encryption_key):
            raise _malformed(identity, "encryption_key", "64 hexadecimal digits")
        key = DataKey(bytes.fromhex(encryption_key))
    return Row(identity, cdn_url, Digest(sha256.lower()), size_bytes, key)


def same_row(one: Row, other: Row) -> bool:
    """Say whether two rows hold the same values. A key that only one of them shows is no difference."""
    if (one.cdn_url, one.sha256, one.size_bytes) != (other.cdn_url, other.sha256, other.size_bytes):
        return False
    if one.encryption_key is None or other.encryption_key is None:
        return True
    return one.encryption_key.reveal() == other.encryption_key.reveal()


def two_rows(identity: FleetIdentity) -> ProtocolError:
    """Return the error for an identity that has two rows with different values."""
    return ProtocolError(
        f"the registry has two different rows of {identity.path}",
        hint="a person must remove one; the table needs a unique index on the four names",
    )


def _malformed(identity: FleetIdentity, name: str, wanted: str) -> ProtocolError:
    return ProtocolError(f"the registry's row of {identity.path} has a {name} that is not {wanted}")
