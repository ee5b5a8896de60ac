"""An Arkindex server, composed: a client for its address, or a folder that stands in for it."""

from __future__ import annotations

from pathlib import Path

from publisher.destinations.port import Destination
from publisher.model import DestinationSpec
from publisher.settings.arkindex import ArkindexSettings
from publisher.wiring.surroundings import Surroundings


def settings_arkindex(spec: DestinationSpec, settings: ArkindexSettings, around: Surroundings) -> Destination:
    """Return a real server; connects to nothing yet. Raises `SettingsError` for unusable values."""
    from publisher.destinations.arkindex.client import ArkindexClient, ArkindexOptions
    from publisher.destinations.arkindex.destination import ArkindexDestination
    from publisher.destinations.arkindex.values import Mode
    from publisher.secrecy import Masked

    client = ArkindexClient(
        ArkindexOptions(
            url=settings.url,
            token=Masked(settings.token.get_secret_value()),
            scheme=settings.scheme,
            schema=settings.schema,
            ca_file=settings.ca_file,
            prefix=spec.env_prefix,
        )
    )
    return ArkindexDestination(
        client,
        mode=None if settings.mode == "auto" else Mode(settings.mode),
        account=settings.account,
        cancellation=around.cancellation,
    )


def local_arkindex(folder: Path, around: Surroundings) -> Destination:
    """Return a server that lives in a folder, which is made by a command that writes."""
    from publisher.destinations.arkindex.destination import ArkindexDestination
    from publisher.destinations.arkindex.local import LocalArkindex

    api = LocalArkindex(folder.resolve(), writes=around.writes)
    return ArkindexDestination(api, mode=None, account="a rehearsal", cancellation=around.cancellation)
