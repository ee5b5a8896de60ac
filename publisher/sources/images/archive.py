"""Judges a Docker archive as it passes: which image it holds, and whether it holds all of it. No IO.

Both layouts of `docker save` are known: the legacy one (folders and links for each layer), and that of Docker 25 and
later, which is an OCI layout besides. Either has `manifest.json`, which names the configuration and the layers. The
SHA-256 of the configuration is the image's id. The configuration names the SHA-256 of each layer's plain tar, and so
proves it; a compressed layer is proved by the digest in its own name, where it has one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from posixpath import normpath
from typing import Any, Final, TypeGuard

from publisher.model import Digest
from publisher.model.platforms import Platform, platform_of
from publisher.sources.images.inventory import DOCUMENT_LIMIT_BYTES, Inventory
from publisher.sources.images.tar_reader import TarError, TarReader

_COMPRESSED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
"""How gzip, zstd, bzip2 and xz files start."""
_DIGEST_IN_NAME = re.compile(r"(?:.*/)?(?:sha256:)?([0-9a-f]{64})(?:\.[a-z.]+)?")
_LAYERS_LIMIT = 1_000


class ArchiveError(ValueError):
    """The bytes are not one whole Docker archive. The message is a sentence about "the archive"."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Contents:
    """The one image of an archive. `config_digest` is its id; `size_bytes` is of the whole archive."""

    config_digest: Digest
    platform: Platform
    tags: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """The image as manifest.json describes it."""

    config: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]


class ArchiveJudge:
    """Feed it an archive from its first byte to its last, then ask for its contents. Raises `ArchiveError`."""

    def __init__(self) -> None:
        self._inventory = Inventory()
        self._reader = TarReader(self._inventory)
        self._size_bytes = 0

    def feed(self, data: bytes | memoryview) -> None:
        if not self._size_bytes and bytes(data[:8]).startswith(_COMPRESSED):
            raise ArchiveError("the archive is compressed", hint="unpack it first, for example with gunzip")
        self._size_bytes += len(data)
        try:
            self._reader.feed(data)
        except TarError as error:
            raise ArchiveError(str(error)) from None

    def contents(self) -> Contents:
        """Return what the archive holds, once all of it was fed."""
        try:
            self._reader.finish()
        except TarError as error:
            raise ArchiveError(str(error)) from None
        entry = self._only_entry()
        digest, config = self._config(entry.config)
        self._check_alone()
        self._check_layers(entry.layers, config)
        return Contents(digest, platform_of(config), entry.tags, self._size_bytes)

    def _only_entry(self) -> _Entry:
        if self._inventory.find("manifest.json") is None and self._inventory.find("oci-layout") is not None:
            raise ArchiveError("the archive is an OCI archive, not a Docker archive", hint="write oci-archive:path")
        _, entries = self._document("manifest.json")
        match entries:
            case [{"Config": str(config), "Layers": layers, **rest}] if _are_texts(layers):
                tags: object = rest.get("RepoTags")
                return _Entry(config, tuple(layers), tuple(tags) if _are_texts(tags) else ())
            case [_, _, *_]:
                raise ArchiveError(
                    f"the archive holds {len(entries)} images", hint="save one image, for one platform, to an archive"
                )
        raise ArchiveError("the archive's manifest.json does not describe an image")

    def _config(self, name: str) -> tuple[Digest, dict[str, Any]]:
        digest, config = self._document(name)
        named = _DIGEST_IN_NAME.fullmatch(name)
        if named and named[1] != digest:
            raise ArchiveError("the archive's configuration is not the one its name says")
        if not isinstance(config, dict):
            raise ArchiveError("the archive's configuration does not describe an image")
        return Digest(digest), config

    def _check_alone(self) -> None:
        """Refuse an archive which manifest.json tells of one platform's image only, but an OCI index of several."""
        configs = {facts.sha256 for facts in self._inventory.documents() if _is_config(facts.document)}
        if len(configs) > 1:
            raise ArchiveError(
                f"the archive holds images for {len(configs)} platforms",
                hint="save one of them (`docker save --platform`), or name it in the artifact's architecture",
            )

    def _check_layers(self, layers: tuple[str, ...], config: dict[str, Any]) -> None:
        match config.get("rootfs"):
            case {"diff_ids": [*wanted]} if len(wanted) == len(layers) <= _LAYERS_LIMIT:
                pass
            case _:
                raise ArchiveError("the archive's layers are not those of its configuration")
        for number, (name, diff_id) in enumerate(zip(layers, wanted, strict=True), start=1):
            found = self._inventory.find(normpath(name))
            if found is None:
                raise ArchiveError(f"the archive lacks layer {number} of {len(layers)}")
            if f"sha256:{found.sha256}" == diff_id:
                continue
            named = _DIGEST_IN_NAME.fullmatch(name)
            is_compressed = found.start.startswith(_COMPRESSED)
            if not is_compressed or (named and named[1] != found.sha256):
                raise ArchiveError(f"the archive's layer {number} is not the one that its configuration names")

    def _document(self, name: str) -> tuple[str, Any]:
        """Return the SHA-256 of a JSON document of the archive, and what it says."""
        shown = "manifest.json" if name == "manifest.json" else "the configuration that manifest.json names"
        found = self._inventory.find(normpath(name))
        if found is None:
            raise ArchiveError(f"the archive lacks {shown}", hint="name an archive that `docker save` wrote")
        if found.size_bytes > DOCUMENT_LIMIT_BYTES:
            raise ArchiveError(f"the archive has {found.size_bytes} bytes where {shown} should be")
        document = _parsed(found.document)
        if document is None:
            raise ArchiveError(f"the archive has something else than JSON where {shown} should be")
        return found.sha256, document


def _is_config(document: bytes | None) -> bool:
    """Say whether a document is an image's configuration; an attestation has one, too, for an unknown platform."""
    match _parsed(document):
        case {"rootfs": {"diff_ids": [*_]}, "architecture": str(architecture)}:
            return architecture not in ("", "unknown")
    return False


def _parsed(document: bytes | None) -> Any:
    """Return what a JSON document says, or None if it is none."""
    try:
        return json.loads(document or b"")
    except (ValueError, RecursionError):
        return None


def _are_texts(values: object) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
