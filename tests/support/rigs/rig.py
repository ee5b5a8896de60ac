"""What the conformance suite of destinations needs of each kind: the contract of a rig.

A rig starts a real destination (servers on free ports of 127.0.0.1, or the stand-in of `--local`), empty, for one test.
It knows one artifact, whose identity never changes; its source exists in two variants. It looks at what is stored
without the publisher's code. `ProxiedRig` does most of it for a kind that speaks HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

Variant = Literal["first", "other"]
"""Which source the one artifact has: the same identity, other content."""

When = Literal["before", "after"]
"""A moment of the write: before it takes effect, or after it took effect and before the publisher hears of it."""


class Rig(Protocol):
    """One destination, empty at first. A context manager makes it and stops whatever it started."""

    @property
    def folder(self) -> Path:
        """A folder for this test: the sources, the manifest, the state and the home of its publishers."""

    @property
    def manifest(self) -> Path:
        """A manifest with exactly one artifact; `make` writes it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings of the destination, and nothing else."""

    @property
    def local(self) -> Path | None:
        """The folder of `--local` for a stand-in; None for the real thing, which has `environment`."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no outcome, event, finding or location may ever hold."""

    def make(self, variant: Variant) -> None:
        """Write the manifest, and give its artifact this source."""

    def stored(self) -> Sequence[str]:
        """Say what is published under the artifact's identity: the variant of each thing that a client could get.

        Something that is neither variant whole is `broken`. Temporary names that no client asks for do not count.
        """

    def crash(self, when: When) -> None:
        """Run `publish apply` of the manifest in a process of its own, which dies at this moment of the write.

        The write is the one request, or act on the disk, by which the artifact comes to be there. The death is that of
        SIGKILL: nothing is flushed, closed or tidied.
        """


class RemoteRig(Rig, Protocol):
    """A destination behind a network, which can be silent and can refuse."""

    def silence(self) -> AbstractContextManager[None]:
        """Let nothing that the publisher asks be answered meanwhile."""

    def refuse(self) -> AbstractContextManager[None]:
        """Let the destination refuse the credentials meanwhile, in the way the real one does."""

    def at_write(self, when: When, act: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `act` at this moment of the next write, from another thread; the write goes on when `act` returns."""
