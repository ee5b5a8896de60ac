"""Read every source of a manifest once, several at a time: size and SHA-256 of each.

A source that several artifacts share is read once. A source that cannot be read is reported, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from publisher.cancellation import Cancellation
from publisher.errors import Cancelled, PublisherError
from publisher.events import Listener, ReadingSource
from publisher.model import Artifact, ReadyArtifact, Source, SourceFacts, UnreadySource, failure_from
from publisher.sources.facts import facts_of

READERS = 2
"""Hashing is bound by the processor; more readers than cores only fight for it."""


def read_sources(
    artifacts: Sequence[Artifact], *, cancellation: Cancellation, emit: Listener
) -> tuple[list[ReadyArtifact], list[UnreadySource]]:
    """Return the artifacts whose sources were read and those whose sources were not, each in the given order.

    Raises `Cancelled` when a stop is requested.
    """
    distinct = list(dict.fromkeys(artifact.source for artifact in artifacts))
    first_user = {artifact.source: artifact.id for artifact in reversed(artifacts)}
    done = 0

    def read(source: Source) -> SourceFacts | PublisherError:
        try:
            return facts_of(source, cancellation.check)
        except Cancelled:
            raise
        except PublisherError as error:
            return error

    facts: dict[Source, SourceFacts | PublisherError] = {}
    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
        for source, found in zip(distinct, pool.map(read, distinct), strict=True):
            done += 1
            facts[source] = found
            emit(ReadingSource(first_user[source], done, len(distinct)))
    ready, unready = [], []
    for artifact in artifacts:
        found = facts[artifact.source]
        if isinstance(found, SourceFacts):
            ready.append(ReadyArtifact(artifact, found))
        else:
            unready.append(UnreadySource(artifact, failure_from(found)))
    return ready, unready
