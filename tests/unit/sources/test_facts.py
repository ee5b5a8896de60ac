"""The fingerprint of each kind of source, and what one pass over an open source checks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import InternalError, SourceChangedError, SourceError
from publisher.model import (
    Digest,
    FileSetSource,
    FileSource,
    ImageSource,
    NamedFile,
    Source,
    SourceFacts,
    WorkerForm,
    WorkerSource,
)
from publisher.sources.facts import facts_of
from publisher.sources.memory import FileMemory
from publisher.sources.opening import open_source
from tests.support.images import Image, legacy_archive, tar_of


def unstopped() -> None:
    """Never ask to stop."""


def file(folder: Path, name: str, content: bytes) -> FileSource:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return FileSource(path, folder, name)


def file_set(folder: Path, **contents: bytes) -> FileSetSource:
    return FileSetSource(
        tuple(NamedFile(name, file(folder, name, content)) for name, content in contents.items()), "dist/*"
    )


def test_the_fingerprint_of_a_file_is_of_its_bytes(tmp_path: Path) -> None:
    """A file's fingerprint is the SHA-256 of what is in it."""
    facts = facts_of(file(tmp_path, "m.bin", b"model"), unstopped)

    assert facts == SourceFacts(5, Digest(sha256(b"model").hexdigest()))


def test_a_set_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    """The fingerprint of a set is of its names and contents, in whatever order and folder."""
    here = facts_of(file_set(tmp_path / "here", a=b"1", b=b"22"), unstopped)
    there = facts_of(file_set(tmp_path / "there", b=b"22", a=b"1"), unstopped)

    assert here == there
    assert here.size_bytes == 3


@pytest.mark.parametrize("other", [{"a": b"22", "b": b"1"}, {"a": b"1"}, {"a": b"1", "c": b"22"}])
def test_another_set_has_another_fingerprint(tmp_path: Path, other: dict[str, bytes]) -> None:
    """Contents that swapped names, a file less and another name each make another set."""
    first = facts_of(file_set(tmp_path / "first", a=b"1", b=b"22"), unstopped)

    assert facts_of(file_set(tmp_path / "other", **other), unstopped).sha256 != first.sha256


@pytest.mark.parametrize(
    "change",
    [
        {"image": "w:2"},
        {"config": b"other"},
        {"description": b"other"},
        {"description": None},
        {"values": (("revision_tags", "v2"),)},
        {"form": WorkerForm.DEFINED},
    ],
)
def test_a_worker_is_its_whole_request(tmp_path: Path, change: dict[str, Any]) -> None:
    """Image, configuration, description, form and values are each part of a fingerprint; the folder is not."""
    first, again = worker(tmp_path / "a"), worker(tmp_path / "b")
    other = worker(tmp_path / "c", **change)

    assert facts_of(first, unstopped) == facts_of(again, unstopped)
    assert facts_of(first, unstopped).sha256 != facts_of(other, unstopped).sha256


def worker(folder: Path, **change: Any) -> WorkerSource:
    """Return a worker whose files lie in `folder`, with the given changes."""
    made: dict[str, Any] = {
        "image": "w:1",
        "config": b"config",
        "description": b"about",
        "form": WorkerForm.LISTED,
        "values": (("revision_tags", "v1"),),
    } | change
    text = made["description"]
    return WorkerSource(
        made["image"],
        file(folder, "w.yml", made["config"]),
        made["form"],
        None if text is None else file(folder, "about.md", text),
        made["values"],
        "w:1",
    )


def test_a_missing_file_of_a_set_is_named(tmp_path: Path) -> None:
    """A set is read whole or not at all, and the message names the file."""
    gone = FileSetSource((NamedFile("a", FileSource(tmp_path / "a", tmp_path, "dist/a")),), "dist/*")

    with pytest.raises(SourceError, match="dist/a"):
        facts_of(gone, unstopped)


def test_an_open_file_that_is_not_the_planned_one_is_refused(tmp_path: Path) -> None:
    """Bytes that were replaced between planning and reading are never used, though the file was calm while read."""
    planned = facts_of(file(tmp_path, "m.bin", b"model"), unstopped)
    now = file(tmp_path, "m.bin", b"other")
    buffer = memoryview(bytearray(16))

    with open_source(now) as source:
        count = source.read_into(buffer)
        source.read_into(buffer)
        stream = Digest(sha256(buffer[:count]).hexdigest())

        with pytest.raises(SourceChangedError, match=r"m\.bin changed since it was planned"):
            source.check_unchanged(stream, planned)


@pytest.mark.parametrize("size", [5, 6])
def test_a_file_of_which_only_the_size_is_known_is_held_to_that(size: int, tmp_path: Path) -> None:
    """Whatever its content, a file that was not read before may be used if it has the size it had then."""
    now, buffer = file(tmp_path, "m.bin", b"model"), memoryview(bytearray(16))

    with open_source(now) as source:
        count = source.read_into(buffer)
        stream = Digest(sha256(buffer[:count]).hexdigest())
        expectation = nullcontext() if size == count else pytest.raises(SourceChangedError, match="changed since")

        with expectation:
            source.check_unchanged(stream, SourceFacts(size, None))


def test_what_is_no_stream_is_not_opened_as_one(tmp_path: Path) -> None:
    """A set of files has no single stream: who asks for it made a mistake."""
    with pytest.raises(InternalError):
        open_source(file_set(tmp_path, a=b"1"))


class Counting(FileMemory):
    """Counts what it is asked, and knows nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "sources.json", now=lambda: 0.0)
        self.asked: list[tuple[str, str]] = []

    def recall(self, file: FileSource, what: str, read: Callable[[], SourceFacts]) -> SourceFacts:
        """Note the question and read."""
        self.asked.append((what.split(" ", maxsplit=1)[0], file.path.name))
        return read()


def test_every_file_that_is_read_whole_may_be_remembered(tmp_path: Path) -> None:
    """A file, each file of a set, those of a worker, and an image's archive; never what an engine holds."""
    memory = Counting(tmp_path)
    archive = file(tmp_path, "image.tar", legacy_archive(Image(layers=(tar_of({"weights": b"1"}),))))
    sources: list[Source] = [
        file(tmp_path, "m.bin", b"model"),
        file_set(tmp_path / "set", a=b"1", b=b"22"),
        worker(tmp_path / "worker"),
        ImageSource("docker-archive:image.tar", "image.tar", archive, "arm64"),
    ]

    for source in sources:
        facts_of(source, unstopped, memory)

    assert memory.asked == [
        ("file", "m.bin"),
        ("file", "a"),
        ("file", "b"),
        ("file", "w.yml"),
        ("file", "about.md"),
        ("image", "image.tar"),
    ]
