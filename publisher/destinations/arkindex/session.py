"""Calls to a server on behalf of one artifact: repeated where that is safe, with a memory of what may have happened.

Every operation here may be repeated: a worker is created or found, a version is unique for its worker and revision, and
labels are set. So a repeated request can only find its own first one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from publisher.cancellation import Cancellation
from publisher.destinations.arkindex.answers import id_in
from publisher.destinations.arkindex.api import Api, Reply
from publisher.destinations.arkindex.openapi import Operations
from publisher.errors import OutcomeUnknownError, ProtocolError, TransportError
from publisher.http import NothingSentError, RedirectError
from publisher.retry import RetryNotice, RetryPolicy

POLICY = RetryPolicy(attempts=5, base_s=2.0, cap_s=16.0)
"""As often and as long as Arkindex's own client (five attempts; 3, 4, 8 and 16 s), but with jitter."""

MAX_PAGES = 200
_BUSY = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Created:
    """The server made what was asked for; `id` is its name there."""

    id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server made nothing now. `after_silence`: an earlier attempt of this call may have made it."""

    reply: Reply
    after_silence: bool


class TooManyPagesError(ProtocolError):
    """A list was longer than this program reads; what was read of it is sound."""


class Session:
    """One artifact's talk with a server."""

    def __init__(
        self,
        api: Api,
        *,
        retry: RetryPolicy = POLICY,
        cancellation: Cancellation,
        notice: RetryNotice,
        commit: Callable[[], None] = lambda: None,
    ) -> None:
        """`commit` is called before a version is made: from there on the work is waited for."""
        self._commit = commit
        self._api = api
        self._retry = retry
        self._cancellation = cancellation
        self._notice = notice
        self.attempts = 0
        """How often a version was asked to be made."""

    def operations(self) -> Operations:
        """Return what the server offers. Raises `PublisherError`."""
        return self._retry.call(self._api.operations, cancellation=self._cancellation, notice=self._notice)

    def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """Return a success. Raises what the server refused or did not answer."""
        reply, _ = self._send(name, path=path, query=query, body=body)
        if not reply.is_success:
            raise reply.refusal(name)
        return reply

    def create(self, name: str, *, path: Mapping[str, str] | None = None, body: object) -> Created | Refused:
        """Make a version. Raises `OutcomeUnknownError` if it may be there although no answer said so."""
        self._commit()
        reply, after_silence = self._send(name, path=path, body=body, is_create=True)
        return Created(id_in(reply.document)) if reply.is_success else Refused(reply, after_silence)

    def list(self, name: str, *, path: Mapping[str, str] | None = None) -> Iterator[Mapping[str, object]]:
        """Yield the objects of every page, in the server's order.

        Of a `next` address only the page or cursor is taken: it is never followed to another place. Raises like
        `call`, `ProtocolError` for another shape, and `TooManyPagesError` after `MAX_PAGES` pages.
        """
        query: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            page = self.call(name, path=path, query=query).document
            results = page.get("results") if isinstance(page, dict) else None
            if not isinstance(page, dict) or not isinstance(results, list):
                raise ProtocolError(f"the answer to {name} is not a page of results")
            yield from (item for item in results if isinstance(item, dict))
            if page.get("next") is None:
                return
            query = _query_of(page["next"], name)
        raise TooManyPagesError(f"{name} has more than {MAX_PAGES} pages")

    def _send(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        is_create: bool = False,
    ) -> tuple[Reply, bool]:
        """Return the answer, and whether an earlier attempt may have been carried out."""
        offered = self.operations()
        offered.require([name], "do this")
        after_silence = False

        def once() -> Reply:
            nonlocal after_silence
            if not after_silence:  # else one more attempt settles what would stay unknown
                self._cancellation.check()
            self.attempts += is_create
            try:
                reply = self._api.call(offered.by_name[name], path=path, query=query, body=body)
                if is_create and reply.is_success:
                    id_in(reply.document)
            except (NothingSentError, RedirectError):
                raise
            except TransportError:
                after_silence = True
                raise
            if reply.status in _BUSY:
                raise TransportError(f"the server asks to wait: {reply.text}", retry_after_s=reply.retry_after_s)
            return reply

        try:
            return self._retry.call(once, cancellation=self._cancellation, notice=self._notice), after_silence
        except TransportError as error:
            if not (is_create and after_silence):
                raise
            silence = error
        raise OutcomeUnknownError(
            f"the version may have been made, or not: {silence.message}",
            hint="run the same command again: it finds the version, or makes it",
        )


def _query_of(address: object, name: str) -> dict[str, str]:
    try:
        given = parse_qsl(urlsplit(address).query) if isinstance(address, str) else []
    except ValueError:
        given = []
    query = {key: value for key, value in given if key in ("page", "cursor")}
    if not query:
        raise ProtocolError(f"the answer to {name} names a next page without saying which")
    return query
