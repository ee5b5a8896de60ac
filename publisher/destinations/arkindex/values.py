"""What is published, by which mode, and what a server holds: the values of this room. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a version is made; each belongs to a generation of servers."""

    DOCKER_VERSION = "docker-version"
    """One call that makes repository, revision, worker and version. The mode of the source document."""
    WORKER_VERSION = "worker+version"
    """The worker first, then its version, with the configuration as JSON."""
    IMPORT = "import"
    """The worker first, then its version, with the text of a definition."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One worker version as it should be. `branch` is None where there is none; `tags` are in the order to send."""

    slug: str
    image: str
    repository_url: str
    revision_hash: str
    revision_url: str
    message: str | None = None
    author: str | None = None
    branch: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def tag(self) -> str | None:
        """The tag for servers that keep one: the first in alphabetical order."""
        return min(self.tags, default=None)

    @property
    def labels(self) -> dict[str, str]:
        """Branch and tag, as far as there are any: what moves from version to version."""
        return {name: text for name, text in (("branch", self.branch), ("tag", self.tag)) if text}


@dataclass(frozen=True, slots=True)
class Version:
    """A version that a server holds. A field is None where the server does not say it, or says that there is none.

    `labels` holds `branch` and `tag` as far as the server names them at all, None for one that is not set.
    """

    id: str
    revision_url: str | None
    image: str | None
    labels: Mapping[str, str | None]


def outdated_labels(version: Version, wanted: Wanted) -> dict[str, str]:
    """Return the labels to change. What is not known here is never taken away there."""
    return {
        name: text for name, text in wanted.labels.items() if name in version.labels and version.labels[name] != text
    }


def image_digest(image: str) -> str | None:
    """Return the digest that pins an image, `sha256:...`, or None for one that goes by its tag."""
    _, at, digest = image.partition("@")
    return digest if at else None


def is_other_content(version: Version, wanted: Wanted) -> bool:
    """Say whether the images are proved to differ: both are pinned, by other digests. Other names prove nothing."""
    there, here = image_digest(version.image or ""), image_digest(wanted.image)
    return there is not None and here is not None and there != here
