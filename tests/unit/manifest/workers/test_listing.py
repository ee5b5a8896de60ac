"""`.arkindex.yml` of format 2, and the files it names: what is read, what is refused, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.manifest.diagnostics import ManifestError
from publisher.manifest.workers import ConfiguredWorker, Pointer, read_configured, read_listing
from publisher.model import WorkerForm

PATH = Path(".arkindex.yml")

FULL = """\
version: 2
workers:
  - workers/*.yml
  - slug: my-worker
    name: My Worker
    type: classifier
    description: descriptions/w.md
    gpu_usage: supported
    model_usage: required
    configuration: {threshold: 0.5}
    user_configuration:
      min_cc: {title: Min CC, type: int, default: 50}
    secrets: [a/b]
    docker:
      command: my-worker run
      shm_size: 256m
"""


def one(worker: str) -> str:
    """Return a listing of one worker, whose keys start at line 3, column 5."""
    return f"version: 2\nworkers:\n  - {worker}\n"


def problems_of(text: str, path: Path = PATH) -> list[tuple[str, str]]:
    """Return place and message of every problem."""
    with pytest.raises(ManifestError) as caught:
        read_listing(text.encode(), path)
    return [(f"{item.line}:{item.column}", item.message) for item in caught.value.diagnostics]


def test_a_worker_is_read_as_the_client_sends_it() -> None:
    """Numbers are numbers, both docker keys are there, and the description and usages are no part of it."""
    listing = read_listing(FULL.encode(), PATH)

    assert listing.form is WorkerForm.LISTED
    assert listing.items == (
        Pointer("workers/*.yml", 3, 5),
        ConfiguredWorker(
            slug="my-worker",
            name="My Worker",
            type="classifier",
            gpu_usage="supported",
            model_usage="required",
            description_path="descriptions/w.md",
            line=4,
            configuration={
                "name": "My Worker",
                "slug": "my-worker",
                "type": "classifier",
                "configuration": {"threshold": 0.5},
                "user_configuration": {"min_cc": {"title": "Min CC", "type": "int", "default": 50}},
                "secrets": ["a/b"],
                "docker": {"command": "my-worker run", "shm_size": "256m"},
            },
        ),
    )


def test_defaults_are_those_of_the_client() -> None:
    """What is not written, or null, is sent as the client's defaults."""
    text = one("{slug: w, name: 7, type: 1.10, docker: {command: null, shm_size: 64}, secrets: ~}")

    (worker,) = read_listing(text.encode(), PATH).items

    assert isinstance(worker, ConfiguredWorker)
    assert (worker.gpu_usage, worker.model_usage, worker.description_path) == ("disabled", "disabled", None)
    assert worker.configuration == {
        "name": "7",
        "slug": "w",
        "type": "1.10",
        "configuration": {},
        "user_configuration": {},
        "secrets": [],
        "docker": {"command": None, "shm_size": 64},
    }


@pytest.mark.parametrize(
    "text", ["version: 2\n", "version: 2\nworkers: []\n", "version: 2\nworkers: ~\nmodels: [a.yml]\n"]
)
def test_no_workers_are_no_problem(text: str) -> None:
    """A listing may have no workers; `models` serves another program."""
    assert read_listing(text.encode(), PATH).items == ()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("version: 1\nworkers: []\n", "1:10", "expected `version: 2`, found 1"),
        ("version: '3'\n", "1:10", "expected `version: 2`, found 3"),
        ("version: [2]\n", "1:10", "expected `version: 2`, found a list"),
        ("workers: []\n", "1:1", "`version` is missing"),
        ("version: 2\nworker: []\n", "2:1", "unknown key `worker`"),
        ("version: 2\nworkers: w.yml\n", "2:10", "expected a list, found text"),
        ("version: 2\nworkers: [[a]]\n", "2:11", "expected a worker or the pattern of its file, found a list"),
        (one("{name: n, type: t}"), "3:5", "`slug` is missing"),
        (one("{slug: w, type: t, name: ''}"), "3:30", "`name` is empty"),
        (one("{slug: a/b, name: n, type: t}"), "3:12", "`slug` is not allowed here"),
        (one("{slug: w, name: n, type: t, gpu: required}"), "3:33", "unknown key `gpu`"),
        (one("{slug: w, name: n, tpye: t}"), "3:24", "unknown key `tpye`"),
        (one("{slug: w, name: n, type: t, gpu_usage: maybe}"), "3:44", "`gpu_usage` cannot be `maybe`"),
        (one("{slug: w, name: n, type: t, configuration: [a]}"), "3:48", "expected a mapping, found a list"),
        (one("{slug: w, name: n, type: t, configuration: {d: 2026-01-01}}"), "3:52", "YAML reads this as a date"),
        (one("{slug: w, name: n, type: t, user_configuration: {a: 1}}"), "3:57", "expected a mapping, found text"),
        (one("{slug: w, name: n, type: t, user_configuration: {a: {type: int}}}"), "3:57", "`title` is missing"),
        (
            one("{slug: w, name: n, type: t, user_configuration: {a: {title: a, type: int, defualt: 1}}}"),
            "3:79",
            "unkno",
        ),
        (one("{slug: w, name: n, type: t, secrets: [{a: b}]}"), "3:43", "expected the name of a secret"),
        (one("{slug: w, name: n, type: t, docker: {build: .}}"), "3:42", "unknown key `build`"),
        (one("{slug: w, name: n, type: t, docker: {shm_size: 0m}}"), "3:52", "`shm_size` is not allowed here"),
        (one("{slug: w, name: n, type: t, docker: {shm_size: 5t}}"), "3:52", "`shm_size` is not allowed here"),
        (one("{slug: w, slug: v, name: n, type: t}"), "3:15", "the key `slug` is written twice"),
        (one("&w {slug: w, name: n, type: t}"), "3:5", "anchors are not allowed in a configuration of workers"),
        ("- a\n", "1:1", "a configuration of workers is a mapping with `version: 2` and `workers`; found a list"),
        ("", "1:1", "a configuration of workers is a mapping with `version: 2` and `workers`; it is empty"),
    ],
)
def test_each_mistake_is_told_with_its_place(text: str, place: str, said: str) -> None:
    """What the client drops in silence, or fails on later, is one clear error at its line and column."""
    ((where, message),) = problems_of(text)

    assert where == place
    assert said in message


def test_all_mistakes_come_at_once() -> None:
    """Every worker of the file is checked, not only up to the first mistake."""
    found = problems_of("version: 2\nworkers:\n  - {slug: a}\n  - {slug: b, name: n}\n  - {slug: '', type: t}\n")

    assert [message for _, message in found] == [
        "`name` is missing",
        "`type` is missing",
        "`type` is missing",
        "`name` is missing",
        "`slug` is empty",
    ]


def test_a_misspelt_key_is_not_called_missing_as_well() -> None:
    """One mistake is one message: the misspelling, with the key that is meant."""
    with pytest.raises(ManifestError) as caught:
        read_listing(one("{slug: w, naem: n, type: t}").encode(), PATH)

    (problem,) = caught.value.diagnostics
    assert problem.hint == "did you mean `name`?"


def test_a_file_that_is_named_by_a_pattern_holds_one_worker() -> None:
    """The files of a pattern have the keys of a worker at their top, and the same rules."""
    worker = read_configured(b"slug: w\nname: n\ntype: t\n", Path("workers/w.yml"))

    assert (worker.slug, worker.line) == ("w", 1)
    with pytest.raises(ManifestError, match="1 problem in"):
        read_configured(b"slug: w\nname: n\n", Path("workers/w.yml"))


def test_prose_may_hold_tabs_and_joined_emoji() -> None:
    """Text is sent on as it is; a manifest's stricter rule for names is not for descriptions."""
    (worker,) = read_listing(one('{slug: w, name: "n\\tm \U0001f469‍\U0001f52c", type: t}').encode(), PATH).items

    assert isinstance(worker, ConfiguredWorker)
    assert worker.name == "n\tm \U0001f469‍\U0001f52c"
