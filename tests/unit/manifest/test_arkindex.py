"""Entries for Arkindex: which worker versions they are, and what is refused where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from publisher.manifest import Manifest, Severity
from publisher.model import Artifact, WorkerForm, WorkerSource
from publisher.revision import EVERY_VALUE, Given, Revision, RevisionError, RevisionProblem, Value
from tests.unit.manifest.building import COMMIT, REPOSITORY, MemoryFiles, a_commit, parse, refused

HEAD = "version: 1\ndestinations: {w: {kind: arkindex}}\nartifacts:\n"
ONE = "version: 2\nworkers:\n  - {slug: one, name: One, type: t}\n"
FILES = {
    ".arkindex.yml": ONE,
    "sub/.arkindex.yml": "{version: 2, workers: [workers/*.yml, {slug: two, name: Two, type: t, description: d.md}]}",
    "sub/workers/b.yml": "{slug: b, name: B, type: t, description: d.md}",
    "sub/workers/a.yml": "{slug: a, name: A, type: t}",
    "sub/d.md": "about",
    "arkindex/x.yml": "{slug: x, display_name: X, type: t, description: d}",
    "arkindex/y.yaml": "{slug: y, display_name: Y, type: t, description: d}",
    "none.yml": "version: 2\n",
    "bad.yml": "version: 2\nworkers:\n  - {slug: one, typo: 1}\n  - {slug: '?', name: N, type: t}\n",
}


def manifest(entry: str, **values: object) -> Manifest:
    return parse(f"{HEAD}  - {{{entry}}}\n", files=MemoryFiles([], FILES), **values)  # type: ignore[arg-type] # parse's own names


def messages(entry: str, **values: object) -> list[str]:
    """Return place and message of every error of an entry."""
    error = refused(f"{HEAD}  - {{{entry}}}\n", files=MemoryFiles([], FILES), **values)  # type: ignore[arg-type] # its names
    return [
        f"{item.line}:{item.column} {item.message}" for item in error.diagnostics if item.severity is Severity.ERROR
    ]


def source_of(artifact: Artifact) -> WorkerSource:
    assert isinstance(artifact.source, WorkerSource)
    return artifact.source


def test_the_default_file_describes_the_workers() -> None:
    """An image alone is enough: `.arkindex.yml` says which worker, and the checkout which commit."""
    (artifact,) = manifest("image: r.example.com/w:1").artifacts

    assert str(artifact.id) == f"w:one/{COMMIT}"
    assert artifact.identity.fields() == {"repository_url": REPOSITORY, "slug": "one", "revision": COMMIT}
    source = source_of(artifact)
    assert (source.image, source.config.shown, source.form) == ("r.example.com/w:1", ".arkindex.yml", WorkerForm.LISTED)
    assert source.values == (
        ("revision_message", "Add the worker"),
        ("revision_author", "Fox Mulder"),
        ("revision_branch", "main"),
        ("revision_url", f"{REPOSITORY}/commit/{COMMIT}"),
    )
    assert artifact.origins["slug"].where == ".arkindex.yml:3"
    assert artifact.origins["revision"].where == "git"


def test_a_listing_leads_to_its_files_relative_to_itself() -> None:
    """Patterns and descriptions of a listing are relative to it, and shown relative to the manifest."""
    artifacts = manifest("image: w:1, config: sub/.arkindex.yml").artifacts

    found = [
        (source.form, source.config.shown, source.description and source.description.shown)
        for source in map(source_of, artifacts)
    ]
    assert [artifact.identity.fields()["slug"] for artifact in artifacts] == ["a", "b", "two"]
    assert found == [
        (WorkerForm.SINGLE, "sub/workers/a.yml", None),
        (WorkerForm.SINGLE, "sub/workers/b.yml", "sub/d.md"),
        (WorkerForm.LISTED, "sub/.arkindex.yml", "sub/d.md"),
    ]


def test_definitions_are_found_by_a_pattern() -> None:
    """Each definition of a pattern is one worker, in sorted order; a matrix gives each of its files."""
    by_pattern = manifest("image: w:1, config: 'arkindex/*.y*ml'").artifacts
    by_matrix = manifest("image: 'w:${matrix.f}', config: 'arkindex/${matrix.f}', matrix: {f: [x.yml]}").artifacts

    assert [artifact.identity.fields()["slug"] for artifact in by_pattern] == ["x", "y"]
    assert [source_of(artifact).form for artifact in by_pattern] == [WorkerForm.DEFINED] * 2
    assert [source_of(artifact).image for artifact in by_matrix] == ["w:x.yml"]


def test_what_the_entry_says_of_the_commit_is_handed_on_as_given() -> None:
    """Every field reaches the reader of the commit; an empty one is given, an absent one is not."""
    seen: list[tuple[Path, Given, frozenset[Value]]] = []

    def record(
        folder: Path, given: Given, environment: Mapping[str, str], *, needs: frozenset[Value] = EVERY_VALUE
    ) -> Revision:
        seen.append((folder, given, needs))
        return a_commit(folder, given, environment, needs=needs)

    text = "image: w:1, config: sub/.arkindex.yml, revision_branch: '', revision_tags: [a, 'b ${TAGS}']"
    manifest(text, environment={"TAGS": "c d"}, revision=record)
    manifest("image: w:1, config: arkindex/x.yml, revision_tags: a b, revision_hash: x", revision=record)

    (folder, first, needs), (_, second, fewer) = seen
    assert (folder, first.branch, first.tags, first.hash) == (Path("/project/sub"), "", ("a", "b", "c", "d"), None)
    assert (second.tags, second.hash, second.branch) == (("a", "b"), "x", None)
    assert needs == EVERY_VALUE
    assert sorted(needs - fewer) == [Value.AUTHOR, Value.MESSAGE]


def test_problems_of_a_commit_are_told_at_the_field_or_the_entry() -> None:
    """A value that was written wrongly is told where it stands, one that nobody knows at the entry."""

    def fail(*_: object, **__: object) -> Revision:
        raise RevisionError(
            [
                RevisionProblem(Value.HASH, "wrong hash", "hint", is_given=True),
                RevisionProblem(Value.BRANCH, "no branch", "hint"),
            ]
        )

    assert messages("image: w:1, revision_hash: x", revision=fail) == ["4:5 no branch", "4:33 wrong hash"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("config: none.yml", ["4:5 `image` is missing"]),
        ("image: W:1", ["4:13 `W:1` is not the name of an image in a registry"]),
        ("image: w:1, config: gone.yml", ["4:26 there is no file `gone.yml`"]),
        ("image: w:1, config: 'gone/*.yml'", ["4:26 `gone/*.yml` matches no file"]),
        (
            "image: w:1, config: 'arkindex/{x}*.yml'",
            ["4:26 nothing stands between two wildcards, so that a name can be split in many ways"],
        ),
        ("image: w:1, config: 'arkindex/{name}_?.yml'", ["4:26 captures such as `{name}` have no meaning here"]),
        ("image: w:1, config: ../.arkindex.yml", ["4:26 the path `../.arkindex.yml` leads out of the project's root"]),
        ("image: w:1, file: x", ["4:18 unknown field `file`"]),
        ("image: w:1, revision_tags: {a: b}", ["4:33 expected a tag, or a list of tags"]),
        ("image: w:1, revision_tags: ['${TAG}']", ["4:35 `TAG` is not set"]),
        (
            "image: w:1, config: bad.yml",
            [
                "4:26 bad.yml:3:17: unknown key `typo`",
                "4:26 bad.yml:3:5: `name` is missing",
                "4:26 bad.yml:4:12: `slug` is not allowed here",
            ],
        ),
    ],
)
def test_each_mistake_is_told_at_its_place(entry: str, expected: list[str]) -> None:
    """A mistake of the entry has its own place; one of a worker's file is told at `config` with that file's place."""
    assert messages(entry) == expected


def test_no_workers_are_a_warning() -> None:
    """A listing without workers publishes nothing, and says so."""
    found = manifest("image: w:1, config: none.yml")

    assert found.artifacts == ()
    assert "lists no workers" in found.warnings[0].message


def test_one_worker_is_one_artifact() -> None:
    """Two entries that mean the same worker at the same commit are told, whatever their images are."""
    two = f"{HEAD}  - {{image: w:1}}\n  - {{image: w:2}}\n"

    error = refused(two, files=MemoryFiles([], FILES))

    assert "the same identity" in error.diagnostics[0].message


def test_a_file_is_read_once() -> None:
    """A hundred images of one configuration do not read it a hundred times."""
    files = MemoryFiles([], FILES)
    rows = ", ".join(f"w{number}" for number in range(100))
    body = f"image: '${{matrix.i}}:1', matrix: {{i: [{rows}]}}"
    text = f"{HEAD}  - {{{body}}}\n"

    error = refused(text, files=files)

    assert files.opened == [".arkindex.yml"]
    assert error.diagnostics
