"""Docker images made by hand: their archives in both layouts of `docker save`, and OCI layouts. Real bytes, no tool."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def as_json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def tar_of(files: dict[str, bytes | Path], *, mtime: int = 0, dialect: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar of files, of folders (a name that ends with `/`) and of symbolic links (a path as content)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=dialect) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mtime = mtime
            if isinstance(content, Path):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(entry)
            elif name.endswith("/"):
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@dataclass(frozen=True)
class Image:
    """One image: its plain layers and its configuration."""

    architecture: str = "arm64"
    variant: str = ""
    layers: tuple[bytes, ...] = (tar_of({"app/": b"", "app/run.sh": b"#!/bin/sh\nexec true\n"}),)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> bytes:
        variant = {"variant": self.variant} if self.variant else {}
        return as_json(
            {
                "architecture": self.architecture,
                "os": "linux",
                **variant,
                "config": {"Entrypoint": ["/app/run.sh"], "Labels": self.labels},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer)}" for layer in self.layers]},
                "history": [{"created_by": "by hand"} for _ in self.layers],
            }
        )

    @property
    def config_digest(self) -> str:
        return sha256(self.config)


def legacy_members(image: Image, *tags: str) -> dict[str, bytes | Path]:
    """Return the members of an archive of Docker before 25: a folder for each layer; a repeated one is a link."""
    members: dict[str, bytes | Path] = {}
    names, first = [], dict[str, str]()
    for number, layer in enumerate(image.layers):
        folder = sha256(f"chain {number} {sha256(layer)}".encode())
        names.append(f"{folder}/layer.tar")
        members[f"{folder}/"] = b""
        members[f"{folder}/VERSION"] = b"1.0"
        members[f"{folder}/json"] = as_json({"id": folder})
        digest = sha256(layer)
        members[names[-1]] = Path(f"../{first[digest]}") if digest in first else layer
        first.setdefault(digest, names[-1])
    members[f"{image.config_digest}.json"] = image.config
    entry = {"Config": f"{image.config_digest}.json", "RepoTags": list(tags) or None, "Layers": names}
    members["manifest.json"] = as_json([entry])
    members["repositories"] = as_json({tag.rpartition(":")[0]: {tag.rpartition(":")[2]: "0"} for tag in tags})
    return members


def hybrid_members(image: Image, *tags: str, compressed: bool = False) -> dict[str, bytes | Path]:
    """Return the members of an archive of Docker 25 and later: an OCI layout with a manifest.json."""
    layers = [gzip.compress(layer, mtime=0) if compressed else layer for layer in image.layers]
    manifest = as_json(oci_manifest(image, layers, compressed=compressed))
    blobs = {f"blobs/sha256/{sha256(blob)}": blob for blob in (*layers, image.config, manifest)}
    kind = "application/vnd.oci.image.manifest.v1+json"
    # An engine with the containerd store takes names from here, not from manifest.json.
    named = [
        {"io.containerd.image.name": f"docker.io/{tag}", "org.opencontainers.image.ref.name": tag.rpartition(":")[2]}
        for tag in tags
    ]
    index = {
        "schemaVersion": 2,
        "manifests": [descriptor(manifest, kind, annotations=each) for each in named] or [descriptor(manifest, kind)],
    }
    entry = {
        "Config": f"blobs/sha256/{image.config_digest}",
        "RepoTags": list(tags) or None,
        "Layers": [f"blobs/sha256/{sha256(layer)}" for layer in layers],
    }
    return {
        "blobs/": b"",
        "blobs/sha256/": b"",
        **blobs,
        "index.json": as_json(index),
        "manifest.json": as_json([entry]),
        "oci-layout": as_json({"imageLayoutVersion": "1.0.0"}),
    }


def legacy_archive(image: Image, *tags: str, mtime: int = 0) -> bytes:
    return tar_of(legacy_members(image, *tags), mtime=mtime)


def hybrid_archive(image: Image, *tags: str, mtime: int = 0, compressed: bool = False) -> bytes:
    return tar_of(hybrid_members(image, *tags, compressed=compressed), mtime=mtime)


def descriptor(blob: bytes, kind: str, **more: object) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{sha256(blob)}", "size": len(blob), **more}


def oci_manifest(image: Image, layers: Sequence[bytes], *, compressed: bool) -> dict[str, Any]:
    kind = f"application/vnd.oci.image.layer.v1.tar{'+gzip' if compressed else ''}"
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(image.config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, kind) for layer in layers],
    }


def write_layout(folder: Path, tag: str, *images: Image) -> Path:
    """Write an OCI layout with one tag: an image, or a list of images for several platforms."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def keep(blob: bytes) -> bytes:
        (blobs / sha256(blob)).write_bytes(blob)
        return blob

    manifests = []
    for image in images:
        layers = [keep(gzip.compress(layer, mtime=0)) for layer in image.layers]
        keep(image.config)
        manifest = keep(as_json(oci_manifest(image, layers, compressed=True)))
        platform = {"architecture": image.architecture, "os": "linux"}
        platform |= {"variant": image.variant} if image.variant else {}
        manifests.append(descriptor(manifest, "application/vnd.oci.image.manifest.v1+json", platform=platform))
    named = {"org.opencontainers.image.ref.name": tag}
    if len(manifests) == 1:
        entries = [manifests[0] | {"annotations": named}]
    else:
        kind = "application/vnd.oci.image.index.v1+json"
        listed = keep(as_json({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}))
        entries = [descriptor(listed, kind, annotations=named)]
    (folder / "index.json").write_bytes(as_json({"schemaVersion": 2, "manifests": entries}))
    (folder / "oci-layout").write_bytes(as_json({"imageLayoutVersion": "1.0.0"}))
    return folder
