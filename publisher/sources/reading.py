"""Read every source of a manifest once, several at a time: size and SHA-256 of each.

A source that several artifacts share is read once. A source that cannot be read, or that is not what the manifest
calls it, is reported, not raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress

from publisher.cancellation import Cancellation
from publisher.errors import Cancelled, PublisherError
from publisher.events import Listener, ReadingSource
from publisher.model import Artifact, FileSource, ReadyArtifact, Source, SourceFacts, UnreadySource, failure_from
from publisher.sources.agreeing import check_agreement
from publisher.sources.facts import facts_of, size_of
from publisher.sources.memory import FORGETFUL, Memory
from publisher.workers import each_or_cancelled

LARGE_BYTES = 16 << 20
"""From this size on it is worth a second look at the destination to read a file once instead of twice."""


def read_sources(
    artifacts: Sequence[Artifact],
    *,
    jobs: int = 2,
    cancellation: Cancellation,
    emit: Listener,
    memory: Memory = FORGETFUL,
    late: Collection[str] = (),
) -> tuple[list[ReadyArtifact], list[UnreadySource]]:
    """Return the artifacts whose sources were read and those whose sources were not, each in the given order.

    Reads `jobs` sources at a time, but for what `memory` knows. Of large files that go to a destination named in
    `late`, only the size is found out; not of one that is the source of several artifacts, which are to be the same.
    Raises `Cancelled` when a stop is requested.
    """
    distinct = list(dict.fromkeys(artifact.source for artifact in artifacts))
    first_user = {artifact.source: artifact.id for artifact in reversed(artifacts)}
    users = Counter(artifact.source for artifact in artifacts)
    may_wait = {item.source for item in artifacts if item.destination in late and users[item.source] == 1}
    done = 0

    def read(source: Source) -> SourceFacts | PublisherError:
        try:
            if isinstance(source, FileSource) and source in may_wait and _is_large(source):
                return size_of(source, memory)
            return facts_of(source, cancellation.check, memory)
        except Cancelled:
            raise
        except PublisherError as error:
            return error

    def told(source: Source, _answer: object) -> None:
        nonlocal done
        done += 1
        emit(ReadingSource(first_user[source], done, len(distinct)))

    found = each_or_cancelled(distinct, read, threads=jobs, cancellation=cancellation, name="read", ended=told)
    memory.keep()
    facts = dict(zip(distinct, found, strict=True))
    ready, unready = [], []
    for artifact in artifacts:
        fact = facts[artifact.source]
        error = _disagreement(artifact) if isinstance(fact, SourceFacts) else fact
        if error is None and isinstance(fact, SourceFacts):
            ready.append(ReadyArtifact(artifact, fact))
        elif error is not None:
            unready.append(UnreadySource(artifact, failure_from(error)))
    return ready, unready


def _is_large(source: FileSource) -> bool:
    """Say so at a glance; whether the path is a file that may be read turns out when it is opened."""
    with suppress(OSError):
        return source.path.stat().st_size >= LARGE_BYTES
    return False


def _disagreement(artifact: Artifact) -> PublisherError | None:
    try:
        check_agreement(artifact)
    except PublisherError as error:
        return error
    return None
