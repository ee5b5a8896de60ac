"""The Arkindex destination: observe, publish and verify worker versions.

A version is made in one request, and the server keeps one for each worker and revision; so nothing is ever half there,
there is nothing to repair, and a version that is there is never changed but for its branch and tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from publisher.cancellation import Cancellation
from publisher.destinations.arkindex.api import Api
from publisher.destinations.arkindex.doctor import diagnose
from publisher.destinations.arkindex.lookup import Lookup, NoVersion
from publisher.destinations.arkindex.modes import Settled, mode_for, publish_version
from publisher.destinations.arkindex.observing import UNSEEN, observation_of
from publisher.destinations.arkindex.reading import form_of, read_worker, wanted_of
from publisher.destinations.arkindex.session import POLICY, Session
from publisher.destinations.arkindex.values import Mode
from publisher.destinations.asking import ask_each, unknown
from publisher.destinations.explaining import explained
from publisher.destinations.port import Consent, Fetched, Finding, Host, Limits, VerifyMode, VerifyResult
from publisher.errors import Cancelled, DestinationError, PublisherError
from publisher.events import Retrying, Step, StepStarted
from publisher.exit_codes import ExitCode
from publisher.model import (
    Artifact,
    ArtifactId,
    Certainty,
    Failure,
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
from publisher.reasons import Reason
from publisher.retry import RetryNotice, RetryPolicy
from publisher.statements.envelope import Verifier


class ArkindexDestination:
    """One server. `mode` is the chosen one, or None to go by the file's form and what the server offers.

    `account` says whose token is used, for `publish doctor`; never the token.
    """

    def __init__(
        self,
        api: Api,
        *,
        mode: Mode | None,
        account: str,
        cancellation: Cancellation,
        retry: RetryPolicy = POLICY,
    ) -> None:
        self._api = api
        self._mode = mode
        self._account = account
        self._cancellation = cancellation
        self._retry = retry

    @property
    def location(self) -> str:
        return self._api.location

    @property
    def limits(self) -> Limits:
        return Limits()

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        """Look for every version; each list of the server is asked for once."""
        lookup = Lookup()
        return ask_each(items, lambda item: self._look(item.artifact, lookup)[0], cancellation=self._cancellation)

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        started, artifact = host.monotonic(), item.artifact
        seconds: dict[str, float] = {}

        def retrying(attempt: int, wait_s: float, why: str) -> None:
            host.emit(Retrying(artifact.id, attempt, wait_s, why))

        session = self._session(retrying, host)
        try:
            host.emit(StepStarted(artifact.id, Step.PREPARE))
            worker, description = read_worker(item)
            mode = mode_for(form_of(artifact), self._mode, session.operations())
            prepared = host.monotonic()
            seconds["prepare"] = prepared - started
            host.emit(StepStarted(artifact.id, Step.REGISTER))
            settled = publish_version(session, mode, wanted_of(artifact), worker, description)
            outcome = _outcome(settled)
            seconds["register"] = host.monotonic() - prepared
        except PublisherError as error:
            outcome = Outcome(_status_of(error), error.code, failure=failure_from(error))
        return Outcome(
            status=outcome.status,
            reason=outcome.reason,
            object=outcome.object,
            failure=outcome.failure,
            attempts=session.attempts,
            seconds={**seconds, "total": host.monotonic() - started},
            notes=outcome.notes,
        )

    def repair(self, item: ReadyArtifact | UnreadySource, consent: Consent, host: Host) -> Outcome:
        """Explain what is there: a version has no second half that could be missing."""
        return explained(self._observed(item.artifact))

    def verify(
        self, item: ReadyArtifact | UnreadySource, mode: VerifyMode, *, trusted: Sequence[Verifier] = ()
    ) -> VerifyResult:
        """Look whether the version is there, with this image's name and these labels. Its image is never opened."""
        return VerifyResult(self._observed(item.artifact), content_compared=False)

    def fetch(self, identity: Identity, output: Path) -> Fetched:
        raise DestinationError("a worker version has no bytes to fetch", hint="pull its image from the registry")

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], host: Host) -> Sequence[str]:
        return ()

    def diagnose(self, *, create_tables: bool) -> Sequence[Finding]:
        session = self._session(_quiet)
        return list(diagnose(session, self.location, mode=self._mode, account=self._account))

    def close(self) -> None:
        self._api.close()

    def _session(self, notice: RetryNotice, host: Host | None = None) -> Session:
        if host is None:
            return Session(self._api, retry=self._retry, cancellation=self._cancellation, notice=notice)
        return Session(self._api, retry=self._retry, cancellation=host.cancellation, notice=notice, commit=host.commit)

    def _look(self, artifact: Artifact, lookup: Lookup) -> tuple[Observation, bool]:
        """Return what the server holds, and whether it could be asked. Raises what it refuses or does not answer."""
        session, wanted = self._session(_quiet), wanted_of(artifact)
        offered = session.operations()
        mode_for(form_of(artifact), self._mode, offered)
        found = lookup.find(session, wanted)
        observation = observation_of(found, wanted, can_relabel="PartialUpdateWorkerVersion" in offered)
        return observation, found is not NoVersion.UNSEEN

    def _observed(self, artifact: Artifact) -> Observation:
        """Return what the server holds; `unknown` also where it cannot be asked, since nothing is written."""
        try:
            observation, is_told = self._look(artifact, Lookup())
        except PublisherError as error:
            return unknown(error)
        if is_told:
            return observation
        failure = Failure("not_told", UNSEEN, "look at the worker's page on the server", False, int(ExitCode.FAILED))
        return Observation(State.UNKNOWN, Certainty.UNKNOWN, UNSEEN, failure=failure)


def _outcome(settled: Settled) -> Outcome:
    facts = ObjectFacts(version_id=settled.version_id) if settled.version_id else None
    if settled.is_conflict:
        there = settled.version.image if settled.version else None
        failure = Failure(
            Reason.CONTENT_CONFLICT,
            f"this revision is registered with another image, {there}",
            "a worker has one version for each commit: publish another image from a new commit",
            False,
            int(ExitCode.NEEDS_A_PERSON),
        )
        return Outcome(Status.BLOCKED, Reason.CONTENT_CONFLICT, object=facts, failure=failure, notes=settled.notes)
    if settled.is_new:
        return Outcome(Status.PUBLISHED, Reason.NOT_REGISTERED, object=facts, notes=settled.notes)
    if settled.labels:
        told = " and ".join(f"{name} {text}" for name, text in settled.labels.items())
        notes = (*settled.notes, f"the version that was there is now {told}")
        return Outcome(Status.ADOPTED, Reason.LABELS_OUTDATED, object=facts, notes=notes)
    return Outcome(Status.SKIPPED, Reason.ALREADY_REGISTERED, object=facts, notes=settled.notes)


def _status_of(error: PublisherError) -> Status:
    if isinstance(error, Cancelled):
        return Status.CANCELLED
    return Status.BLOCKED if error.exit_code == ExitCode.NEEDS_A_PERSON else Status.FAILED


def _quiet(_attempt: int, _wait_s: float, _why: str) -> None:
    pass
