"""`apply` reads a large file once where nothing is there, and compares it where something is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.api import apply
from publisher.events import ArtifactStarted, Event
from publisher.model import FileSource, SourceFacts
from publisher.report import ArtifactReport
from publisher.sources import facts, reading
from publisher.sources.files import fingerprint

SIZE = 100_000

MANIFEST = """
version: 1
destinations: {fleet: {kind: fleet}}
artifacts:
  - {destination: fleet, resource_name: model, dev_stage: dev, architecture: any, version: 1, file: model.bin}
"""


@dataclass
class Project:
    """A manifest of one large file, published to a folder. `reads` are the files that were read to be compared."""

    folder: Path
    reads: list[str] = field(default_factory=list)

    def apply(self, listener: Callable[[Event], None] = lambda _event: None) -> ArtifactReport:
        report = apply(
            self.folder / "manifest.yaml",
            local=self.folder / "there",
            environment={"PUBLISH_RECOVERY_KEY": "cmVjb3Zlcnkga2V5IG9mIHRoZSB0ZXN0cywgMzIgYnk="},
            listener=listener,
        )
        assert report.error is None
        return report.artifacts[0]

    def write(self, content: bytes) -> str:
        (self.folder / "model.bin").write_bytes(content)
        return sha256(content).hexdigest()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)

    def counted(source: FileSource, check: Callable[[], None]) -> SourceFacts:
        made.reads.append(source.shown)
        return fingerprint(source, check)

    monkeypatch.setattr(facts, "fingerprint", counted)
    monkeypatch.setattr(reading, "LARGE_BYTES", SIZE)
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    return made


def test_what_is_missing_is_read_once(project: Project) -> None:
    """A file that nobody has published is read while it is sealed, and the report knows what was read."""
    digest = project.write(os.urandom(SIZE))

    entry = project.apply()

    assert (entry.status, entry.source.sha256, project.reads) == ("published", digest, [])


def test_what_is_there_is_compared(project: Project) -> None:
    """The same file again is skipped, another one is a conflict: both only after it was read."""
    project.write(os.urandom(SIZE))
    project.apply()

    same = project.apply()
    project.write(os.urandom(SIZE))
    other = project.apply()

    assert (same.status, other.status, other.reason) == ("skipped", "blocked", "content_conflict")
    assert len(project.reads) == 2


def test_what_appears_before_its_turn_is_compared(project: Project) -> None:
    """Another run publishes other content between our look and our turn: that is found out, and nothing is replaced."""
    project.write(os.urandom(SIZE))
    theirs = Project(project.folder)

    def race(event: Event) -> None:
        if isinstance(event, ArtifactStarted) and not theirs.reads:
            theirs.reads.append("once")
            theirs.write(os.urandom(SIZE))
            theirs.apply()
            project.write(os.urandom(SIZE))

    entry = project.apply(race)

    assert (entry.status, entry.reason) == ("blocked", "content_conflict")


def test_a_small_file_is_read_before(project: Project) -> None:
    """Of a small file the fingerprint is known before anything is asked."""
    project.write(os.urandom(SIZE - 1))

    project.apply()

    assert project.reads == ["model.bin"]
