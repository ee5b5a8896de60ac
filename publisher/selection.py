"""Which artifacts of a manifest a command is about: `--only`, `--exclude`, `--destination`.

Selecting yields a smaller manifest, so nothing later knows that selection exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from publisher.errors import InputError

if TYPE_CHECKING:
    from publisher.model import Artifact


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell patterns over artifact ids (`fleet:dev/detector-*`), and names of destinations. Empty means all."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()

    def select(self, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
        """Return the selected artifacts in their order.

        Raises `InputError` for a pattern of `--only` or a destination that matches nothing: that is always a mistake.
        """
        for name in self.destinations:
            if not any(artifact.destination == name for artifact in artifacts):
                raise _no_match(f"--destination {name}", sorted({artifact.destination for artifact in artifacts}))
        for pattern in self.only:
            if not any(fnmatchcase(str(artifact.id), pattern) for artifact in artifacts):
                raise _no_match(f"--only {pattern}", [str(artifact.id) for artifact in artifacts])
        return tuple(artifact for artifact in artifacts if self._includes(artifact))

    def _includes(self, artifact: Artifact) -> bool:
        name = str(artifact.id)
        return (
            (not self.destinations or artifact.destination in self.destinations)
            and (not self.only or any(fnmatchcase(name, pattern) for pattern in self.only))
            and not any(fnmatchcase(name, pattern) for pattern in self.exclude)
        )


def _no_match(flag: str, known: Sequence[str]) -> InputError:
    shown = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
    return InputError(f"{flag} matches no artifact of the manifest", hint=f"there are {shown or 'none'}")
