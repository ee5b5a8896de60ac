"""What a request proves itself with: a header that prints as stars, and every spelling that a message must not show."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from publisher.errors import SettingsError
from publisher.secrecy import Masked

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Authorization:
    """One way to be let in. `secrets` are the spellings of the secret, for `Answer.quote` only."""

    header: Masked
    secrets: tuple[Masked, ...]

    def spellings(self) -> list[str]:
        """Return the secret as text, for the filter of messages only."""
        return [secret.reveal() for secret in self.secrets]


def basic(user: str, password: str) -> Authorization:
    """Return basic authentication in UTF-8 (RFC 7617).

    Raises `SettingsError`, without the values, for what the scheme cannot carry: an empty text, a control character,
    or a user with a colon. Base64 hides nothing, so that form is a secret, too.
    """
    for what, text in (("user", user), ("password", password)):
        if not _PRINTABLE.fullmatch(text):
            raise SettingsError(
                f"the {what} is empty or has characters that a header cannot carry",
                hint="look for a line break at the end of the secret",
            )
    if ":" in user:
        raise SettingsError("the user has a colon, which basic authentication cannot carry")
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Authorization(Masked(f"Basic {encoded}"), (Masked(encoded), Masked(password)))


def bearer(token: str) -> Authorization:
    """Return a bearer token (RFC 6750). Raises `SettingsError`, without the value, for one that is no token."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise SettingsError("the token is empty or has characters that a bearer token cannot have")
    return Authorization(Masked(f"Bearer {token}"), (Masked(token),))
