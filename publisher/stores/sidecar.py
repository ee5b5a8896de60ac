"""Metadata of an object in a directory store: one small JSON file per attempt, written before the object can exist.

A sidecar belongs to the object whose file it describes (inode, mtime, size), else to the object with its digest, for
stores that were copied. A sidecar that matches nothing is a leftover of a lost race or a crash and says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from publisher.stores import anchored

_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What one attempt wanted to store: the metadata, the bytes' digest, and the file that holds the bytes."""

    metadata: Mapping[str, str]
    sha256: str
    size_bytes: int
    device: int
    inode: int
    mtime_ns: int

    @classmethod
    def of(cls, staged: os.stat_result, *, sha256: str, metadata: Mapping[str, str]) -> Self:
        return cls(metadata, sha256, staged.st_size, staged.st_dev, staged.st_ino, staged.st_mtime_ns)

    def to_json(self) -> bytes:
        fields = {
            "format": 1,
            "metadata": dict(self.metadata),
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "device": self.device,
            "inode": self.inode,
            "mtime_ns": self.mtime_ns,
        }
        return json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self | None:
        """Return the sidecar, or None for anything a crash or a stranger may have left."""
        try:
            fields = json.loads(data)
            if fields.pop("format") != 1:
                return None
            sidecar = cls(**fields)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        metadata = sidecar.metadata
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            return None
        return sidecar

    def describes(self, file: os.stat_result) -> bool:
        return (self.device, self.inode, self.mtime_ns, self.size_bytes) == (
            file.st_dev,
            file.st_ino,
            file.st_mtime_ns,
            file.st_size,
        )


def write(sidecar: Sidecar, name: str, *, inside: int) -> None:
    """Create the file `name` and flush it and its folder to disk."""
    with os.fdopen(anchored.create_new(name, inside=inside), "wb") as file:
        file.write(sidecar.to_json())
        file.flush()
        os.fsync(file.fileno())
    os.fsync(inside)


def find(inside: int, *, file: os.stat_result, sha256: Callable[[], str]) -> Mapping[str, str]:
    """Return the metadata of the object `file`, or an empty mapping. `sha256` reads the object, as a last resort."""
    candidates = [sidecar for sidecar in _all(inside) if sidecar.size_bytes == file.st_size]
    for sidecar in candidates:
        if sidecar.describes(file):
            return sidecar.metadata
    if candidates:
        digest = sha256()
        for sidecar in candidates:
            if sidecar.sha256 == digest:
                return sidecar.metadata
    return {}


def _all(inside: int) -> Iterator[Sidecar]:
    for name in sorted(os.listdir(inside)):  # a descriptor has no path
        if not name.endswith(".json"):
            continue
        try:
            handle = anchored.open_regular(name, inside=inside)
        except OSError:
            continue
        with os.fdopen(handle, "rb") as file:
            if sidecar := Sidecar.from_json(file.read(_LIMIT)):
                yield sidecar
