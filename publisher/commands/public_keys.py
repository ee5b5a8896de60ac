"""The public keys that `publish verify --public-key` trusts, read from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from publisher.errors import InputError
from publisher.statements.envelope import Verifier

LIMIT_BYTES = 64 * 1024


def read_public_keys(paths: Sequence[Path]) -> tuple[Verifier, ...]:
    """Return the keys in these files, one each. Raises `InputError` naming the first file that holds none."""
    if not paths:
        return ()
    from publisher.sealing.signing import PublicKey

    return tuple(PublicKey.parse(_text(path), name=str(path)) for path in paths)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT_BYTES).decode()
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", hint="--public-key names a file with one ed25519 public key"
        ) from error
