"""The few small files that every schedule publishes, and the artifacts made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from publisher.model import (
    Artifact,
    Compression,
    Digest,
    FileSource,
    FleetIdentity,
    ReadyArtifact,
    SourceFacts,
)
from tests.simulation.engine.scenario import Role

WANTED = FleetIdentity("model", "dev", "x86-64", "1")
COLLIDING = FleetIdentity("model-x86", "dev", "64", "1")
"""Another identity with the same object key."""

_PLANNED, _OTHER = b"weights of a tiny model", b"other weights"


@dataclass(frozen=True, slots=True)
class Sources:
    """`spool` is the folder that must be empty whenever nobody publishes."""

    root: Path
    spool: Path

    @classmethod
    def make(cls, folder: Path) -> Sources:
        root, spool = folder / "sources", folder / "spool"
        for made in (root, spool):
            made.mkdir()
        (root / "planned").write_bytes(_PLANNED)
        (root / "other").write_bytes(_OTHER)
        (root / "rewritten").write_bytes(_OTHER)
        return cls(root, spool)

    @property
    def contents(self) -> frozenset[bytes]:
        return frozenset({_PLANNED, _OTHER})

    def fingerprint_of(self, item: ReadyArtifact) -> str:
        """Return what the source is compared by: as planned, or else as it lies there."""
        facts, source = item.source, item.artifact.source
        if facts.fingerprint is not None:
            return facts.sha256.hex
        assert isinstance(source, FileSource)
        return sha256(source.path.read_bytes()).hexdigest()

    @cache  # noqa: B019 - four entries, as long as the test runs
    def items(self, compression: Compression, *, reads_late: bool) -> Mapping[Role, ReadyArtifact]:
        """Return what to publish; with `reads_late`, what was not planned from other bytes was not read yet."""

        def item(identity: FleetIdentity, name: str, planned: bytes) -> ReadyArtifact:
            source = FileSource(self.root / name, self.root, name)
            is_known = not reads_late or name == "rewritten"
            facts = SourceFacts(len(planned), Digest(sha256(planned).hexdigest()) if is_known else None)
            return ReadyArtifact(Artifact("fleet", "fleet", identity, source, compression), facts)

        return {
            "same": item(WANTED, "planned", _PLANNED),
            "other-source": item(WANTED, "other", _OTHER),
            "other-identity": item(COLLIDING, "planned", _PLANNED),
            "stale-plan": item(WANTED, "rewritten", _PLANNED),
        }
