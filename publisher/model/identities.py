"""What an artifact is called at its destination: one type for each kind of destination.

Constructing one checks nothing: which names are allowed is judged where they are read (the manifest, a saved plan).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

NAME_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?"
"""What a name of a fleet identity may be: it becomes part of an object key, a URL and a row. No dot at the end."""

VERSION_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,126}[A-Za-z0-9_+-])?"
"""The same for a version, which may also hold `+` (`2.1.0+cu118`)."""

MAX_OBJECT_NAME = 250
"""How long the last part of a fleet's object key may be, in bytes: stores that keep files allow 255, and the name of an
artifact's receipt is `.json` longer."""

CONDA_SUBDIR_PATTERN = r"[a-z0-9]+(?:-[a-z0-9_]+)*"
"""What a platform of a conda channel may be called (`noarch`, `linux-64`): it is a folder and a part of a URL."""

CONDA_FILENAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._+!-]*\.(?:conda|tar\.bz2)"
"""What the file of a conda package may be called (CEP 26): it is the file's name on the server and a part of a URL."""


class Identity(Protocol):
    """What an artifact is called at its destination. Each kind of destination has its own; all are hashable."""

    @property
    def path(self) -> str:
        """One printable line, unique within a destination; the second half of the artifact's id."""

    def fields(self) -> dict[str, str]:
        """Names and values in the order they are shown and written to the report."""


@dataclass(frozen=True, slots=True)
class FleetIdentity:
    """The four names of a Resources row; the row's unique key."""

    resource_name: str
    dev_stage: str
    architecture: str
    version: str

    @property
    def path(self) -> str:
        return f"{self.dev_stage}/{self.resource_name}/{self.architecture}/{self.version}"

    @property
    def object_key(self) -> str:
        """Return the key of the sealed object, relative to the bucket, without a leading slash.

        Distinct identities can share a key, because the separator is not escaped: (`m`, `x86-64`, `1`) and
        (`m-x86`, `64`, `1`). The manifest compares keys before anything is uploaded, and the object's metadata
        carries `sha256` below. Source: DESIGN.md, "The fleet: terms".
        """
        return f"{self.dev_stage}/{self.resource_name}-{self.architecture}-{self.version}.enc"

    @property
    def is_key_too_long(self) -> bool:
        return len(self.object_key.rpartition("/")[2]) > MAX_OBJECT_NAME

    @property
    def sha256(self) -> str:
        """Return the identity hash: hex SHA-256 of the canonical JSON of the four names."""
        return _identity_hash(self)

    def fields(self) -> dict[str, str]:
        return {
            "resource_name": self.resource_name,
            "dev_stage": self.dev_stage,
            "architecture": self.architecture,
            "version": self.version,
        }


@lru_cache(maxsize=1024)
def _identity_hash(identity: FleetIdentity) -> str:
    """Compute the hash once for an artifact in flight, which is asked for it about ten times."""
    canonical = json.dumps(identity.fields(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CondaIdentity:
    """A package of a conda channel: the file name within the subdir, as the channel's index lists it."""

    subdir: str
    filename: str

    @property
    def path(self) -> str:
        return f"{self.subdir}/{self.filename}"

    def fields(self) -> dict[str, str]:
        return {"subdir": self.subdir, "filename": self.filename}


@dataclass(frozen=True, slots=True)
class DavIdentity:
    """A file, or a folder of files, of an artifact repository: its path below the repository's address.

    `path` has no leading or trailing slash, no empty part, no `.` and no `..`, and is not percent-encoded.
    """

    path: str

    def fields(self) -> dict[str, str]:
        return {"path": self.path}


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A worker version: a worker of a repository at one revision; the server keeps one version for each.

    `repository_url` is the http(s) address of the repository, `revision` the whole hash of the commit. The hash
    stands for the repository in `path`, which stays short so.
    """

    repository_url: str
    slug: str
    revision: str

    @property
    def path(self) -> str:
        return f"{self.slug}/{self.revision}"

    def fields(self) -> dict[str, str]:
        return {"repository_url": self.repository_url, "slug": self.slug, "revision": self.revision}
