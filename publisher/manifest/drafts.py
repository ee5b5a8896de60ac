"""What a kind's expansion hands back: the artifact, and the names that must be its own at the place it goes to."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.manifest.problems import Place
from publisher.model import Artifact, DestinationSpec


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that is free for one artifact in a place. `text` is compared, `what` says what it is.

    With `is_shared` any number of artifacts may have it, but none for itself: a folder is no file.
    """

    what: str
    text: str
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """`shown` is the identity as messages may show it, without values of the environment."""

    artifact: Artifact
    where: Place
    destination: DestinationSpec
    shown: str
    claims: tuple[Claim, ...]
