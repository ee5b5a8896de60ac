"""The port to a destination: look, publish, verify. Each kind is one package.

Whoever plans is handed an `Observer`, which cannot write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from publisher.cancellation import Cancellation
from publisher.events import Listener
from publisher.model import ArtifactId, Digest, Identity, Observation, Outcome, ReadyArtifact, UnreadySource
from publisher.provenance import Provenance

if TYPE_CHECKING:
    from publisher.statements.checking import Checked
    from publisher.statements.envelope import Verifier

VerifyMode = Literal["head", "full"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Where a run comes from, for what it signs: its manifest (None for a manifest of one), commit and CI job."""

    manifest_sha256: str | None = None
    provenance: Provenance = field(default_factory=lambda: Provenance({}, {}))


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Host:
    """What a destination may use of the run around it: tell, be stopped, know the time and what runs. Nothing else."""

    emit: Listener
    cancellation: Cancellation
    monotonic: Callable[[], float]
    """Seconds; only differences mean anything."""
    sleep: Callable[[float], None]
    """Sleep for seconds, also after a stop was requested: for the short stretch that must be finished."""
    run: RunFacts = field(default_factory=RunFacts)
    commit: Callable[[], None] = _nothing
    """Called once before what must be finished once it was begun. Raises `Cancelled` if a stop came first.

    Until then the work is given up soon after a stop request, whatever it waits for; from then on it is waited for.
    """


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What the device's eye saw of one artifact. `content_compared` is False where only sizes and marks were.

    `is_opened` without it: the download was decrypted and unpacked, but there was no source to compare it with.
    `is_downloaded` alone: the download has the registered size and digest, but no key is known to open it.
    `statement` is there if the artifact is published and signatures were asked for.
    """

    observation: Observation
    content_compared: bool
    is_downloaded: bool = False
    is_opened: bool = False
    statement: Checked | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed a repair of one artifact to do, by naming it."""

    take_over: bool = False
    """Give up an orphan: replace an object that is not registered."""
    exclusive: bool = False
    """No other publisher is running, so neither the object's age nor If-Match has to prove it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched, after decryption and unpacking."""

    size_bytes: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `publish doctor`: what was looked at, what was found, whether it is as it should be."""

    label: str
    value: str
    level: Literal["ok", "warning", "failure"]
    hint: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a destination can take. `max_in_flight` artifacts are published at once; None is as many as the run does."""

    max_in_flight: int | None = None


CONCLUDE_S = 30.0
"""How long a destination may take to conclude, in seconds: a CI system that stopped the job kills it soon after."""


class Observer(Protocol):
    """The reading half of a destination."""

    @property
    def location(self) -> str:
        """Where artifacts go, for messages. No credentials."""

    def observe(self, items: Sequence[ReadyArtifact]) -> Mapping[ArtifactId, Observation]:
        """Answer for every item. A failed lookup is `State.UNKNOWN` with its failure, never an exception or absent."""


@runtime_checkable
class Cautious(Protocol):
    """A destination whose settings leave something open that a person should know before anything is published."""

    def caveats(self) -> Sequence[str]:
        """Return sentences, without asking anybody."""


@runtime_checkable
class LateReader(Protocol):
    """A destination that can publish a file of which only the size is known: it reads it once, while it sends it.

    Of such a file it tells whether nothing is there; every other answer about it means nothing.
    """

    @property
    def reads_late(self) -> bool: ...


class Destination(Observer, Protocol):
    @property
    def limits(self) -> Limits:
        """What the run must not exceed; asked once a run."""

    def publish(self, item: ReadyArtifact, host: Host) -> Outcome:
        """Publish one artifact, re-reading everything first. Returns an Outcome for every failure of the world."""

    def repair(self, item: ReadyArtifact | UnreadySource, consent: Consent, host: Host) -> Outcome:
        """Finish, restore or give up what a crash or a stranger left of one artifact; an act of a person.

        Without its source an artifact is repaired from what the destination keeps. Returns an Outcome as `publish`.
        """

    def verify(
        self, item: ReadyArtifact | UnreadySource, mode: VerifyMode, *, trusted: Sequence[Verifier] = ()
    ) -> VerifyResult:
        """Look at what is registered as a device would. Reads only. Without its source, row and object are compared.

        With `trusted` keys, also look for a statement of the artifact that one of them signed.
        """

    def fetch(self, identity: Identity, output: Path) -> Fetched:
        """Download one registered artifact as a device would, into `output`, whole or not at all.

        Raises `NotFoundError` if it is not registered, `DamagedObjectError` if it is not what was registered.
        """

    def conclude(self, outcomes: Mapping[ArtifactId, Outcome], host: Host) -> Sequence[str]:
        """Tidy up after a run: revoke a token, abort what no run can use any more. Say in sentences what was done.

        Called once, before `close`, after every artifact has ended, however the run ends: also by a failure or a stop.
        `outcomes` are those of this destination's artifacts, and empty if the run ended before any was looked at. A
        stop that was requested does not excuse from it; it ends within `CONCLUDE_S`. What cannot be tidied is a
        sentence, too; it raises for nothing that the world does.
        """

    def diagnose(self, *, create_tables: bool) -> Sequence[Finding]:
        """Say what works and what does not, for `publish doctor`. Writes probe objects only."""

    def close(self) -> None:
        """Release connections."""
