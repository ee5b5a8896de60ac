"""What an image's reference says: where the image is, and how it is called there. Pure: nothing is looked up.

`name:tag` is in the local engine; `docker://name:tag` in a registry; `oci:path[:tag]`, `oci-archive:path[:tag]` and
`docker-archive:path` are local. There is no guessing between them: an image that the engine does not have is not
searched in a registry. Other transports of skopeo are refused.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_NAME = re.compile(
    rf"(?P<name>(?:{_HOST}(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?P<digest>@sha256:[0-9a-f]{{64}})?"
)
"""The grammar of distribution/reference, as the engine and the registries have it, with digests of SHA-256 only."""
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
LAYOUT_INDEX = "index.json"
"""The file by which an OCI layout is found (OCI image-spec, image-layout.md)."""
_NAME_LIMIT = 255
_TEXT_LIMIT = 512
_FOREIGN = frozenset({"containers-storage", "dir", "docker-daemon", "ostree", "sif", "tarball", "atomic"})


class ImageNameError(ValueError):
    """A reference that names no image. The message is the rest of a sentence that starts with the reference."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Transport(StrEnum):
    """Where an image is; the value is what a reference starts with."""

    ENGINE = ""
    REGISTRY = "docker://"
    OCI_LAYOUT = "oci:"
    OCI_ARCHIVE = "oci-archive:"
    DOCKER_ARCHIVE = "docker-archive:"

    @property
    def is_local(self) -> bool:
        """Whether the image is a file or a folder of the project."""
        return self in (Transport.OCI_LAYOUT, Transport.OCI_ARCHIVE, Transport.DOCKER_ARCHIVE)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A sound reference. `path` is relative to the manifest, empty where the image is not a local file or folder.

    `name` is what the engine or the registry is asked for, or the tag in a layout, empty if none was given.
    `loaded_as` is the `name:tag` by which a device's `docker load` shall know the image; empty where nothing says so.
    """

    transport: Transport
    name: str
    path: str = ""
    loaded_as: str = ""


def parse_reference(text: str) -> ImageReference:
    """Return what a reference means. Raises `ImageNameError`."""
    for transport in (Transport.OCI_LAYOUT, Transport.OCI_ARCHIVE, Transport.DOCKER_ARCHIVE):
        if text.startswith(transport):
            return _local(transport, text.removeprefix(transport))
    if text.startswith(Transport.REGISTRY):
        return _named(Transport.REGISTRY, text.removeprefix(Transport.REGISTRY))
    scheme = text.partition(":")[0]
    if scheme in _FOREIGN or "://" in text:
        raise ImageNameError(
            f"is of a kind that is not read: {scheme}:" if scheme in _FOREIGN else "is a URL of another kind",
            hint="write name:tag for the local engine, docker://name:tag for a registry, or oci:folder:tag",
        )
    if _IMAGE_ID.fullmatch(text):
        return ImageReference(Transport.ENGINE, text)
    return _named(Transport.ENGINE, text)


def _named(transport: Transport, text: str) -> ImageReference:
    found = _NAME.fullmatch(text) if len(text) <= _TEXT_LIMIT else None
    if found is None or len(found["name"]) > _NAME_LIMIT:
        lower = text.lower()[:_TEXT_LIMIT]
        is_upper = not text.startswith(lower) and _NAME.fullmatch(lower) is not None
        hint = "the name of an image is lower case" if is_upper else "write it like registry.example.com/group/name:tag"
        raise ImageNameError("is not the name of an image", hint=hint)
    name, digest = found["name"], found["digest"] or ""
    if re.fullmatch(r"[0-9a-f]{64}", name):
        raise ImageNameError("is an id without sha256: before it", hint="write sha256: and the id")
    tagged = f"{name}:{found['tag'] or 'latest'}"
    if not digest:
        return ImageReference(transport, tagged, loaded_as=tagged)
    # skopeo 1.9 refuses a tag and a digest together; the digest alone says which image it is.
    return ImageReference(transport, f"{name}{digest}", loaded_as=tagged if found["tag"] else "")


def _local(transport: Transport, rest: str) -> ImageReference:
    path, colon, name = rest.partition(":")
    if transport is Transport.DOCKER_ARCHIVE:
        if colon:
            hint = "save one image to one archive, and write docker-archive:path"
            raise ImageNameError("is an archive with a tag behind it", hint=hint)
        return ImageReference(transport, "", path)
    if colon and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,254}", name):
        raise ImageNameError("has a tag with characters that no tag has", hint="write it like oci:folder:tag")
    return ImageReference(transport, name, path, _loaded_as(path, name))


def _loaded_as(path: str, name: str) -> str:
    """In a layout a whole name may stand; a mere tag gets the layout's own name: `oci:build/app:1.4` is app:1.4."""
    found = _NAME.fullmatch(name)
    if found and found["tag"] and not found["digest"]:
        return name
    stem = posixpath.basename(path.rstrip("/")).removesuffix(".tar")
    tag = name or "latest"
    return f"{stem}:{tag}" if re.fullmatch(_PART, stem) and re.fullmatch(_TAG, tag) else ""
