"""Large files whose destination reads them while it publishes them are only found before that."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from publisher.cancellation import Cancellation
from publisher.errors import SourceError
from publisher.events import ignore
from publisher.model import Artifact, FileSource, FleetIdentity, ReadyArtifact, UnreadySource
from publisher.sources import reading
from publisher.sources.memory import FORGETFUL, FileMemory, Memory
from publisher.sources.reading import read_sources

LARGE = 1000


@pytest.fixture(autouse=True)
def _large_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE_BYTES", LARGE)


def artifact(folder: Path, size: int, *, name: str = "model", destination: str = "fleet") -> Artifact:
    path = folder / f"{size}.bin"
    path.write_bytes(os.urandom(size))
    return Artifact(destination, "fleet", FleetIdentity(name, "dev", "any", "1"), FileSource(path, folder, path.name))


def read(
    artifacts: Sequence[Artifact], late: Collection[str] = ("fleet",), memory: Memory = FORGETFUL
) -> tuple[list[ReadyArtifact], list[UnreadySource]]:
    return read_sources(artifacts, cancellation=Cancellation(), emit=ignore, memory=memory, late=late)


def known(item: ReadyArtifact) -> bool:
    return item.source.fingerprint is not None


def test_a_large_file_is_only_found(tmp_path: Path) -> None:
    """Of a large file the size is known, of a small one the fingerprint, too."""
    ready, _ = read([artifact(tmp_path, LARGE), artifact(tmp_path, LARGE - 1, name="small")])

    assert [(item.source.size_bytes, known(item)) for item in ready] == [(LARGE, False), (LARGE - 1, True)]


def test_other_destinations_know_what_they_are_handed(tmp_path: Path) -> None:
    """A destination that does not read late gets the fingerprint of whatever it publishes."""
    ready, _ = read([artifact(tmp_path, LARGE, destination="other")])

    assert [known(item) for item in ready] == [True]


def test_a_file_of_several_artifacts_is_read_before(tmp_path: Path) -> None:
    """Artifacts of one file are the same bytes, also if the file changes between one and the next."""
    ready, _ = read([artifact(tmp_path, LARGE, name="a"), artifact(tmp_path, LARGE, name="b")])

    assert [known(item) for item in ready] == [True, True]


def test_what_is_remembered_need_not_wait(tmp_path: Path) -> None:
    """A fingerprint that an earlier run found out is used."""
    made = artifact(tmp_path, LARGE)
    for late in ((), ("fleet",)):
        memory = FileMemory(tmp_path / "state.json", now=lambda: time.time() + 60)
        ready, _ = read([made], late, memory)
        memory.keep()

    assert [known(item) for item in ready] == [True]


def test_what_was_only_found_is_not_remembered(tmp_path: Path) -> None:
    """A size alone says nothing about the next run's file."""
    memory = FileMemory(tmp_path / "state.json", now=lambda: time.time() + 60)

    read([artifact(tmp_path, LARGE)], memory=memory)
    memory.keep()

    assert not (tmp_path / "state.json").exists()


def test_a_file_that_is_not_there_is_told_before_anything_is_published(tmp_path: Path) -> None:
    """Late or not, a missing file is an unready source of the plan."""
    made = artifact(tmp_path, LARGE)
    (tmp_path / f"{LARGE}.bin").unlink()

    ready, unready = read([made])

    assert (ready, [item.failure.code for item in unready]) == ([], [SourceError.code])
