"""The memory of files: never believed about a file that may have changed, and never in the way."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.errors import SourceError
from publisher.model import Digest, FileSource, SourceFacts
from publisher.sources import memory as memory_module
from publisher.sources.facts import facts_of
from publisher.sources.memory import SETTLED_S, FileMemory

CONTENT, OTHER = b"weights", b"WEIGHTS"


def later() -> float:
    """Return a time at which what was written just now is long settled."""
    return time.time() + 60


class Reader:
    """Reads a file, and counts how often."""

    def __init__(self, folder: Path, now: Callable[[], float] = later) -> None:
        self.path = folder / "model.bin"
        self.path.write_bytes(CONTENT)
        self.source = FileSource(self.path, folder, "model.bin")
        self.place = folder / "state" / "sources.json"
        self.now = now
        self.reads = 0
        self.memory = FileMemory(self.place, now=now)

    def read(self) -> SourceFacts:
        """Read the file itself."""
        self.reads += 1
        return facts_of(self.source, lambda: None)

    def ask(self, what: str = "file") -> SourceFacts:
        """Ask the memory, as a process of its own does, and let it write down what is new."""
        self.memory = FileMemory(self.place, now=self.now)
        facts = self.memory.recall(self.source, what, self.read)
        self.memory.keep()
        return facts


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_an_unchanged_file_is_read_once(reader: Reader) -> None:
    """Processes that follow each other learn from the first, and get the same facts."""
    asked = [reader.ask() for _ in range(3)]

    assert reader.reads == 1
    assert asked == [facts_of(reader.source, lambda: None)] * 3


def keep_times(path: Path, change: Callable[[], object]) -> None:
    """Make a change that leaves size and mtime as they were."""
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rewritten(path: Path) -> None:
    keep_times(path, lambda: path.write_bytes(OTHER))


def replaced(path: Path) -> None:
    def change() -> None:
        path.with_name("new").write_bytes(OTHER)
        path.with_name("new").replace(path)

    keep_times(path, change)


def linked_elsewhere(path: Path) -> None:
    def change() -> None:
        path.rename(path.with_name("old"))
        path.with_name("other").write_bytes(OTHER)
        path.symlink_to("other")

    keep_times(path, change)


@pytest.mark.parametrize("change", [rewritten, replaced, linked_elsewhere])
def test_a_changed_file_is_read_again(reader: Reader, change: Callable[[Path], None]) -> None:
    """A change that hides behind the old size and the old mtime shows in ctime, inode or both."""
    first = reader.ask()
    change(reader.path)

    second = reader.ask()

    assert reader.reads == 2
    assert second != first
    assert second == facts_of(reader.source, lambda: None)


@pytest.mark.parametrize("age_s", [0.0, SETTLED_S - 0.1, -3600.0], ids=["now", "a-moment-ago", "in-the-future"])
def test_what_changed_a_moment_ago_is_not_remembered(tmp_path: Path, age_s: float) -> None:
    """Racy git: a second change in the same tick of the clock would have the same times."""
    reader = Reader(tmp_path)
    changed = reader.path.stat().st_ctime
    reader.now = lambda: changed + age_s

    reader.ask()
    reader.ask()

    assert reader.reads == 2
    assert not reader.place.exists()


def test_a_file_that_changes_while_it_is_read_is_not_remembered(reader: Reader) -> None:
    """Facts of the old bytes never belong to the new ones."""

    def read_and_change() -> SourceFacts:
        facts = reader.read()
        reader.path.write_bytes(OTHER)
        return facts

    reader.memory.recall(reader.source, "file", read_and_change)
    reader.memory.keep()

    assert reader.ask().sha256 != Digest("0" * 64)
    assert reader.reads == 2


def test_another_question_has_another_answer(reader: Reader) -> None:
    """What was read of a file as a package is not what it is as an image."""
    reader.ask("file")
    reader.ask('package ["a"]')

    assert reader.reads == 2


def test_a_file_that_is_gone_is_an_error(reader: Reader) -> None:
    """Memory never stands in for a file: it is opened as safely as if it were read."""
    reader.ask()
    reader.path.unlink()

    with pytest.raises(SourceError):
        reader.ask()


def test_the_memory_is_its_owner_s(reader: Reader) -> None:
    """Paths and digests of plaintext are nobody else's business."""
    reader.ask()

    assert stat.S_IMODE(reader.place.stat().st_mode) == 0o600


DAMAGES = ["", "{", "[]", "null", '{"version": 0, "files": {}}', '{"version": 1, "files": []}', "[" * 100_000]


@pytest.mark.parametrize("text", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_memory_is_none(reader: Reader, text: str) -> None:
    """What cannot be read is as good as nothing, and is replaced."""
    reader.ask()
    reader.place.write_text(text)

    reader.ask()
    reader.ask()

    assert reader.reads == 2


@pytest.mark.parametrize("at", [5, 6])
@pytest.mark.parametrize("value", [None, -1, "x", [], True, "A" * 64], ids=str)
def test_a_damaged_entry_is_none(reader: Reader, at: int, value: object) -> None:
    """A size or digest of another shape is not handed out."""
    facts = reader.ask()
    document = json.loads(reader.place.read_text())
    (entry,) = document["files"].values()
    entry[at] = value
    reader.place.write_text(json.dumps(document))

    assert reader.ask() == facts
    assert reader.reads == 2


def test_a_memory_others_can_write_to_is_not_believed(reader: Reader) -> None:
    """Whoever can write it could hide a change from a plan."""
    reader.ask()
    reader.place.chmod(0o666)

    reader.ask()

    assert reader.reads == 2


def test_a_link_is_no_memory(reader: Reader) -> None:
    """A link in its place is not followed."""
    reader.ask()
    reader.place.rename(reader.place.with_name("elsewhere"))
    reader.place.symlink_to("elsewhere")

    reader.ask()

    assert reader.reads == 2


def test_a_place_that_cannot_be_written_to_is_no_error(reader: Reader) -> None:
    """Without a state folder everything is read, every time."""
    reader.place.parent.write_bytes(b"a file where a folder should be")

    reader.ask()
    reader.ask()

    assert reader.reads == 2


def test_a_command_that_writes_nothing_only_recalls(reader: Reader) -> None:
    """A plan profits from what an apply has read, and leaves no trace itself."""
    plan = FileMemory(reader.place, now=later, writes=False)
    plan.recall(reader.source, "file", reader.read)
    plan.keep()
    assert not reader.place.exists()

    reader.ask()
    FileMemory(reader.place, now=later, writes=False).recall(reader.source, "file", reader.read)

    assert reader.reads == 2


def test_the_memory_is_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest entries go first."""
    monkeypatch.setattr(memory_module, "MAX_ENTRIES", 2)
    for what in "abc":
        reader.ask(what)

    assert [key.split("\n")[0] for key in json.loads(reader.place.read_text())["files"]] == ["b", "c"]


def test_two_processes_forget_nothing_of_each_other(reader: Reader) -> None:
    """Each keeps what the other wrote meanwhile."""
    one, other = (FileMemory(reader.place, now=later) for _ in range(2))
    for memory, what in ((one, "a"), (other, "b")):
        memory.recall(reader.source, what, reader.read)
    one.keep()
    other.keep()

    assert [key.split("\n")[0] for key in json.loads(reader.place.read_text())["files"]] == ["a", "b"]
