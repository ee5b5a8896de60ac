"""Read every source of a manifest once, several at a time: size and SHA-256 of each.

A source that several artifacts share is read once. A source that cannot be read, or that is not what the manifest
calls it, is reported, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence

from publisher.cancellation import Cancellation
from publisher.errors import Cancelled, PublisherError
from publisher.events import Listener, ReadingSource
from publisher.model import Artifact, ReadyArtifact, Source, SourceFacts, UnreadySource, failure_from
from publisher.sources.agreeing import check_agreement
from publisher.sources.facts import facts_of
from publisher.sources.memory import FORGETFUL, Memory
from publisher.workers import each_or_cancelled


def read_sources(
    artifacts: Sequence[Artifact],
    *,
    jobs: int = 2,
    cancellation: Cancellation,
    emit: Listener,
    memory: Memory = FORGETFUL,
) -> tuple[list[ReadyArtifact], list[UnreadySource]]:
    """Return the artifacts whose sources were read and those whose sources were not, each in the given order.

    Reads `jobs` sources at a time, but for what `memory` knows.
    Raises `Cancelled` when a stop is requested.
    """
    distinct = list(dict.fromkeys(artifact.source for artifact in artifacts))
    first_user = {artifact.source: artifact.id for artifact in reversed(artifacts)}
    done = 0

    def read(source: Source) -> SourceFacts | PublisherError:
        try:
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


def _disagreement(artifact: Artifact) -> PublisherError | None:
    try:
        check_agreement(artifact)
    except PublisherError as error:
        return error
    return None
