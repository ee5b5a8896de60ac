"""What a test knows of an artifact and the types do not: that it is the fleet's, that its source is a file."""

from __future__ import annotations

from publisher.model import Artifact, FileSource, FleetIdentity


def fleet_of(artifact: Artifact) -> FleetIdentity:
    """Return the four names of an artifact of the fleet."""
    assert isinstance(artifact.identity, FleetIdentity)
    return artifact.identity


def file_of(artifact: Artifact) -> FileSource:
    """Return the file of an artifact."""
    assert isinstance(artifact.source, FileSource)
    return artifact.source
