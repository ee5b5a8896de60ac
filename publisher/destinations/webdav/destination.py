"""The WebDAV destination: observe, publish and verify files of an artifact repository, and give its tokens back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from publisher.cancellation import Cancellation
from publisher.destinations.asking import ask_each, unknown
from publisher.destinations.explaining import explained
from publisher.destinations.port import Consent, Fetched, Finding, Host, Limits, VerifyMode, VerifyResult
from publisher.destinations.webdav.access import Leased
from publisher.destinations.webdav.driver import Driver
from publisher.destinations.webdav.fetching import fetch_file
from publisher.destinations.webdav.paths import folder_of
from publisher.destinations.webdav.ports import Repository
from publisher.destinations.webdav.reader import Reader
from publisher.destinations.webdav.recipe import Ending, Looked, look, publish
from publisher.destinations.webdav.wanted import Wanted, places_of, wanted_of
from publisher.errors import Cancelled, PublisherError
from publisher.exit_codes import ExitCode
from publisher.model import (
    ArtifactId,
    Certainty,
    Digest,
    Failure,
    FileSetSource,
    Identity,
    ObjectFacts,
    Observation,
    Outcome,
    ReadyArtifact,
    State,
    Status,
    UnreadySource,
    failure_from,
)
from publisher.retry import RetryPolicy
from publisher.statements.envelope import Verifier

OCCUPIED_HINT = "nothing is overwritten: publish to another path, or remove the file at the server by hand"


class WebdavDestination:
    """One repository and what lets a run write to it."""

    def __init__(
        self,
        repository: Repository,
        access: Leased,
        *,
        diagnose: Callable[[], Iterable[Finding]],
        close: Callable[[], None],
        retry: RetryPolicy,
        verify: VerifyMode = "head",
        cancellation: Cancellation | None = None,
    ) -> None:
        self._repository = repository
        self._access = access
        self._diagnose = diagnose
        self._close = close
        self._retry = retry
        self._verify: VerifyMode = verify
        self._cancellation = cancellation or Cancellation()
        self._listed: dict[tuple[ArtifactId, Digest], Wanted] = {}
        self._lock = threading.Lock()
        self._has_concluded = False

    @property
    def location(self) -> str:
        return self._repository.location

    @property
    def limits(self) -> Limits:
        return Limits()

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        """Compare lengths, and where they agree the bytes: nginx keeps no digest that could be asked for."""

        def observe_one(item: ReadyArtifact) -> Observation:
            wanted = self._wanted(item)
            looked = self._reader().run(look(wanted.files))
            self._access.announce(folder_of(file.path) for file in looked.missing)
            return self._observation(item, looked)

        return ask_each(items, observe_one, cancellation=self._cancellation)

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        started = host.monotonic()
        try:
            wanted = self._wanted(item)
        except PublisherError as error:
            return _failed(error, {"total": host.monotonic() - started})
        driver = Driver(
            self._repository,
            wanted.sources,
            item.artifact.id,
            host,
            total_bytes=item.source.size_bytes,
            retry=self._retry,
        )
        try:
            outcome = self._outcome(item, driver.run(publish(wanted.files, verify=self._verify)))
        except PublisherError as error:
            outcome = _failed(error, {})
            if driver.placed:
                outcome = replace(outcome, notes=(f"in its place, and not compared yet: {', '.join(driver.placed)}",))
        finally:
            driver.close()
        return replace(
            outcome,
            notes=(*outcome.notes, *(f"left behind: {part}" for part in driver.left)),
            attempts=driver.attempts,
            uploaded_bytes=driver.uploaded_bytes,
            seconds={**driver.seconds, "total": host.monotonic() - started},
        )

    def repair(self, item: ReadyArtifact | UnreadySource, consent: Consent, host: Host) -> Outcome:
        """Explain what is there. Only a person at the server can say which of two files is the right one."""
        return explained(self.verify(item, "full").observation)

    def verify(
        self, item: ReadyArtifact | UnreadySource, mode: VerifyMode, *, trusted: Sequence[Verifier] = ()
    ) -> VerifyResult:
        """Compare lengths (`head`) or bytes (`full`). Nothing is signed here: there are no statements to look for."""
        try:
            if isinstance(item, UnreadySource):
                return VerifyResult(self._uncompared(item), content_compared=False)
            looked = self._reader().run(look(self._wanted(item).files, is_complete=mode == "full"))
        except PublisherError as error:
            return VerifyResult(unknown(error), content_compared=False)
        return VerifyResult(self._observation(item, looked), content_compared=mode == "full")

    def fetch(self, identity: Identity, output: Path) -> Fetched:
        return fetch_file(self._repository, identity.path, output, check=self._cancellation.check)

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], host: Host) -> Sequence[str]:
        """Revoke the tokens of this run, and say so."""
        self._has_concluded = True
        released = self._access.release()
        told = []
        if released.revoked:
            many = f"{released.revoked} upload tokens were revoked"
            told.append("the upload token was revoked" if released.revoked == 1 else many)
        told += [
            f"an upload token could not be revoked, and works until it ends by itself: {error.message}"
            for error in released.failures
        ]
        return told

    def diagnose(self, *, create_tables: bool) -> Sequence[Finding]:
        return list(self._diagnose())

    def close(self) -> None:
        """Release the connections, and before what was lent where nobody asked to conclude (a caller's exception)."""
        if not self._has_concluded:
            self._access.release()
        self._repository.close()
        self._close()

    def _wanted(self, item: ReadyArtifact) -> Wanted:
        """Return the files of an artifact; a set's are read once in a run: an upload checks their bytes anyway."""
        key = (item.artifact.id, item.source.sha256)
        with self._lock:
            known = self._listed.get(key)
        if known is None:
            known = wanted_of(item, self._cancellation.check)
            with self._lock:
                self._listed[key] = known
        return known

    def _reader(self) -> Reader:
        return Reader(self._repository, cancellation=self._cancellation, retry=self._retry, notice=_quiet)

    def _observation(self, item: ReadyArtifact, looked: Looked) -> Observation:
        is_there = looked.state in {State.PUBLISHED, State.UNFINISHED}
        return Observation(
            looked.state, looked.certainty, looked.detail, object=self._facts(item) if is_there else None
        )

    def _uncompared(self, item: UnreadySource) -> Observation:
        """Say whether an artifact is there although its source cannot be read."""
        places = places_of(item.artifact)
        missing = [path for path in places if self._repository.look(path) is None]
        detail = f"source not compared: {item.failure.message}"
        if len(missing) == len(places):
            return Observation(State.MISSING, Certainty.VERIFIED, f"nothing is there; {detail}")
        if missing:
            return Observation(State.UNFINISHED, Certainty.VERIFIED, f"missing: {', '.join(missing)}; {detail}")
        return Observation(State.PUBLISHED, Certainty.ASSUMED, f"it is there; {detail}")

    def _outcome(self, item: ReadyArtifact, ending: Ending) -> Outcome:
        failure = None
        if ending.status is Status.BLOCKED:
            code = int(ExitCode.NEEDS_A_PERSON)
            failure = Failure(ending.reason, ending.detail, OCCUPIED_HINT, retryable=False, exit_code=code)
        return Outcome(
            ending.status,
            ending.reason,
            verification=ending.verification,
            object=self._facts(item) if failure is None else None,
            failure=failure,
            notes=ending.notes,
        )

    def _facts(self, item: ReadyArtifact) -> ObjectFacts:
        url = self._repository.url(item.artifact.identity.path)
        if isinstance(item.artifact.source, FileSetSource):
            return ObjectFacts(url=f"{url}/", size_bytes=item.source.size_bytes)
        return ObjectFacts(url=url, size_bytes=item.source.size_bytes, sha256=item.source.sha256.hex)


def _failed(error: PublisherError, seconds: Mapping[str, float]) -> Outcome:
    if isinstance(error, Cancelled):
        status = Status.CANCELLED
    else:
        status = Status.BLOCKED if error.exit_code == ExitCode.NEEDS_A_PERSON else Status.FAILED
    return Outcome(status, error.code, failure=failure_from(error), seconds=seconds)


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
