"""The door of this kind: what every kind hands in is taken as a conda package here, once."""

from __future__ import annotations

from publisher.errors import InternalError
from publisher.model import CondaIdentity, Identity, ReadyArtifact, UnreadySource


def conda_identity(identity: Identity) -> CondaIdentity:
    """Return the identity as a package's. Raises `InternalError` for another kind's: the wiring sent it here."""
    if not isinstance(identity, CondaIdentity):
        raise InternalError(
            f"{identity.path} is not a conda package", hint="this is a fault of the publisher; report it"
        )
    return identity


def identity_of(item: ReadyArtifact | UnreadySource) -> CondaIdentity:
    """Return the name of a package. Raises `InternalError` as above."""
    return conda_identity(item.artifact.identity)
