"""What came back from an HTTP server: a status, a bounded body, and how to read and quote them safely. No IO."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

from publisher.errors import (
    CredentialsError,
    NotFoundError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.secrecy import sanitise

MAX_RETRY_AFTER_S = 60.0


class NothingSentError(TransportError):
    """No connection was made, so the server cannot have seen the request."""


class RedirectError(ProtocolError):
    """The server pointed elsewhere. Nothing was sent there, and nothing is sent here again: it would point again."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what came with it. Header names are lower case; neither headers nor body are ever printed."""

    status: int
    content_type: str
    """Media type in lower case without parameters; empty if the server named none."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    problem: TransportError | None = None
    """Why `body` is not the whole body (too large, compressed, cut short); the status is still a fact."""

    def json(self) -> object:
        """Parse the body strictly: UTF-8, no duplicate names, no NaN. Raises what is wrong as `ProtocolError`."""
        if self.problem is not None:
            raise self.problem
        try:
            return json.loads(self.body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            pass
        raise ProtocolError(f"the answer ({self.status}, {self.content_type or 'no content type'}) is not strict JSON")

    def quote(self, *secrets: str) -> str:
        """Return `status content-type: text` for a message: at most 200 harmless characters of the answer."""
        start = f"{self.status} {sanitise(self.content_type, limit=60)}".rstrip()
        text = sanitise(self.body.decode(errors="replace"), secrets=secrets)
        return f"{start}: {text}" if text else start

    def retry_after_s(self, now: datetime | None = None) -> float | None:
        """Return what Retry-After asks for (RFC 9110 section 10.2.3), between 0 and 60 seconds; None if unreadable."""
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]+", value):
            return MAX_RETRY_AFTER_S if len(value) > 9 else min(float(value), MAX_RETRY_AFTER_S)
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max((at - (now or datetime.now(UTC))).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def error_of(answer: Answer, what: str, secrets: Iterable[str] = ()) -> PublisherError:
    """Return the error that a status other than success stands for, when something was only read."""
    quoted = f"{what}: {answer.quote(*secrets)}"
    match answer.status:
        case 401 | 403:
            return CredentialsError(quoted)
        case 404 | 410:
            return NotFoundError(quoted)
        case 408 | 425 | 429:
            return TransportError(quoted, retry_after_s=answer.retry_after_s())
        case status if status >= 500:
            return TransportError(quoted, retry_after_s=answer.retry_after_s())
        case status if status >= 400:
            return RejectedError(quoted, status=status)
    return ProtocolError(quoted)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
