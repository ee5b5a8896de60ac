"""`publish doctor` for a channel: whether it can be read, whether the handler answers, and what cannot be known.

Nothing is uploaded: whether a token is right, and which generation a handler is, shows only with a real package.
"""

from __future__ import annotations

from collections.abc import Iterator

from publisher.destinations.conda.ports import Channel, Handler
from publisher.destinations.port import Finding
from publisher.errors import PublisherError


def diagnose(channel: Channel, handler: Handler) -> Iterator[Finding]:
    """Yield one finding after another; a failed question is a finding, too."""
    yield _channel(channel, handler)
    yield from handler.look()


def _channel(channel: Channel, handler: Handler) -> Finding:
    subdir = handler.only_subdir or "noarch"
    try:
        channel.listing(subdir, ())
    except PublisherError as error:
        return Finding("channel", error.message, "failure", error.hint, error.exit_code)
    if channel.location.startswith("http://"):
        return Finding(
            "channel",
            f"{channel.location} has an index, but anybody on the way can change what it says",
            "warning",
            "serve it with https, and set CONDA_CA_FILE for a private authority",
        )
    return Finding("channel", f"{channel.location} has an index", "ok")
