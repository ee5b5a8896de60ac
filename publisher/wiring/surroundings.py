"""What every builder of a destination is handed besides its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from publisher.cancellation import Cancellation
from publisher.destinations.port import VerifyMode


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`state_folder` is where what was found out about a server may be remembered, or None where there is no place.

    `writes` is False for commands that only look: then nothing is made, neither folder nor table.
    """

    state_folder: Path | None
    verify: VerifyMode
    writes: bool
    cancellation: Cancellation
    allow_unfenced: bool = False
    """Publish to a store that keeps no two publishers apart, because a person says that no other is running."""
