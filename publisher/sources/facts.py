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
from publisher.sources.files import fingerprint
from publisher.sources.images.source import image_facts
from publisher.sources.packages import package_facts

Check = Callable[[], None]
"""Raises to cancel; asked often while reading."""


def facts_of(source: Source, check: Check) -> SourceFacts:
    """Read what has to be read of a source. Raises `SourceError`, `SourceChangedError`, and what `check` raises."""
    match source:
        case FileSource():
            return fingerprint(source, check)
        case FileSetSource():
            return facts_of_listing(listing_of(source, check))
        case ImageSource():
            return image_facts(source, check)
        case PackageSource():
            return package_facts(source, check)
        case WorkerSource():
            return _of_worker(source, check)
        case _:
            assert_never(source)


Listing = Mapping[str, SourceFacts]
"""The size and the SHA-256 of each file of a set, by its name there."""


def listing_of(source: FileSetSource, check: Check) -> Listing:
    """Read every file of a set. Raises as `facts_of`."""
    return {named.name: fingerprint(named.file, check) for named in source.files}


def facts_of_listing(listing: Listing) -> SourceFacts:
    """Return the sum of the sizes and the digest of the listing: where the files lie on this machine is no part."""
    canonical = [[name, facts.size_bytes, facts.sha256.hex] for name, facts in sorted(listing.items())]
    return SourceFacts(sum(facts.size_bytes for facts in listing.values()), _digest(canonical))


def _of_worker(source: WorkerSource, check: Check) -> SourceFacts:
    files = [fingerprint(file, check) for file in (source.config, source.description) if file is not None]
    return worker_facts(source, files)


def worker_facts(source: WorkerSource, files: Sequence[SourceFacts]) -> SourceFacts:
    """Return the facts of a worker from those of its files: the configuration, and the description if there is one."""
    canonical = [source.image, source.form, [facts.sha256.hex for facts in files], sorted(source.values)]
    return SourceFacts(sum(facts.size_bytes for facts in files), _digest(canonical))


def _digest(canonical: object) -> Digest:
    text = json.dumps(canonical, separators=(",", ":"), ensure_ascii=False)
    return Digest(sha256(text.encode("utf-8", "surrogateescape")).hexdigest())
