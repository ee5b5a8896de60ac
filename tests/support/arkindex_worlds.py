"""Small worlds for tests of Arkindex: a worker, a wish, and a session that does not wait between attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from publisher.cancellation import Cancellation
from publisher.destinations.arkindex.client import ArkindexClient, ArkindexOptions
from publisher.destinations.arkindex.session import Session
from publisher.destinations.arkindex.values import Wanted
from publisher.manifest.workers import ConfiguredWorker, DefinedWorker, read_defined, read_listing
from publisher.retry import RetryPolicy
from publisher.secrecy import Masked
from tests.support.arkindex_server import TOKEN

REPOSITORY = "https://gitlab.example.com/g/w"
HASH = "c80c50c2ca9cc287a3545a9fd0127a4e1383df9b"
AT_ONCE = RetryPolicy(attempts=5, base_s=0.0, cap_s=0.0, retry_after_cap_s=0.0)

LISTING = """\
version: 2
workers:
  - {slug: my-worker, name: My Worker, type: classifier}
"""
DEFINITION = """\
slug: my-worker
display_name: My Worker
type: classifier
description: "# My worker"
"""


def configured(text: str = LISTING) -> ConfiguredWorker:
    (found,) = read_listing(text.encode(), Path(".arkindex.yml")).items
    assert isinstance(found, ConfiguredWorker)
    return found


def defined(text: str = DEFINITION) -> DefinedWorker:
    return read_defined(text.encode(), Path("arkindex/my-worker.yml"))


def wanted(**changes: Any) -> Wanted:
    """Return a wish for `registry.example.com/g/w:1.0` at one commit, labelled `main` and `v1`."""
    values: dict[str, Any] = {
        "slug": "my-worker",
        "image": "registry.example.com/g/w:1.0",
        "repository_url": REPOSITORY,
        "revision_hash": HASH,
        "revision_url": f"{REPOSITORY}/commit/{HASH}",
        "message": "Add the worker",
        "author": "Fox Mulder",
        "branch": "main",
        "tags": ("v1",),
    }
    return Wanted(**values | changes)


def options(url: str, token: str = TOKEN, **changes: Any) -> ArkindexOptions:
    values: dict[str, Any] = {"url": url, "token": Masked(token), "connect_timeout_s": 2.0, "read_timeout_s": 2.0}
    return ArkindexOptions(**values | changes)


def session(
    client: ArkindexClient, *, cancellation: Cancellation | None = None, retry: RetryPolicy = AT_ONCE
) -> Session:
    return Session(client, retry=retry, cancellation=cancellation or Cancellation(), notice=lambda *_: None)
