"""Identities that share one object key, because the key does not escape its separator. Pure.

Before bytes under a key are exchanged, every identity that the key could belong to has to be asked about.
"""

from __future__ import annotations

import re
from itertools import combinations

from publisher.errors import DestinationError
from publisher.model import NAME_PATTERN, VERSION_PATTERN, FleetIdentity

LIMIT = 1000
"""More identities than this are not asked about; it takes 46 hyphens to get there."""


def namesakes(identity: FleetIdentity) -> tuple[FleetIdentity, ...]:
    """Return the other identities whose object key is the same. Raises `DestinationError` if there are too many."""
    parts = f"{identity.resource_name}-{identity.architecture}-{identity.version}".split("-")
    found = [
        other
        for first, second in combinations(range(1, len(parts)), 2)
        if (other := _cut(identity.dev_stage, parts, first, second)) is not None and other != identity
    ]
    if len(found) > LIMIT:
        raise DestinationError(
            f"{len(found)} artifacts could own the object {identity.object_key}: too many to ask about",
            hint="nothing was changed; publish under a name with fewer hyphens",
        )
    return tuple(found)


def _cut(dev_stage: str, parts: list[str], first: int, second: int) -> FleetIdentity | None:
    name, architecture, version = "-".join(parts[:first]), "-".join(parts[first:second]), "-".join(parts[second:])
    is_valid = all(re.fullmatch(NAME_PATTERN, part) for part in (name, architecture)) and re.fullmatch(
        VERSION_PATTERN, version
    )
    return FleetIdentity(name, dev_stage, architecture, version) if is_valid else None
