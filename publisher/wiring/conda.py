"""A conda channel, composed: HTTP clients for its two addresses, or a folder that stands in for both."""

from __future__ import annotations

from pathlib import Path

from publisher.destinations.port import Destination
from publisher.model import DestinationSpec
from publisher.settings.conda import CondaSettings
from publisher.wiring.surroundings import Surroundings


def settings_conda(spec: DestinationSpec, settings: CondaSettings, around: Surroundings) -> Destination:
    """Return a channel that real servers hold; connects to nothing yet."""
    from publisher.destinations.conda.channel import HttpChannel, UnknownChannel
    from publisher.destinations.conda.destination import CondaDestination
    from publisher.destinations.conda.handler import HttpHandler
    from publisher.destinations.conda.ports import Channel
    from publisher.destinations.conda.publishing import CondaPorts
    from publisher.http import HttpClient, Masked
    from publisher.retry import RetryPolicy

    upload = HttpClient(
        settings.upload_url,
        setting=f"{spec.env_prefix}CONDA_UPLOAD_URL",
        ca_file=settings.ca_file,
        # The index of the whole channel is made before the answer comes.
        read_timeout_s=settings.timeout_s,
        total_timeout_s=settings.timeout_s,
    )
    clients = [upload]
    channel: Channel = UnknownChannel(spec.env_prefix)
    if settings.channel_url is not None:
        client = HttpClient(
            settings.channel_url,
            setting=f"{spec.env_prefix}CONDA_CHANNEL_URL",
            ca_file=settings.ca_file,
            is_public=True,
        )
        clients.append(client)
        channel = HttpChannel(client)
    handler = HttpHandler(
        upload,
        Masked(settings.token.get_secret_value()),
        sends_arch=settings.sends_arch,
        only_subdir=settings.only_subdir,
    )

    def close() -> None:
        for client in clients:
            client.close()

    ports = CondaPorts(channel, handler, RetryPolicy(attempts=4), verify=around.verify)
    return CondaDestination(ports, close=close, cancellation=around.cancellation)


def local_conda(folder: Path, around: Surroundings) -> Destination:
    """Return a channel in a folder, from which conda can install; made with the first upload."""
    from publisher.destinations.conda.destination import CondaDestination
    from publisher.destinations.conda.folder import FolderChannel
    from publisher.destinations.conda.publishing import CondaPorts
    from publisher.retry import RetryPolicy

    channel = FolderChannel(folder)
    ports = CondaPorts(channel, channel, RetryPolicy(attempts=1), verify=around.verify, waits_s=())
    return CondaDestination(ports, close=_nothing, cancellation=around.cancellation)


def _nothing() -> None:
    pass
