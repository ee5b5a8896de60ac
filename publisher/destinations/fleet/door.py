"""The fleet's door: what every kind hands in is taken as the fleet's own here, once."""

from __future__ import annotations

from publisher.errors import InternalError
from publisher.model import FleetIdentity, Identity, ReadyArtifact, UnreadySource


def fleet_identity(identity: Identity) -> FleetIdentity:
    """Return the identity as the fleet's. Raises `InternalError` for another kind's: the wiring sent it here."""
    if not isinstance(identity, FleetIdentity):
        raise InternalError(
            f"{identity.path} is not an artifact of the fleet", hint="this is a fault of the publisher; report it"
        )
    return identity


def identity_of(item: ReadyArtifact | UnreadySource) -> FleetIdentity:
    """Return the four names of an artifact. Raises `InternalError` as above."""
    return fleet_identity(item.artifact.identity)
