"""The destination over a real folder: sources that change, stops between steps, and artifacts that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.destinations.port import Consent, Host
from publisher.destinations.webdav.access import NothingLeased
from publisher.destinations.webdav.destination import WebdavDestination
from publisher.destinations.webdav.doctor import diagnose_folder
from publisher.destinations.webdav.folder import FolderRepository
from publisher.destinations.webdav.ports import MoveAnswer
from publisher.errors import InputError, NotFoundError, SourceError
from publisher.events import Event, Progress, Step
from publisher.model import (
    Artifact,
    Compression,
    DavIdentity,
    Digest,
    FileSetSource,
    FileSource,
    NamedFile,
    ReadyArtifact,
    SourceFacts,
    State,
    Status,
    UnreadySource,
    failure_from,
)
from publisher.retry import RetryPolicy
from publisher.sources.facts import facts_of

QUICK = RetryPolicy(attempts=2, base_s=0.001, cap_s=0.001)


class Watched(FolderRepository):
    """A real folder that tells of each move before it is done."""

    def __init__(self, root: Path, on_move: Callable[[str], None]) -> None:
        super().__init__(root)
        self._on_move = on_move

    def move(self, source: str, target: str) -> MoveAnswer:
        self._on_move(target)
        return super().move(source, target)


def nothing(_target: str) -> None:
    """Let it happen."""


class Run:
    """One destination over `folder/R`, and what it told."""

    def __init__(self, folder: Path, on_move: Callable[[str], None] = nothing) -> None:
        self.root = folder / "R"
        self.stop = Cancellation()
        self.events: list[Event] = []
        repository = Watched(self.root, on_move)
        self.destination = WebdavDestination(
            repository,
            NothingLeased(),
            diagnose=lambda: diagnose_folder(repository),
            close=lambda: None,
            retry=QUICK,
            cancellation=self.stop,
        )
        self.host = Host(self.events.append, self.stop, lambda: float(len(self.events)), lambda _seconds: None)

    def stored(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


def file(folder: Path, name: str, content: bytes) -> FileSource:
    (folder / name).write_bytes(content)
    return FileSource(folder / name, folder, name)


def artifact(path: str, source: FileSource | FileSetSource) -> Artifact:
    return Artifact("builds", "webdav", DavIdentity(path), source, Compression.NONE)


def ready(path: str, source: FileSource | FileSetSource) -> ReadyArtifact:
    return ReadyArtifact(artifact(path, source), facts_of(source, lambda: None))


def a_set(folder: Path) -> FileSetSource:
    return FileSetSource(tuple(NamedFile(name, file(folder, name, name.encode())) for name in ("a", "b")), "*")


def test_a_source_that_changed_is_never_sent_whole(tmp_path: Path) -> None:
    """Bytes that are not the planned ones end the upload before its last piece; nothing is left."""
    run = Run(tmp_path)
    item = ready("t/1/x", file(tmp_path, "x", b"planned" * 100_000))
    (tmp_path / "x").write_bytes(b"CHANGED" * 100_000)

    outcome = run.destination.publish(item, run.host)

    assert outcome.status is Status.FAILED
    assert outcome.failure is not None
    assert outcome.failure.code == "source_changed"
    assert run.stored() == {}


@pytest.mark.parametrize("content", [b"shorter", b"planned and longer"])
def test_a_source_of_another_length_is_never_sent_whole(tmp_path: Path, content: bytes) -> None:
    """The same for a file that grew or shrank."""
    run = Run(tmp_path)
    item = ready("t/1/x", file(tmp_path, "x", b"planned bytes"))
    (tmp_path / "x").write_bytes(content)

    outcome = run.destination.publish(item, run.host)

    assert outcome.failure is not None
    assert outcome.failure.code == "source_changed"
    assert run.stored() == {}


def test_a_set_of_which_a_file_changed_is_not_begun(tmp_path: Path) -> None:
    """A set is looked at as a whole before its first file is sent."""
    run = Run(tmp_path)
    item = ready("t/1", a_set(tmp_path))
    (tmp_path / "b").write_bytes(b"B")

    outcome = run.destination.publish(item, run.host)

    assert outcome.failure is not None
    assert outcome.failure.code == "source_changed"
    assert run.stored() == {}


def test_a_stop_between_two_moves_is_held_back(tmp_path: Path) -> None:
    """Once the first file of a set is in its place the others follow; that they were not compared is said."""
    run = Run(tmp_path, lambda _target: run.stop.request(15))
    item = ready("t/1", a_set(tmp_path))

    outcome = run.destination.publish(item, run.host)

    assert outcome.status is Status.CANCELLED
    assert outcome.notes == ("in its place, and not compared yet: t/1/a, t/1/b",)
    assert run.stored() == {"t/1/a": b"a", "t/1/b": b"b"}


def test_what_was_placed_meanwhile_is_adopted_or_a_conflict(tmp_path: Path) -> None:
    """Somebody who was faster with the same file did our work; with another file a person has to decide."""

    def faster(content: bytes) -> Callable[[str], None]:
        def put(target: str) -> None:
            (tmp_path / "R" / target).write_bytes(content)

        return put

    same, other = Run(tmp_path, faster(b"one")), Run(tmp_path, faster(b"two"))

    adopted = same.destination.publish(ready("t/1/x", file(tmp_path, "x", b"one")), same.host)
    blocked = other.destination.publish(ready("t/2/x", file(tmp_path, "x", b"one")), other.host)

    assert (adopted.status, blocked.status) == (Status.ADOPTED, Status.BLOCKED)
    assert blocked.failure is not None
    assert blocked.failure.exit_code == 5
    assert same.stored() == {"t/1/x": b"one", "t/2/x": b"two"}


def test_what_is_replaced_right_after_the_move_is_noticed(tmp_path: Path) -> None:
    """Bytes that are not ours after our own move are damage or a lost race: told, and never called published."""
    run = Run(tmp_path)

    class Replacing(Watched):
        def move(self, source: str, target: str) -> MoveAnswer:
            answer = super().move(source, target)
            (tmp_path / "R" / target).write_bytes(b"two")
            return answer

    destination = WebdavDestination(
        Replacing(tmp_path / "R", nothing), NothingLeased(), diagnose=list, close=lambda: None, retry=QUICK
    )
    outcome = destination.publish(ready("t/1/x", file(tmp_path, "x", b"one")), run.host)

    assert outcome.status is Status.BLOCKED
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.exit_code) == ("object_damaged", 5)


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    """The files of a set are one upload of their sum."""
    run = Run(tmp_path)

    run.destination.publish(ready("t/1", a_set(tmp_path)), run.host)

    uploads = [event for event in run.events if isinstance(event, Progress) and event.step is Step.UPLOAD]
    assert (uploads[-1].done_bytes, uploads[-1].total_bytes) == (2, 2)


def test_an_artifact_without_its_source_is_looked_for(tmp_path: Path) -> None:
    """Without the source it is said what is there: all, some or nothing; repair then fails with the source's reason."""
    run = Run(tmp_path)
    item = ready("t/1", a_set(tmp_path))
    gone = UnreadySource(item.artifact, failure_from(SourceError("it is gone")))
    states = [run.destination.verify(gone, "full").observation.state]
    (tmp_path / "R/t/1").mkdir(parents=True)
    (tmp_path / "R/t/1/a").write_bytes(b"?")
    states.append(run.destination.verify(gone, "full").observation.state)
    (tmp_path / "R/t/1/b").write_bytes(b"?")
    states.append(run.destination.verify(gone, "full").observation.state)

    assert states == [State.MISSING, State.UNFINISHED, State.PUBLISHED]


@pytest.mark.parametrize(
    ("content", "mode_head", "mode_full"),
    [(b"one", State.PUBLISHED, State.PUBLISHED), (b"two", State.PUBLISHED, State.CONFLICT)],
)
def test_verify_compares_as_much_as_was_asked(
    tmp_path: Path, content: bytes, mode_head: State, mode_full: State
) -> None:
    """`head` compares lengths and says so, `full` compares bytes."""
    run = Run(tmp_path)
    item = ready("t/1/x", file(tmp_path, "x", b"one"))
    (tmp_path / "R/t/1").mkdir(parents=True)
    (tmp_path / "R/t/1/x").write_bytes(content)

    head, full = run.destination.verify(item, "head"), run.destination.verify(item, "full")

    assert (head.observation.state, head.content_compared) == (mode_head, False)
    assert (full.observation.state, full.content_compared) == (mode_full, True)


def test_repair_changes_nothing(tmp_path: Path) -> None:
    """Other content is explained and stays: which of two files is right only a person can say."""
    run = Run(tmp_path)
    item = ready("t/1/x", file(tmp_path, "x", b"one"))
    (tmp_path / "R/t/1").mkdir(parents=True)
    (tmp_path / "R/t/1/x").write_bytes(b"two")

    outcome = run.destination.repair(item, Consent(take_over=True, exclusive=True), run.host)

    assert outcome.status is Status.BLOCKED
    assert run.stored() == {"t/1/x": b"two"}


@pytest.mark.parametrize("path", ["../x", "t/../x", "/etc/passwd", "t/.x"])
def test_a_path_that_no_manifest_allows_is_refused(tmp_path: Path, path: str) -> None:
    """What comes from elsewhere, a saved plan or the command line, is held to the same rule."""
    run = Run(tmp_path)
    source = file(tmp_path, "x", b"one")
    item = ReadyArtifact(artifact(path, source), SourceFacts(3, Digest(sha256(b"one").hexdigest())))

    observed = run.destination.observe([item])[item.artifact.id]
    outcome = run.destination.publish(item, run.host)
    with pytest.raises(InputError):
        run.destination.fetch(DavIdentity(path), tmp_path / "back")

    assert observed.state is State.UNKNOWN
    assert outcome.status is Status.FAILED
    assert not (tmp_path / "back").exists()


def test_what_is_fetched_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """A file is fetched by its path; a missing one leaves an older file of that name alone."""
    run = Run(tmp_path)
    run.destination.publish(ready("t/1/x", file(tmp_path, "x", b"one")), run.host)
    back = tmp_path / "back"
    back.write_bytes(b"older")

    with pytest.raises(NotFoundError):
        run.destination.fetch(DavIdentity("t/1/y"), back)
    kept = back.read_bytes()
    fetched = run.destination.fetch(DavIdentity("t/1/x"), back)

    assert kept == b"older"
    assert back.read_bytes() == b"one"
    assert fetched.sha256.hex == sha256(b"one").hexdigest()
