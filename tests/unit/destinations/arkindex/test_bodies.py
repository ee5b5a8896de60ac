"""Request bodies, compared field by field with those that Arkindex's own client was seen to send."""

from __future__ import annotations

from pathlib import Path

from publisher.destinations.arkindex import bodies
from publisher.destinations.arkindex.values import Wanted
from publisher.manifest.workers import ConfiguredWorker, read_defined, read_listing

LISTING = b"""\
version: 2
workers:
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
    docker: {command: my-worker run, shm_size: 256m}
"""
CONFIGURATION = {
    "name": "My Worker",
    "slug": "my-worker",
    "type": "classifier",
    "configuration": {"threshold": 0.5},
    "user_configuration": {"min_cc": {"title": "Min CC", "type": "int", "default": 50}},
    "secrets": ["a/b"],
    "docker": {"command": "my-worker run", "shm_size": "256m"},
}
HASH = "c80c50c2ca9cc287a3545a9fd0127a4e1383df9b"


def worker() -> ConfiguredWorker:
    (found,) = read_listing(LISTING, Path(".arkindex.yml")).items
    assert isinstance(found, ConfiguredWorker)
    return found


def wanted(*tags: str, branch: str | None = "master") -> Wanted:
    return Wanted(
        slug="my-worker",
        image="registry.example.com/g/w:1.0",
        repository_url="https://gitlab.example.com/g/w",
        revision_hash=HASH,
        revision_url=f"https://gitlab.example.com/g/w/commit/{HASH}",
        message="First line\n\nSecond para",
        author="Fox Mulder",
        branch=branch,
        tags=tags,
    )


def test_docker_version() -> None:
    """The one body of the source document's mode: description, references and all."""
    assert bodies.docker_version(wanted("v1.0"), worker(), "# My worker\n") == {
        "worker_description": "# My worker\n",
        "docker_image_iid": "registry.example.com/g/w:1.0",
        "repository_url": "https://gitlab.example.com/g/w",
        "revision_hash": HASH,
        "revision_message": "First line\n\nSecond para",
        "revision_author": "Fox Mulder",
        "revision_references": [{"type": "branch", "name": "master"}, {"type": "tag", "name": "v1.0"}],
        "worker_slug": "my-worker",
        "worker_name": "My Worker",
        "worker_type": "classifier",
        "gpu_usage": "supported",
        "model_usage": "required",
        "configuration": CONFIGURATION,
    }


def test_docker_version_without_what_nobody_knows() -> None:
    """Every tag is sent, in its order; no branch and no description are left out, not sent as nothing."""
    body = bodies.docker_version(wanted("b", "a", branch=None), worker(), None)

    assert body["revision_references"] == [{"type": "tag", "name": "b"}, {"type": "tag", "name": "a"}]
    assert "worker_description" not in body


def test_worker_and_version() -> None:
    """The two bodies of the second mode: one tag, the first alphabetically, and the state `available`."""
    assert bodies.worker(wanted(), worker(), "d") == {
        "name": "My Worker",
        "type": "classifier",
        "slug": "my-worker",
        "repository_url": "https://gitlab.example.com/g/w",
        "description": "d",
    }
    assert "description" not in bodies.worker(wanted(), worker(), None)
    assert bodies.version(wanted("v2", "v1.0"), worker()) == {
        "configuration": CONFIGURATION,
        "revision_url": f"https://gitlab.example.com/g/w/commit/{HASH}",
        "docker_image_iid": "registry.example.com/g/w:1.0",
        "state": "available",
        "gpu_usage": "supported",
        "model_usage": "required",
        "branch": "master",
        "tag": "v1.0",
    }


def test_import() -> None:
    """The third mode sends the file's text, and labels only where there are any."""
    text = "slug: w\ndisplay_name: W\ntype: t\ndescription: d\n"
    defined = read_defined(text.encode(), Path("arkindex/w.yml"))

    assert bodies.definition(wanted(branch=None), defined) == {
        "yaml": text,
        "revision_url": f"https://gitlab.example.com/g/w/commit/{HASH}",
        "docker_image_iid": "registry.example.com/g/w:1.0",
    }
