"""Ask every destination what it holds, in parallel and in bulk. Reads only; an error is never "absent"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from publisher.destinations.port import Observer
from publisher.events import Listener, Observing
from publisher.model import ArtifactId, Observation, ReadyArtifact


def observe(
    ready: Sequence[ReadyArtifact], observers: Mapping[str, Observer], emit: Listener
) -> Mapping[ArtifactId, Observation]:
    """Return an observation of every ready artifact. `observers` is keyed by the destination's name in the manifest."""
    by_destination: dict[str, list[ReadyArtifact]] = {}
    for item in ready:
        by_destination.setdefault(item.artifact.destination, []).append(item)
    found: dict[ArtifactId, Observation] = {}
    with ThreadPoolExecutor(max(1, len(by_destination)), thread_name_prefix="destination") as pool:
        waiting = []
        for name, items in by_destination.items():
            emit(Observing(name, len(items)))
            waiting.append(pool.submit(observers[name].observe, items))
        for answer in waiting:
            found.update(answer.result())
    return found
