"""Ask every destination what it holds, in parallel and in bulk. Reads only; an error is never "absent"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.cancellation import Cancellation
from publisher.destinations.port import Observer
from publisher.events import Listener, Observing
from publisher.model import ArtifactId, Observation, ReadyArtifact
from publisher.workers import each_or_cancelled


def observe(
    ready: Sequence[ReadyArtifact],
    observers: Mapping[str, Observer],
    *,
    cancellation: Cancellation,
    emit: Listener,
) -> Mapping[ArtifactId, Observation]:
    """Return an observation of every ready artifact. `observers` is keyed by the destination's name in the manifest.

    Raises `Cancelled` soon after a stop request, whatever a destination waits for.
    """
    by_destination: dict[str, list[ReadyArtifact]] = {}
    for item in ready:
        by_destination.setdefault(item.artifact.destination, []).append(item)
    for name, items in by_destination.items():
        emit(Observing(name, len(items)))
    answers = each_or_cancelled(
        list(by_destination),
        lambda name: observers[name].observe(by_destination[name]),
        threads=len(by_destination),
        cancellation=cancellation,
        name="destination",
    )
    return {artifact_id: observation for answer in answers for artifact_id, observation in answer.items()}
