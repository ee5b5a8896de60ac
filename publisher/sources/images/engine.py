"""Images in the local engine, asked about and exported by the Docker client.

An engine with the classic store calls an image by the digest of its configuration, which is then known at once. One
with the containerd store calls it by the digest of its manifest; there, and where a program is only named docker, the
configuration is known when an export was read. DOCKER_HOST and DOCKER_CONTEXT say where the engine is.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from publisher.errors import PublisherError, SourceError
from publisher.model import Digest, ImageSource
from publisher.model.images import ImageReference
from publisher.model.platforms import platform_named, platform_of
from publisher.sources.images.child import Child, ask, started
from publisher.sources.images.complaints import complaint
from publisher.sources.images.traits import Traits

DOCUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
ANSWER_S: Final = 60.0
_CHOOSING_API: Final = (1, 48)
"""The first version of the engine's API that exports one platform of an image (Docker 28)."""


class _Store(Enum):
    """How an engine keeps images."""

    CLASSIC = "classic"
    CONTAINERD = "containerd"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Engine:
    """One image of the engine. `environment` is what a tool may see."""

    source: ImageSource
    reference: ImageReference
    environment: Mapping[str, str]

    def look(self, check: Callable[[], None]) -> Traits | None:
        """Return what the image is, or None if only an export tells. Raises `SourceError`."""
        answer = ask(
            ["docker", "image", "inspect", "--format", "{{json .}}", self.reference.name],
            self.environment,
            limit_bytes=DOCUMENT_LIMIT_BYTES,
            seconds=ANSWER_S,
            check=check,
        )
        if answer.code != 0:
            raise self.error(answer.words)
        image = _parsed(answer.output)
        named = re.fullmatch("sha256:([0-9a-f]{64})", str(image.get("Id")))
        if named is None or self._store(check) is not _Store.CLASSIC:
            return None
        platform = platform_of({name.lower(): value for name, value in image.items()})
        size = image.get("Size")
        return Traits(Digest(named[1]), platform, size if isinstance(size, int) else 0)

    @contextlib.contextmanager
    def export(self, check: Callable[[], None]) -> Iterator[Child]:
        """Start an export of the image, as a Docker archive on the child's standard output."""
        command = ["docker", "save", *self._chosen_platform(check), self.reference.name]
        with started(command, self.environment) as child:
            yield child

    def error(self, words: str) -> PublisherError:
        return complaint(self.source, words)

    def _chosen_platform(self, check: Callable[[], None]) -> list[str]:
        """Return the option that chooses among an image's platforms, where an engine keeps several and can choose."""
        wanted = platform_named(self.source.architecture)
        if wanted is None or self._store(check) is not _Store.CONTAINERD:
            return []
        version = self._fact(["version", "--format", "{{.Client.APIVersion}}"], check).strip().split(".")
        numbers = tuple(int(part) for part in version if part.isdigit())
        return [f"--platform={wanted}"] if numbers >= _CHOOSING_API else []

    def _store(self, check: Callable[[], None]) -> _Store:
        """Return how the engine keeps images, as `docker info` tells it (Docker manuals, "containerd image store").

        A program that is only named docker may not know this question.
        """
        try:
            status = json.loads(self._fact(["info", "--format", "{{json .DriverStatus}}"], check))
        except ValueError:
            return _Store.UNKNOWN
        return (
            _Store.CONTAINERD if ["driver-type", "io.containerd.snapshotter.v1"] in (status or []) else _Store.CLASSIC
        )

    def _fact(self, question: list[str], check: Callable[[], None]) -> str:
        """Return the answer to a question about the engine, or nothing if it does not know."""
        answer = ask(
            ["docker", *question], self.environment, limit_bytes=DOCUMENT_LIMIT_BYTES, seconds=ANSWER_S, check=check
        )
        return answer.output.decode("utf-8", "replace") if answer.code == 0 else ""


def _parsed(document: bytes) -> dict[str, Any]:
    try:
        image = json.loads(document)
    except (ValueError, RecursionError):
        image = None
    if not isinstance(image, dict):
        raise SourceError("docker answered with something else than a JSON object", hint="try docker image inspect")
    return image
