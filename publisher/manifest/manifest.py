"""What a manifest means, once it was read: the values that the rest of the publisher works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from publisher.manifest.diagnostics import Diagnostic
from publisher.model import Artifact, DestinationSpec


@dataclass(frozen=True, slots=True)
class Manifest:
    """A sound manifest. `sha256` is the hex digest of the file's bytes; `artifacts` are in the file's order.

    `destinations` holds every destination that was declared, by name, used or not.
    """

    path: Path
    sha256: str
    release: str | None
    destinations: Mapping[str, DestinationSpec]
    artifacts: tuple[Artifact, ...]
    warnings: tuple[Diagnostic, ...] = ()
