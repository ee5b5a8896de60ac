"""Images in registries, OCI layouts and OCI archives: asked about and copied by skopeo.

A copy goes to standard output while it is made. skopeo keeps layers in a private folder before that, because a tar
wants to know sizes beforehand; the folder is removed afterwards. Trust policy and registry settings are those of the
machine. A registry on this machine may speak http, any other has to speak https. Credentials come from the files that
`docker login` or `skopeo login` wrote, never from the command line.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from publisher.errors import LocalResourceError, PublisherError, SourceError
from publisher.leftovers import ended_at_last
from publisher.model import Digest, FileSource, ImageSource
from publisher.model.images import ImageReference, Transport
from publisher.model.platforms import Platform, platform_named, platform_of
from publisher.sources.images.child import Child, ask, started
from publisher.sources.images.complaints import complaint, shown
from publisher.sources.images.traits import Traits

Check = Callable[[], None]
"""Raises to cancel."""

DOCUMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""How large a manifest or configuration may be; skopeo draws the same line."""
ANSWER_S: Final = 120.0
_USUAL_RATIO: Final = 2.5
"""How much larger a plain layer usually is than a compressed one, for estimates of the archive's size."""


@dataclass(frozen=True, slots=True)
class Skopeo:
    """One image that skopeo can reach. `environment` is what a tool may see."""

    source: ImageSource
    reference: ImageReference
    environment: Mapping[str, str]

    def look(self, check: Check) -> Traits:
        """Return what the image is. Raises `SourceError`, `TransportError` or `LocalResourceError`."""
        config = self._inspect(self._location(), "--config", "--raw", choice=self._choice(check), check=check)
        document = _parsed(config)
        if "rootfs" not in document:
            raise SourceError(f"{shown(self.source)} is something else than an image for containers")
        digest, platform = Digest(hashlib.sha256(config).hexdigest()), platform_of(document)
        return Traits(digest, platform, int(self._size_bytes(platform, check)))

    @contextlib.contextmanager
    def export(self, check: Check) -> Iterator[Child]:
        """Start a copy of the image as a Docker archive, on the child's standard output."""
        name = f":{self.reference.loaded_as}" if self.reference.loaded_as else ""
        choice = self._choice(check)
        with self._private_folder() as folder:
            command = [*_skopeo(folder, choice), "copy", "--quiet", *self._tls("--src-tls-verify"), self._location()]
            with started([*command, f"docker-archive:/dev/stdout{name}"], self._environment()) as child:
                yield child

    def error(self, words: str) -> PublisherError:
        return complaint(self.source, words)

    def _choice(self, check: Check) -> Platform | None:
        """Return the platform to choose if the image is for several: left alone, skopeo takes that of this machine.

        Raises `SourceError` if the artifact's architecture does not say which.
        """
        wanted = platform_named(self.source.architecture)
        if wanted is not None:
            return wanted
        listed = _parsed(self._inspect(self._location(), "--raw", choice=None, check=check)).get("manifests")
        there = list(dict.fromkeys(platform for platform, _ in _platforms(listed)))
        if len(there) > 1:
            raise SourceError(
                f"{shown(self.source)} is for several platforms: {', '.join(map(str, there[:8]))}",
                hint="give the artifact an architecture that names one of them, such as arm64",
            )
        return there[0] if there else None

    def _inspect(self, location: str, *options: str, choice: Platform | None, check: Check) -> bytes:
        with self._private_folder() as folder:
            command = [*_skopeo(folder, choice), "inspect", "--retry-times=2", *self._tls("--tls-verify")]
            answer = ask(
                [*command, *options, location],
                self._environment(),
                limit_bytes=DOCUMENT_LIMIT_BYTES,
                seconds=ANSWER_S,
                check=check,
            )
        if answer.code != 0:
            raise self.error(answer.words)
        return answer.output

    def _location(self) -> str:
        if self.source.local is None:
            return f"{self.reference.transport}{self.reference.name}"
        path = _checked(self.source, self.source.local)
        if self.reference.transport is Transport.OCI_LAYOUT:
            path = path.parent
        if ":" in str(path):
            raise SourceError(
                f"{shown(self.source)} lies below a folder with a colon in its name: skopeo cannot read it"
            )
        return f"{self.reference.transport}{path}{f':{self.reference.name}' if self.reference.name else ''}"

    def _tls(self, option: str) -> list[str]:
        is_local = self.reference.transport is Transport.REGISTRY and _is_this_machine(self.reference.name)
        return [f"{option}=false"] if is_local else []

    def _environment(self) -> dict[str, str]:
        """Return the environment, with Docker's login for a skopeo that does not look where DOCKER_CONFIG points."""
        environment = dict(self.environment)
        folder = environment.get("DOCKER_CONFIG")
        if folder and "REGISTRY_AUTH_FILE" not in environment and Path(folder, "config.json").is_file():
            environment["REGISTRY_AUTH_FILE"] = str(Path(folder, "config.json"))
        return environment

    @contextlib.contextmanager
    def _private_folder(self) -> Iterator[str]:
        base = self.environment.get("TMPDIR") or "/var/tmp"  # noqa: S108 - a private folder is made in it
        try:
            folder = tempfile.mkdtemp(prefix="publish-image-", dir=base)
        except OSError as error:
            hint = "set TMPDIR to a writable disk"
            raise LocalResourceError(f"cannot write to {base}: {error.strerror}", hint=hint) from error
        with ended_at_last(partial(shutil.rmtree, folder, ignore_errors=True)):
            yield folder

    def _size_bytes(self, platform: Platform, check: Check) -> float:
        """Return about how large the archive will be."""
        local = self.source.local
        if local is None:
            return self._layers_bytes(platform, check)
        if self.reference.transport is Transport.OCI_ARCHIVE:
            return local.path.stat().st_size * _USUAL_RATIO
        blobs = (local.path.parent / "blobs" / "sha256").glob("*")
        return sum(blob.lstat().st_size for blob in blobs) * _USUAL_RATIO

    def _layers_bytes(self, platform: Platform, check: Check) -> float:
        manifest = _parsed(self._inspect(self._location(), "--raw", choice=None, check=check))
        for listed, digest in _platforms(manifest.get("manifests")):
            if listed.runs(platform):
                folder, slash, last = self.reference.name.partition("@")[0].rpartition("/")
                location = f"{self.reference.transport}{folder}{slash}{last.partition(':')[0]}@{digest}"
                manifest = _parsed(self._inspect(location, "--raw", choice=None, check=check))
                break
        return sum(_plain_bytes(layer) for layer in manifest.get("layers") or ())


def _skopeo(folder: str, choice: Platform | None) -> list[str]:
    options = [f"--tmpdir={folder}", f"--override-os={choice.os if choice else 'linux'}"]
    if choice is not None:
        options += [f"--override-arch={choice.architecture}"]
        options += [f"--override-variant={choice.variant}"] if choice.variant else []
    return ["skopeo", *options]


def _platforms(manifests: Any) -> Iterator[tuple[Platform, str]]:
    """Yield what a list of manifests is for (OCI image-spec, image-index.md), without what is no image."""
    for entry in manifests if isinstance(manifests, list) else ():
        match entry:
            case {"digest": str(digest), "platform": dict(described)}:
                platform = platform_of(described)
                if platform.architecture not in ("", "unknown"):
                    yield platform, digest


def _plain_bytes(layer: Any) -> float:
    match layer:
        case {"size": int(size), "mediaType": str(kind)}:
            return size if kind.endswith(".tar") else size * _USUAL_RATIO
    return 0


def _parsed(document: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise SourceError("skopeo answered with something else than a JSON object", hint="try skopeo inspect by hand")
    return parsed


def _checked(source: ImageSource, local: FileSource) -> Path:
    """Return the real path of a local image's file. Raises `SourceError` if it is not a regular file below the root.

    skopeo opens it by its name; what is refused here once more is a link that was put there since it was found.
    """
    try:
        root, path = local.root.resolve(strict=True), local.path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a loop of links"
        hint = "check the path in the manifest and build the image"
        raise SourceError(f"{shown(source)} cannot be opened: {reason}", hint=hint) from error
    if not path.is_relative_to(root):
        raise SourceError(f"{shown(source)} leads out of the project root", hint="build the image below it")
    if not path.is_file():
        raise SourceError(f"{shown(source)} is not a regular file", hint="name an archive, or the folder of a layout")
    return path


def _is_this_machine(name: str) -> bool:
    host = name.partition("/")[0]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
