"""Servers that are known to lack a virtue, by the name they give themselves. Switches capabilities off, never on.

It saves hundreds of requests of a probe whose answer is known; a probe that is asked for all the same counts as well.
"""

from __future__ import annotations

from publisher.stores.capabilities import Enforcement, UploadCapabilities

_COMPLETIONS_NOT_ATOMIC = ("SeaweedFS",)
"""Measured with SeaweedFS 4.48: in a quarter of the races several conditional completions win, in some set-ups only
from the seventh round on."""


def known_uploads(server: str) -> UploadCapabilities | None:
    """Return what uploads in parts are like at a server which calls itself so, or None if it has to be asked."""
    if server.startswith(_COMPLETIONS_NOT_ATOMIC):
        return UploadCapabilities(Enforcement.RACY, lists_uploads=True, aborts_uploads=True)
    return None
