"""Worker definitions, `arkindex/NAME.yml`: which file is one, and what each key may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.manifest.diagnostics import ManifestError
from publisher.manifest.workers import DefinedWorker, read_defined, read_listing
from publisher.model import WorkerForm

PATH = Path("arkindex/my-worker.yml")

FULL = """\
slug: my-worker
display_name: My Worker
type: classifier
description: |
  # My worker
gpu_usage: supported
docker: {command: my-worker run, shm_size: 256m}
configuration:
  - {key: min_cc, display_name: Min CC, type: int, default: 50, required: true}
  - key: mode
    display_name: Mode
    type: enum
    choices: [fast, exact]
  - key: group
    display_name: Group
    type: group
    children:
      - {key: inner, display_name: Inner, type: string, help_text: help, many: false, editable: true}
"""
HEAD = "{slug: w, display_name: n, type: t, description: d, "


def test_a_definition_is_handed_on_as_its_text() -> None:
    """The names are read, and the whole text is what a server is sent."""
    listing = read_listing(FULL.encode(), PATH)

    expected = DefinedWorker("my-worker", "My Worker", "classifier", "# My worker\n", FULL)
    assert (listing.form, listing.items) == (WorkerForm.DEFINED, (expected,))
    assert read_defined(FULL.encode(), PATH) == expected


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("{slug: w, display_name: n, type: t}", "1:1", "`description` is missing"),
        ("{slug: w, display_name: n, type: t, description: ''}", "1:50", "`description` is empty"),
        ("{slug: a b, display_name: n, type: t, description: d}", "1:8", "`slug` is not allowed here"),
        (f"{{slug: w, display_name: {'n' * 101}, type: t, description: d}}", "1:25", "longer than 100 characters"),
        (HEAD + "name: n}", "1:53", "unknown key `name`"),
        (HEAD + "model_usage: on}", "1:66", "`model_usage` cannot be `on`"),
        (HEAD + "docker: {shm_size: 5M}}", "1:72", "`shm_size` is not allowed here"),
        (HEAD + "configuration: {a: 1}}", "1:68", "expected a list, found a mapping"),
        (HEAD + "configuration: [a]}", "1:69", "expected a mapping, found text"),
        (HEAD + "configuration: [{key: a, type: int}]}", "1:69", "`display_name` is missing"),
        (HEAD + "configuration: [{key: a, display_name: b, type: integer}]}", "1:101", "`type` cannot be `integer`"),
        (HEAD + "configuration: [{key: a, display_name: b, type: enum, choices: [x]}]}", "1:116", "two values or more"),
        (
            HEAD + "configuration: [{key: a, display_name: b, type: int, many: 'no'}]}",
            "1:112",
            "`many` is true or false",
        ),
        (
            HEAD + "configuration: [{key: a, display_name: b, type: dict, children: [{key: c}]}]}",
            "1:118",
            "`display_name` is missing",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place(text: str, place: str, said: str) -> None:
    """A definition that the client would refuse is refused before anything is sent, at its line and column."""
    with pytest.raises(ManifestError) as caught:
        read_listing(text.encode(), PATH)

    problem = next(item for item in caught.value.diagnostics if said in item.message)
    assert f"{problem.line}:{problem.column}" == place


def test_a_file_with_keys_of_a_listing_is_a_listing_whatever_its_name() -> None:
    """A listing under another name is read as one, and a definition under any name but `.arkindex.yml`."""
    assert read_listing(b"version: 2\n", Path("config/workers.yml")).form is WorkerForm.LISTED
    with pytest.raises(ManifestError):
        read_listing(FULL.encode(), Path("x/.arkindex.yml"))
