"""`image:` as a source of an artifact of the fleet: a name that is judged by its text."""

from __future__ import annotations

import pytest

from publisher.model import ImageSource
from tests.unit.manifest.building import entry, parse, refused, the_problem


@pytest.mark.parametrize("name", ["loader:arm64", "registry.example.com:5000/group/app:1.4", "app@sha256:" + "0" * 64])
def test_an_image_is_a_source(name: str) -> None:
    """The name is kept as written, and nothing is looked up."""
    (artifact,) = parse(entry(f"resource_name: m, image: '{name}'")).artifacts

    assert artifact.source == ImageSource(name, name)
    assert artifact.origins["image"].where == "/project/release.yaml:5"


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
