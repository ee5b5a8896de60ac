"""What every destination keeps, whatever its kind: three answers, one writer, no half of anything, no secret told.

A new kind adds its rigs (`tests/support/rigs/rig.py` says what a rig is): the real thing to both tables below, the
stand-in of `--local` to `STAND_INS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.port import Consent, Destination, Host
from publisher.events import Event, Serialized
from publisher.manifest import load_manifest
from publisher.model import Certainty, Observation, Outcome, ReadyArtifact, State, Status, UnreadySource
from publisher.sources.reading import read_sources
from publisher.stores.probe import Capabilities
from publisher.wiring import compose
from tests.support.chaos.fixtures import forks
from tests.support.chaos.forks import Forks
from tests.support.command import bare_environment
from tests.support.rigs import arkindex, conda, fleet, webdav
from tests.support.rigs.rig import RemoteRig, Rig, When
from tests.support.s3_servers import S3Server

__all__ = ["forks"]

STAND_INS: Mapping[str, Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Rig]]] = {
    "fleet-local": lambda _request, folder: fleet.local_fleet(folder),
    "conda-local": lambda _request, folder: conda.local_conda(folder),
    "webdav-local": lambda _request, folder: webdav.local_repository(folder),
    "arkindex-local": lambda _request, folder: arkindex.local_workers(folder),
}
REAL: Mapping[str, Callable[[pytest.FixtureRequest, Path], AbstractContextManager[RemoteRig]]] = {
    "fleet": lambda request, folder: fleet.admin_fleet(folder, *_fleet_servers(request)),
    "conda-first": lambda request, folder: conda.remote_conda(folder, request.getfixturevalue("forks"), 1),
    "conda-second": lambda request, folder: conda.remote_conda(folder, request.getfixturevalue("forks"), 2),
    "webdav-tokens": lambda request, folder: webdav.by_token(folder, request.getfixturevalue("forks")),
    "webdav-users": lambda request, folder: webdav.by_user(folder, request.getfixturevalue("forks")),
    "webdav-wsgidav": lambda request, folder: webdav.by_wsgidav(
        folder, request.getfixturevalue("forks"), request.getfixturevalue("wsgidav_server")
    ),
    "arkindex-docker": lambda request, folder: _workers(request, folder, "docker-version"),
    "arkindex-worker": lambda request, folder: _workers(request, folder, "worker+version"),
    "arkindex-import": lambda request, folder: _workers(request, folder, "import"),
}

GOOD = {Status.PUBLISHED, Status.ADOPTED, Status.SKIPPED}


def _fleet_servers(request: pytest.FixtureRequest) -> tuple[Forks, S3Server, Capabilities]:
    return tuple(request.getfixturevalue(name) for name in ("forks", "seaweedfs", "capabilities"))


def _workers(request: pytest.FixtureRequest, folder: Path, mode: str) -> AbstractContextManager[RemoteRig]:
    return arkindex.served_workers(folder, request.getfixturevalue("forks"), mode)


class Impatient(Cancellation):
    """Waits for nothing between two attempts, so that what is tried again is tried again at once."""

    def wait(self, seconds: float) -> None:
        """Go on."""


@dataclass
class Publisher:
    """One run of the program against a rig, in this process: what it may use of the world, and what it was told."""

    rig: Rig
    destination: Destination
    cancellation: Cancellation
    events: list[Event] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return Host(Serialized(self.events.append), self.cancellation, lambda: 0.0, lambda _seconds: None)

    def item(self) -> ReadyArtifact:
        """Read the manifest and its one source."""
        manifest = load_manifest(self.rig.manifest, variables={}, environment={}, facts=lambda _name: None)
        ready, unready = read_sources(manifest.artifacts, jobs=1, cancellation=Cancellation(), emit=self.events.append)
        assert not unready
        (only,) = ready
        return only

    def observe(self) -> Observation:
        item = self.item()
        return self.destination.observe([item])[item.artifact.id]

    def publish(self, item: ReadyArtifact | None = None) -> Outcome:
        return self.destination.publish(item or self.item(), self.host)


@contextmanager
def publisher(rig: Rig, cancellation: Cancellation | None = None) -> Iterator[Publisher]:
    """Connect to the rig's destination as the command does, from settings or to the stand-in."""
    token = cancellation or Impatient()
    environment = bare_environment(rig.folder, rig.environment)
    world = compose(
        environment, local=rig.local, writes=True, verify="head", emit=lambda _event: None, cancellation=token
    )
    manifest = load_manifest(rig.manifest, variables={}, environment={}, facts=lambda _name: None)
    with world.connect(list(manifest.destinations.values())) as destinations:
        yield Publisher(rig, next(iter(destinations.values())), token)


@pytest.fixture(params=[*STAND_INS, *REAL])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Each destination in turn, empty, with the first variant of its artifact."""
    with ExitStack() as stack:
        opened: Rig
        if request.param in STAND_INS:
            opened = stack.enter_context(STAND_INS[request.param](request, tmp_path))
        else:
            opened = stack.enter_context(REAL[request.param](request, tmp_path))
        opened.make("first")
        yield opened


@pytest.fixture(params=REAL)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RemoteRig]:
    """Each destination behind a network in turn."""
    with REAL[request.param](request, tmp_path) as opened:
        opened.make("first")
        yield opened


def test_what_is_absent_is_published(rig: Rig) -> None:
    """A proven absence permits a publish; afterwards the very content is there, once, and seen to be there."""
    with publisher(rig) as run:
        before = run.observe()
        outcome = run.publish()
        after = run.observe()

    assert (before.state, before.certainty) == (State.MISSING, Certainty.VERIFIED)
    assert (outcome.status, outcome.failure) == (Status.PUBLISHED, None)
    assert after.state is State.PUBLISHED
    assert rig.stored() == ["first"]


def test_what_is_there_is_skipped(rig: Rig) -> None:
    """The same content under the same name is a success, and nothing is written again."""
    with publisher(rig) as run:
        run.publish()
    with publisher(rig) as again:
        outcome = again.publish()

    assert (outcome.status, outcome.uploaded_bytes) == (Status.SKIPPED, 0)
    assert rig.stored() == ["first"]


def test_other_content_under_a_name_is_a_conflict(rig: Rig) -> None:
    """What is published is never overwritten: another content is a conflict for a person, planned or not."""
    with publisher(rig) as run:
        run.publish()
    rig.make("other")
    with publisher(rig) as later:
        seen = later.observe()
        outcome = later.publish()

    assert seen.state is State.CONFLICT
    assert outcome.status is Status.BLOCKED
    assert outcome.failure is not None
    assert outcome.failure.exit_code == 5
    assert rig.stored() == ["first"]


def test_a_publish_looks_again(rig: Rig) -> None:
    """What was planned as absent and was published meanwhile by somebody else is not published over."""
    rig.make("other")
    with publisher(rig) as slow:
        planned = slow.item()
        rig.make("first")
        with publisher(rig) as fast:
            fast.publish()
        rig.make("other")
        outcome = slow.publish(planned)

    assert outcome.status is Status.BLOCKED
    assert rig.stored() == ["first"]


def test_two_publishers_of_one_artifact_both_end_well(rig: Rig) -> None:
    """Create twice, at once: the artifact is there once, and neither publisher calls it a failure."""
    with publisher(rig) as one, publisher(rig) as two, ThreadPoolExecutor(2) as pool:
        start = threading.Barrier(2)

        def run(it: Publisher) -> Outcome:
            item = it.item()
            start.wait(20)
            return it.publish(item)

        outcomes = list(pool.map(run, (one, two)))

    assert {outcome.status for outcome in outcomes} <= GOOD, outcomes
    assert rig.stored() == ["first"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_the_write_is_finished_by_the_next_run(rig: Rig, when: When) -> None:
    """Killed before or after its write, a publisher leaves all or nothing to be had; the next run ends well."""
    rig.crash(when)
    left = list(rig.stored())

    with publisher(rig) as run:
        outcome = run.publish()
        again = run.publish()

    assert left in ([], ["first"])
    assert outcome.status in GOOD, outcome
    assert again.status is Status.SKIPPED
    assert rig.stored() == ["first"]


def test_a_stop_before_the_write_writes_nothing(rig: Rig) -> None:
    """An artifact whose publish begins after a stop was requested is cancelled, and nothing is there."""
    stopped = Impatient()
    with publisher(rig, stopped) as run:
        item = run.item()
        stopped.request(15)
        outcome = run.publish(item)

    assert outcome.status is Status.CANCELLED
    assert rig.stored() == []


def test_nothing_is_asked_about_nothing(rig: Rig) -> None:
    """No artifact, no answer, no failure."""
    with publisher(rig) as run:
        assert run.destination.observe([]) == {}


def test_verify_tells_what_is_there(rig: Rig) -> None:
    """Verifying says missing before and published after; without the source it still looks."""
    with publisher(rig) as run:
        item = run.item()
        before = run.destination.verify(item, "full").observation.state
        run.publish(item)
        after = run.destination.verify(item, "full").observation.state
        failure = run.destination.verify(_without_source(item), "head").observation.state

    assert (before, after) == (State.MISSING, State.PUBLISHED)
    assert failure is State.PUBLISHED


def test_repair_leaves_alone_what_is_sound(rig: Rig) -> None:
    """Repairing something absent or something sound changes nothing and is no failure."""
    with publisher(rig) as run:
        absent = run.destination.repair(run.item(), Consent(), run.host)
        nothing = rig.stored()
        run.publish()
        sound = run.destination.repair(run.item(), Consent(), run.host)

    assert (absent.status, sound.status) == (Status.SKIPPED, Status.SKIPPED)
    assert nothing == []
    assert rig.stored() == ["first"]


def test_concluding_needs_nothing_to_have_happened(rig: Rig) -> None:
    """Tidying up works without any artifact, and after a stop; what it says are sentences."""
    stopped = Impatient()
    with publisher(rig, stopped) as run:
        first = run.destination.conclude({}, run.host)
        item = run.item()
        outcome = run.publish(item)
        stopped.request(15)
        last = run.destination.conclude({item.artifact.id: outcome}, run.host)

    assert all(isinstance(note, str) and note for note in (*first, *last))
    assert rig.stored() == ["first"]


def test_a_limit_is_a_number_of_artifacts(rig: Rig) -> None:
    """A destination that says how much it takes takes at least one."""
    with publisher(rig) as run:
        limit = run.destination.limits.max_in_flight

    assert limit is None or limit >= 1


def test_silence_is_unknown_and_never_absent(remote: RemoteRig) -> None:
    """Where nothing answers nothing is known: no plan would publish, and a publish fails without a write."""
    with publisher(remote) as run:
        item = run.item()
        with remote.silence():
            seen = run.observe()
            outcome = run.publish(item)
            findings = run.destination.diagnose(create_tables=False)

    assert (seen.state, seen.certainty) == (State.UNKNOWN, Certainty.UNKNOWN)
    assert seen.failure is not None
    assert seen.failure.retryable
    assert outcome.status not in GOOD
    assert any(finding.level == "failure" for finding in findings)
    assert remote.stored() == []


def test_refused_credentials_say_so(remote: RemoteRig) -> None:
    """A refusal ends with the exit code that every kind has for it, and nothing is written."""
    with publisher(remote) as run:
        item = run.item()
        with remote.refuse():
            outcome = run.publish(item)

    assert outcome.status not in GOOD
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.exit_code) == ("credentials_refused", 4)
    assert remote.stored() == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stop_at_the_write_is_told_as_it_ended(remote: RemoteRig, when: When) -> None:
    """Stopped around its write, a publish says published only of what is there, and the next run ends well."""
    stopped = Impatient()
    with publisher(remote, stopped) as run, remote.at_write(when, lambda: stopped.request(15)):
        outcome = run.publish()
    stored = list(remote.stored())

    with publisher(remote) as later:
        again = later.publish()

    assert stored in ([], ["first"])
    assert outcome.status not in GOOD or stored == ["first"]
    assert again.status in GOOD
    assert remote.stored() == ["first"]


def test_no_secret_is_told(remote: RemoteRig) -> None:
    """Locations, events, outcomes, failures and findings hold no secret, whether it goes well or not."""
    said: list[object] = []
    with publisher(remote) as run:
        said += [run.destination.location, run.publish(), run.destination.conclude({}, run.host)]
        said.append(run.destination.diagnose(create_tables=False))
        with remote.refuse():
            said += [run.observe(), run.publish(), run.destination.diagnose(create_tables=False)]
        said += run.events

    told = "\n".join(map(repr, said))
    assert [secret for secret in remote.secrets if secret in told] == []


def _without_source(item: ReadyArtifact) -> UnreadySource:
    from publisher.errors import SourceError
    from publisher.model import failure_from

    return UnreadySource(item.artifact, failure_from(SourceError("the source is gone")))


def test_every_rig_is_named_once() -> None:
    """A stand-in and a real thing never share a name, so that a failure names one of them."""
    names: Sequence[str] = [*STAND_INS, *REAL]

    assert len(set(names)) == len(names)
