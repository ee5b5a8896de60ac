"""The facts of any source: its size and its fingerprint, read while planning. One case for each kind of source."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import assert_never

from publisher.model import (
    Digest,
    FileSetSource,
    FileSource,
    ImageSource,
    PackageSource,
    Source,
    SourceFacts,
    WorkerSource,
)
from publisher.sources.files import fingerprint, open_file
from publisher.sources.memory import FORGETFUL, Memory

Check = Callable[[], None]
"""Raises to cancel; asked often while reading."""

_FILE = "file"
"""What the memory calls the facts of a whole file."""


def facts_of(source: Source, check: Check, memory: Memory = FORGETFUL) -> SourceFacts:
    """Read what has to be read of a source, unless `memory` knows it.

    Raises `SourceError`, `SourceChangedError`, and what `check` raises.
    """
    match source:
        case FileSource():
            return _of_file(source, check, memory)
        case FileSetSource():
            return facts_of_listing(listing_of(source, check, memory))
        case ImageSource():
            return _of_image(source, check, memory)
        case PackageSource():
            from publisher.sources.packages import package_facts

            what = f"package {json.dumps([source.filename, source.subdir, source.expected])}"
            return memory.recall(source.file, what, lambda: package_facts(source, check))
        case WorkerSource():
            return _of_worker(source, check, memory)
        case _:
            assert_never(source)


def size_of(file: FileSource, memory: Memory = FORGETFUL) -> SourceFacts:
    """Return the facts of a file without reading it: the fingerprint is there only if `memory` knows it.

    Raises `SourceError`.
    """

    def read() -> SourceFacts:
        with open_file(file) as opened:
            return SourceFacts(opened.size_bytes, None)

    return memory.recall(file, _FILE, read)


Listing = Mapping[str, SourceFacts]
"""The size and the SHA-256 of each file of a set, by its name there."""


def listing_of(source: FileSetSource, check: Check, memory: Memory = FORGETFUL) -> Listing:
    """Read every file of a set. Raises as `facts_of`."""
    return {named.name: _of_file(named.file, check, memory) for named in source.files}


def facts_of_listing(listing: Listing) -> SourceFacts:
    """Return the sum of the sizes and the digest of the listing: where the files lie on this machine is no part."""
    canonical = [[name, facts.size_bytes, facts.sha256.hex] for name, facts in sorted(listing.items())]
    return SourceFacts(sum(facts.size_bytes for facts in listing.values()), _digest(canonical))


def _of_file(file: FileSource, check: Check, memory: Memory) -> SourceFacts:
    return memory.recall(file, _FILE, lambda: fingerprint(file, check))


def _of_image(source: ImageSource, check: Check, memory: Memory) -> SourceFacts:
    """An archive is one file; what an engine, a registry or a layout holds may change without it."""
    from publisher.sources.images.source import image_facts, is_archive

    if source.local is None or not is_archive(source):
        return image_facts(source, check)
    what = f"image {json.dumps([source.reference, source.architecture])}"
    return memory.recall(source.local, what, lambda: image_facts(source, check))


def _of_worker(source: WorkerSource, check: Check, memory: Memory) -> SourceFacts:
    files = [_of_file(file, check, memory) for file in (source.config, source.description) if file is not None]
    return worker_facts(source, files)


def worker_facts(source: WorkerSource, files: Sequence[SourceFacts]) -> SourceFacts:
    """Return the facts of a worker from those of its files: the configuration, and the description if there is one."""
    canonical = [source.image, source.form, [facts.sha256.hex for facts in files], sorted(source.values)]
    return SourceFacts(sum(facts.size_bytes for facts in files), _digest(canonical))


def _digest(canonical: object) -> Digest:
    text = json.dumps(canonical, separators=(",", ":"), ensure_ascii=False)
    return Digest(sha256(text.encode("utf-8", "surrogateescape")).hexdigest())
