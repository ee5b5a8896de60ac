"""What lets a run read and write: fixed credentials, or tokens that are made when needed and revoked at the end.

A token is made for all folders that the run announced, is replaced before it ends or when it was refused after having
worked, and is revoked exactly once. Thread-safe: workers share the tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from publisher.cancellation import Cancellation
from publisher.destinations.webdav.tokens import Token, TokenService
from publisher.errors import PublisherError, TransportError
from publisher.http import Authorization
from publisher.retry import RetryPolicy

RENEW_BEFORE_S = 30.0
ENDING = RetryPolicy(attempts=3, base_s=0.25, cap_s=1.0)
"""How often a revocation is tried: CI systems kill a job some seconds after they asked it to stop."""

UNEXPLAINED_RENEWALS = 5
"""How often a token may be replaced that worked, was refused, and by the clock should still be good."""

GIVE_UP_S = 30.0
"""How long a token service that did not answer, after all attempts, is taken to be down."""


@dataclass(frozen=True, slots=True)
class Released:
    """What was given back: how many tokens were revoked, and what is known of those that could not be."""

    revoked: int = 0
    failures: tuple[PublisherError, ...] = ()


class Leased(Protocol):
    """What a run has been lent, and gives back."""

    def announce(self, folders: Iterable[str]) -> None:
        """Say which folders, relative to the repository's address, will be written to. Asks nobody."""

    def release(self) -> Released:
        """Give back everything that was lent since the last time. Never raises for what the world does."""


class Access(Leased, Protocol):
    def for_reading(self) -> Authorization | None:
        """Return what to read with; None to read as anyone may."""

    def for_writing(self, folder: str) -> Authorization:
        """Return what to write with below `folder`. Raises `CredentialsError`, `RejectedError`, `TransportError`."""

    def at_hand(self, folder: str) -> Authorization | None:
        """Return what there is to write with below `folder`, without asking anybody for more."""

    def worked(self, used: Authorization) -> None:
        """Take note that `used` was not refused."""

    def instead_of(self, refused: Authorization, folder: str) -> Authorization | None:
        """Return what else to try after a 401; None if there is nothing."""


class NothingLeased:
    """A folder on this machine asks for nothing."""

    def announce(self, folders: Iterable[str]) -> None:
        """Nothing to prepare."""

    def release(self) -> Released:
        return Released()


class FixedAccess:
    """One user and password for everything."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    def announce(self, folders: Iterable[str]) -> None:
        """Nothing to prepare: the user may write where the server says."""

    def for_reading(self) -> Authorization:
        return self._authorization

    def for_writing(self, folder: str) -> Authorization:
        return self._authorization

    def at_hand(self, folder: str) -> Authorization:
        return self._authorization

    def worked(self, used: Authorization) -> None:
        """Nothing to remember."""

    def instead_of(self, refused: Authorization, folder: str) -> None:
        """There is nothing else to try."""

    def release(self) -> Released:
        return Released()


@dataclass(slots=True)
class _Held:
    token: Token
    ends_at: float
    has_worked: bool = False


class TokenAccess:
    """Tokens of one service for one repository, whose URL path is `base_path` (decoded, `/` at its end).

    Reading needs no token: what is published may be downloaded by anyone.
    """

    def __init__(
        self,
        service: TokenService,
        *,
        base_path: str,
        monotonic: Callable[[], float],
        retry: RetryPolicy,
        cancellation: Cancellation,
    ) -> None:
        self._service = service
        self._base_path = base_path
        self._monotonic = monotonic
        self._retry = retry
        self._cancellation = cancellation
        self._lock = threading.Lock()
        self._announced: set[str] = set()
        self._held: list[_Held] = []
        self._unexplained = 0
        self._given_up: TransportError | None = None
        self._given_up_until = 0.0
        self._revoked = 0
        self._failures: list[PublisherError] = []

    def announce(self, folders: Iterable[str]) -> None:
        with self._lock:
            self._announced.update(self._scope_of(folder) for folder in folders)

    def for_reading(self) -> None:
        """Anyone may read."""

    def for_writing(self, folder: str) -> Authorization:
        with self._lock:
            held = self._covering(folder)
            if held is not None and held.ends_at - self._monotonic() > self._margin_s(held):
                return held.token.authorization
            return self._replace(held, folder)

    def at_hand(self, folder: str) -> Authorization | None:
        with self._lock:
            held = self._covering(folder)
            return held.token.authorization if held else None

    def worked(self, used: Authorization) -> None:
        with self._lock:
            for held in self._held:
                if held.token.authorization is used:
                    held.has_worked = True

    def instead_of(self, refused: Authorization, folder: str) -> Authorization | None:
        with self._lock:
            held = self._covering(folder)
            if held is None or held.token.authorization is not refused:
                # Another worker replaced it meanwhile, or gave it up.
                return held.token.authorization if held else None
            if self._monotonic() < held.ends_at:
                if not held.has_worked or self._unexplained >= UNEXPLAINED_RENEWALS:
                    return None
                self._unexplained += 1
            return self._replace(held, folder)

    def release(self) -> Released:
        with self._lock:
            while self._held:
                self._end(self._held[-1])
            released = Released(self._revoked, tuple(self._failures))
            self._revoked, self._failures = 0, []
            return released

    def _covering(self, folder: str) -> _Held | None:
        scope = self._scope_of(folder)
        return next((held for held in self._held if any(scope.startswith(top) for top in held.token.scope)), None)

    def _replace(self, old: _Held | None, folder: str) -> Authorization:
        """Make a token, after the old one was ended: a service may give a folder to one token at a time."""
        # Whoever is left behind when a run is stopped must not make what nobody would revoke.
        self._cancellation.check()
        covered = [top for held in self._held if held is not old for top in held.token.scope]
        wanted = {self._scope_of(folder), *self._announced, *(old.token.scope if old else ())}
        if old is not None:
            self._end(old)
        scope = _without_inner(top for top in wanted if not any(top.startswith(other) for other in covered))
        token = self._make(scope)
        lifetime_s = self._service.asked_ttl_s if token.lifetime_s is None else token.lifetime_s
        self._held.append(_Held(token, self._monotonic() + lifetime_s))
        return token.authorization

    def _make(self, scope: Sequence[str]) -> Token:
        """Ask for a token; after a failure others get the same one for a while, instead of waiting for it each."""
        if self._given_up is not None and self._monotonic() < self._given_up_until:
            raise self._given_up
        try:
            return self._retry.call(lambda: self._service.make(scope), cancellation=self._cancellation, notice=_quiet)
        except TransportError as error:
            self._given_up, self._given_up_until = error, self._monotonic() + GIVE_UP_S
            raise

    def _end(self, held: _Held) -> None:
        """Revoke a token; whatever comes of it, this was its one time."""
        self._held.remove(held)
        try:
            # Not to be cut short by the stop request that may be the reason for ending.
            ENDING.call(lambda: self._service.revoke(held.token), cancellation=Cancellation(), notice=_quiet)
        except PublisherError as error:
            self._failures.append(error)
        else:
            self._revoked += 1

    def _margin_s(self, held: _Held) -> float:
        lifetime_s = held.token.lifetime_s or self._service.asked_ttl_s
        return min(RENEW_BEFORE_S, lifetime_s / 10)

    def _scope_of(self, folder: str) -> str:
        return f"{self._base_path}{folder}/" if folder else self._base_path


def _without_inner(folders: Iterable[str]) -> Sequence[str]:
    """Drop folders that lie in another one of them; sorted, so that the same run asks for the same."""
    kept: list[str] = []
    for folder in sorted(set(folders)):
        if not kept or not folder.startswith(kept[-1]):
            kept.append(folder)
    return kept


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
