"""`image:` as a source of an artifact of the fleet: a name that is judged by its text."""

from __future__ import annotations

import pytest

from publisher.model import FileSource, ImageSource
from tests.unit.manifest.building import ROOT, entry, parse, refused, the_problem


@pytest.mark.parametrize("name", ["loader:arm64", "registry.example.com:5000/group/app:1.4", "app@sha256:" + "0" * 64])
def test_an_image_is_a_source(name: str) -> None:
    """The name is kept as written, and nothing is looked up."""
    (artifact,) = parse(entry(f"resource_name: m, image: '{name}'")).artifacts

    assert artifact.source == ImageSource(name, name, None, "arm64")
    assert artifact.origins["image"].where == "/project/release.yaml:5"


@pytest.mark.parametrize(
    ("reference", "local"),
    [
        ("oci:build/loader:1.4", "build/loader/index.json"),
        ("oci:build/loader/", "build/loader/index.json"),
        ("oci-archive:build/loader.tar:1.4", "build/loader.tar"),
        ("docker-archive:build/loader.tar", "build/loader.tar"),
    ],
)
def test_a_local_image_is_a_file_of_the_project(reference: str, local: str) -> None:
    """An archive, or an OCI layout by its index, is found as files are: relative to the manifest, below the root."""
    names = ["build/loader/index.json", "build/loader.tar"]

    (artifact,) = parse(entry(f"resource_name: m, image: '{reference}'"), names=names).artifacts

    assert artifact.source == ImageSource(reference, reference, FileSource(ROOT / local, ROOT, local), "arm64")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("oci:build/other:1.4", "there is no file `build/other/index.json`"),
        ("oci:../build:1.4", "the path `../build/index.json` leads out of the project's root"),
        ("docker-archive:/tmp/loader.tar", "the path `/tmp/loader.tar` is absolute"),
        ("docker-archive:build", "`build` is a directory, and a source is a regular file"),
        ("oci:", "the path is empty"),
        (
            "docker-archive:build/loader.tar:1.4",
            "`docker-archive:build/loader.tar:1.4` is an archive with a tag behind it",
        ),
        ("containers-storage:loader", "`containers-storage:loader` is of a kind that is not read: containers-storage:"),
        ("docker://", "`docker://` is not the name of an image"),
    ],
)
def test_a_reference_that_leads_to_no_image_is_refused(reference: str, message: str) -> None:
    """What cannot be an image of the engine, a registry or the project is an error while the manifest is read."""
    names = ["build/loader/index.json", "build/loader.tar"]

    assert the_problem(entry(f"resource_name: m, image: '{reference}'"), names=names).message == message


def test_an_image_has_a_matrix_like_a_file() -> None:
    """Each row of the matrix is one image."""
    manifest = parse(entry("resource_name: 'm-${matrix.a}', image: 'loader:${matrix.a}', matrix: {a: [arm64, amd64]}"))

    assert [artifact.source.shown for artifact in manifest.artifacts] == ["loader:arm64", "loader:amd64"]


def test_the_value_of_a_variable_is_not_shown_in_a_message() -> None:
    """A name that came from the environment stands in a message as its reference."""
    problem = the_problem(entry("resource_name: m, image: '${IMAGE}'"), IMAGE="Canary:1")

    assert problem.message == "`${IMAGE}` is not the name of an image"
    assert problem.hint == "the name of an image is lower case"


def test_an_entry_without_a_source_is_told_what_it_can_have() -> None:
    """The hint names every field by which an artifact of the fleet may name its source."""
    (problem,) = refused(entry("resource_name: m")).diagnostics

    assert problem.hint == "give it `file: path`, `files: pattern` or `image: name:tag`"
