"""From an artifact's files to the worker that is sent: the planned files, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.destinations.arkindex.reading import form_of, read_worker, wanted_of
from publisher.errors import InternalError, SourceChangedError, SourceError
from publisher.manifest.workers import ConfiguredWorker, DefinedWorker
from publisher.model import (
    Artifact,
    FileSource,
    FleetIdentity,
    ReadyArtifact,
    WorkerForm,
    WorkerIdentity,
    WorkerSource,
)
from publisher.sources.facts import facts_of
from tests.support.arkindex_worlds import DEFINITION, HASH, REPOSITORY

LISTING = """\
version: 2
workers:
  - other/*.yml
  - {slug: first, name: First, type: t}
  - {slug: my-worker, name: My Worker, type: t, description: about.md}
"""


def artifact(folder: Path, *, form: WorkerForm = WorkerForm.LISTED, config: str = LISTING) -> Artifact:
    """Write the files of a worker and return its artifact."""
    for name, content in (("w.yml", config), ("about.md", "# About")):
        (folder / name).write_text(content)
    files = {name: FileSource(folder / name, folder, name) for name in ("w.yml", "about.md")}
    description = files["about.md"] if form is WorkerForm.LISTED else None
    values = (("revision_message", "m"), ("revision_tags", "v2 v1"), ("revision_url", "https://x/1"))
    source = WorkerSource("r/w:1", files["w.yml"], form, description, values, "r/w:1 with w.yml")
    return Artifact("workers", "arkindex", WorkerIdentity(REPOSITORY, "my-worker", HASH), source)


def planned(made: Artifact) -> ReadyArtifact:
    return ReadyArtifact(made, facts_of(made.source, lambda: None))


def test_the_worker_of_the_artifact_is_taken_with_its_description(tmp_path: Path) -> None:
    """Of several workers in a file the one with the artifact's slug is sent, with the text of its description."""
    worker, description = read_worker(planned(artifact(tmp_path)))

    assert isinstance(worker, ConfiguredWorker)
    assert (worker.slug, worker.name, description) == ("my-worker", "My Worker", "# About")


def test_each_form_is_read_as_what_it_is(tmp_path: Path) -> None:
    """A definition keeps its whole text, a single worker's file has its keys at the top."""
    single = "{slug: my-worker, name: N, type: t}"

    defined, _ = read_worker(planned(artifact(tmp_path, form=WorkerForm.DEFINED, config=DEFINITION)))
    alone, nothing = read_worker(planned(artifact(tmp_path, form=WorkerForm.SINGLE, config=single)))

    assert isinstance(defined, DefinedWorker)
    assert defined.text == DEFINITION
    assert isinstance(alone, ConfiguredWorker)
    assert (alone.name, nothing) == ("N", None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda folder: (folder / "w.yml").write_text(LISTING.replace("t,", "u,")), SourceChangedError),
        (lambda folder: (folder / "about.md").write_text("# Other"), SourceChangedError),
        (lambda folder: (folder / "about.md").unlink(), SourceError),
        (lambda folder: (folder / "w.yml").write_text("x" * 1_100_000), SourceError),
    ],
)
def test_other_files_than_the_planned_ones_are_refused(
    tmp_path: Path, change: Callable[[Path], object], error: type[Exception]
) -> None:
    """A file that changed, grew or vanished after the plan is never sent under the plan's commit."""
    item = planned(artifact(tmp_path))
    change(tmp_path)

    with pytest.raises(error):
        read_worker(item)


@pytest.mark.parametrize(
    ("config", "said"),
    [("version: 2\n", "describes no worker `my-worker`"), ("version: 1\n", "cannot be read: 1 problem in w.yml")],
)
def test_a_saved_plan_that_does_not_fit_its_files_is_refused(tmp_path: Path, config: str, said: str) -> None:
    """A plan that somebody edited may name a file without the worker: an error, not another worker."""
    with pytest.raises(SourceError, match=said):
        read_worker(planned(artifact(tmp_path, config=config)))


def test_a_description_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A description is text for people: other bytes are not replaced in silence."""
    made = artifact(tmp_path)
    (tmp_path / "about.md").write_bytes(b"\xff\xfe")

    with pytest.raises(SourceError, match=r"about\.md is not UTF-8"):
        read_worker(planned(made))


def test_what_is_wanted_needs_no_file(tmp_path: Path) -> None:
    """Looking at a server needs what the plan knows, and not the files."""
    made = artifact(tmp_path)
    (tmp_path / "w.yml").unlink()

    wanted = wanted_of(made)

    assert (wanted.slug, wanted.image, wanted.revision_url) == ("my-worker", "r/w:1", "https://x/1")
    assert (wanted.message, wanted.author, wanted.branch, wanted.tags) == ("m", None, None, ("v2", "v1"))
    assert (wanted.tag, wanted.labels) == ("v1", {"tag": "v1"})
    assert form_of(made) is WorkerForm.LISTED


def test_an_artifact_of_another_kind_is_a_fault(tmp_path: Path) -> None:
    """No other kind's artifact is ever taken for a worker."""
    with pytest.raises(InternalError):
        wanted_of(replace(artifact(tmp_path), identity=FleetIdentity("a", "b", "c", "d")))
