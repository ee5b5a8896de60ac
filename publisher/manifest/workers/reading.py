"""From the bytes of a worker's file to what it describes, or one error with every problem. Opens nothing.

Which form a file has is decided by its name and its top keys, so that one manifest field, `config`, serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar

from publisher.manifest.decoding import decode, lines_of
from publisher.manifest.dialect import Dialect
from publisher.manifest.document import read_document
from publisher.manifest.escaping import visible
from publisher.manifest.nodes import ListNode, MapNode, TextNode, describe, place
from publisher.manifest.problems import Problems
from publisher.manifest.workers.configuration import read_worker
from publisher.manifest.workers.definition import read_definition
from publisher.manifest.workers.fields import Fields
from publisher.manifest.workers.values import ConfiguredWorker, DefinedWorker, Worker
from publisher.model import WorkerForm

FORMAT = "2"
LISTING_NAMES = (".arkindex.yml", ".arkindex.yaml")
_LISTING_KEYS = ("version", "workers", "models")

_LISTING = Dialect(
    a="a configuration of workers",
    the="the configuration",
    shape="a mapping with `version: 2` and `workers`",
    instead="repeat it",
    is_prose=True,
)
_WORKER = Dialect(
    a="a worker's file",
    the="the file",
    shape="a mapping with `slug` and `type`",
    instead="repeat it",
    is_prose=True,
)

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Pointer:
    """An entry of `workers` that is a pattern of files, relative to the listing's folder."""

    pattern: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a `config` file describes: `items` in order. Only a listing has pointers, or more than one item."""

    form: WorkerForm
    items: tuple[Worker | Pointer, ...]


def read_listing(data: bytes, path: Path) -> Listing:
    """Return what a file that a manifest names describes. Raises `ManifestError` with every problem."""

    def read(root: MapNode, text: str, problems: Problems) -> Listing | None:
        if PurePath(path).name in LISTING_NAMES or not {*_LISTING_KEYS}.isdisjoint(root.entries):
            return _listing(root, problems)
        worker = read_definition(root, text, problems)
        return None if worker is None else Listing(WorkerForm.DEFINED, (worker,))

    return _read(data, path, _LISTING if PurePath(path).name in LISTING_NAMES else _WORKER, read)


def read_configured(data: bytes, path: Path) -> ConfiguredWorker:
    """Return the worker of a file that a listing names by a pattern. Raises `ManifestError` with every problem."""
    return _read(data, path, _WORKER, lambda root, _, problems: read_worker(root, "", problems))


def read_defined(data: bytes, path: Path) -> DefinedWorker:
    """Return the worker of a definition. Raises `ManifestError` with every problem."""
    return _read(data, path, _WORKER, read_definition)


def _read(data: bytes, path: Path, dialect: Dialect, read: Callable[[MapNode, str, Problems], Found | None]) -> Found:
    problems = Problems(path)
    text = decode(data, problems, dialect)
    if text is not None:
        problems.source_lines = lines_of(text)
        root = read_document(text, problems, dialect)
        found = None if root is None else read(root, text, problems)
        if found is not None and not problems.has_errors:
            return found
    raise problems.as_error()


def _listing(root: MapNode, problems: Problems) -> Listing | None:
    if not _has_our_format(root, problems):
        return None
    fields = Fields(root, "", problems, _LISTING_KEYS)
    listed = fields.list("workers")
    items: list[Worker | Pointer] = []
    for index, node in enumerate(listed.items if listed else ()):
        path = f"workers[{index}]"
        match node:
            case MapNode():
                worker = read_worker(node, path, problems)
                items += [worker] if worker else []
            case TextNode() if node.text.strip():
                items.append(Pointer(node.text, node.line, node.column))
            case TextNode() | ListNode():
                message = f"expected a worker or the pattern of its file, found {describe(node)}"
                problems.error(place(node, path), message)
    return Listing(WorkerForm.LISTED, tuple(items))


def _has_our_format(root: MapNode, problems: Problems) -> bool:
    version = root.get("version")
    if version is None:
        problems.error(place(root, "version"), "`version` is missing", hint=f"write `version: {FORMAT}`")
    elif not isinstance(version, TextNode) or version.text != FORMAT:
        found = visible(version.text, limit=20) if isinstance(version, TextNode) else describe(version)
        hint = "version 1 is not supported by Arkindex any more" if found == "1" else None
        problems.error(place(version, "version"), f"expected `version: {FORMAT}`, found {found}", hint=hint)
    else:
        return True
    return False
