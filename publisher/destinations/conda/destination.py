"""The destination of kind `conda`: observe, publish, verify and fetch packages of one channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from publisher.atomic_file import written_whole
from publisher.cancellation import Cancellation
from publisher.destinations.asking import ask_each, unknown
from publisher.destinations.conda.doctor import diagnose
from publisher.destinations.conda.door import conda_identity, identity_of
from publisher.destinations.conda.looking import Looker
from publisher.destinations.conda.publishing import CondaPorts, Publishing
from publisher.destinations.conda.serving import download_checked
from publisher.destinations.conda.verifying import observation_of, verify, verify_uncompared
from publisher.destinations.explaining import explained
from publisher.destinations.port import Consent, Fetched, Finding, Host, Limits, VerifyMode, VerifyResult
from publisher.errors import InputError, NotFoundError, PublisherError
from publisher.model import (
    ArtifactId,
    CondaIdentity,
    Identity,
    Observation,
    Outcome,
    ReadyArtifact,
    UnreadySource,
)
from publisher.statements.envelope import Verifier


class CondaDestination:
    """One channel and the handler that writes to it. The handler is a single thread: one upload at a time."""

    def __init__(self, ports: CondaPorts, *, close: Callable[[], None], cancellation: Cancellation) -> None:
        self._ports = ports
        self._close = close
        self._cancellation = cancellation
        self._looker = Looker(ports.channel, ports.retry, cancellation)

    @property
    def location(self) -> str:
        return self._ports.channel.location

    @property
    def limits(self) -> Limits:
        return Limits(max_in_flight=1)

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        """Read the index of each subdir once; ask for the files that it does not list, several at a time."""
        listings = self._looker.listings(items)

        def look(item: ReadyArtifact) -> Observation:
            self._require_subdir(identity_of(item))
            listing = listings[identity_of(item).subdir]
            if isinstance(listing, PublisherError):
                raise listing
            return observation_of(self._ports.channel, item, self._looker.look(item, listing))

        return ask_each(items, look, cancellation=self._cancellation)

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        return Publishing(self._ports, item, host).run()

    def repair(self, item: ReadyArtifact | UnreadySource, consent: Consent, host: Host) -> Outcome:
        """Explain what is there: over this wire nothing can be deleted, replaced or indexed again."""
        return explained(self.verify(item, "full").observation)

    def verify(
        self, item: ReadyArtifact | UnreadySource, mode: VerifyMode, *, trusted: Sequence[Verifier] = ()
    ) -> VerifyResult:
        """Look at the index (`head`), or download what it lists and compare, as conda does (`full`).

        Packages have no signed statements, so that `trusted` finds none.
        """
        channel, looker = self._ports.channel, self._looker
        try:
            if isinstance(item, UnreadySource):
                return verify_uncompared(channel, looker, item, mode)
            return verify(channel, looker, item, mode)
        except PublisherError as error:
            return VerifyResult(unknown(error), content_compared=False)

    def fetch(self, identity: Identity, output: Path) -> Fetched:
        package = conda_identity(identity)
        entry = self._looker.listing(package).entries.get(package.filename)
        if entry is None:
            raise NotFoundError(f"{package.path} is not in the channel", hint="look at `publish plan` of its manifest")
        with written_whole(output) as file:
            return download_checked(self._ports.channel, package, entry, file.write, check=self._looker.check)

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], host: Host) -> Sequence[str]:
        return ()

    def diagnose(self, *, create_tables: bool) -> Sequence[Finding]:
        return list(diagnose(self._ports.channel, self._ports.handler))

    def close(self) -> None:
        self._close()

    def _require_subdir(self, identity: CondaIdentity) -> None:
        only = self._ports.handler.only_subdir
        if only is not None and identity.subdir != only:
            raise InputError(
                f"this server writes to {only} only, and the package is for {identity.subdir}",
                hint="CONDA_UPLOAD_SUBDIR says so; give the other subdir a destination of its own, with an env_prefix",
            )
