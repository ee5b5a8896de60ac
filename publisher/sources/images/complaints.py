"""What docker and skopeo complain about, in our words: the one place where their text is read.

Neither has codes that tell one failure from another, so their text chooses the advice, and says whether it may go away
by itself. It never chooses between success and failure, and it is always quoted: cleaned, and without what an address
may hold behind its question mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.errors import LocalResourceError, PublisherError, SourceError, TransportError
from publisher.model import ImageSource
from publisher.secrecy import sanitise

_FATAL = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
_PREFIX = re.compile(r'^Error parsing image name "[^"]*": |^Error response from daemon: ')
_USER_INFO = re.compile(r"(?<=://)[^\s/@\"']+@")
_QUERY = re.compile(r"(https?://[^\s?\"']*)\?[^\s\"']*")


@dataclass(frozen=True, slots=True)
class _Known:
    text: re.Pattern[str]
    hint: str
    kind: type[PublisherError] = SourceError


def _known(text: str, hint: str, kind: type[PublisherError] = SourceError) -> _Known:
    return _Known(re.compile(text, re.IGNORECASE), hint, kind)


_KNOWN = (
    _known("no space left on device", "free some space, or set TMPDIR to a larger disk", LocalResourceError),
    _known(
        r"permission denied.*docker",
        "let this user use the engine, for example by the group docker, or set DOCKER_HOST",
    ),
    _known(
        "cannot connect to the docker daemon|error during connect|docker daemon (?:is )?(?:not )?running",
        "start the engine, or say with DOCKER_HOST or DOCKER_CONTEXT where it is",
    ),
    _known(
        "unauthorized|authentication required|invalid username/password|denied",
        "check the name; log in with `docker login`, or say with DOCKER_CONFIG or REGISTRY_AUTH_FILE where a login is",
    ),
    _known("gave HTTP response to HTTPS client", "a registry on another machine has to speak https"),
    _known("certificate|x509", "let this machine trust the registry's authority, for example with SSL_CERT_FILE"),
    _known(
        "no such image|reference does not exist", "build or pull it first; an image in a registry is docker://name:tag"
    ),
    _known(
        "no image found in|does not provide the specified platform|no suitable export target|"
        "does not match the specified platform",
        "build the image for that platform, or correct the architecture",
    ),
    _known("manifest unknown|name unknown|not found", "push it first, or correct name and tag"),
    _known("no descriptor found|more than one image", "name a tag that is in the layout, as in oci:folder:tag"),
    _known(
        "index.json: no such file|oci-layout: no such file", "name an OCI layout; docker-archive: reads other files"
    ),
    _known("trust policy|rejected by policy", "see containers-policy.json(5)"),
    _known(
        "connection refused|connection reset|no such host|timeout|handshake|unexpected EOF|toomanyrequests|"
        r"too many requests|status(?: code)?:? 5\d\d|server misbehaving|network is unreachable",
        "check the registry and the network, then run again",
        TransportError,
    ),
)


def complaint(source: ImageSource, words: str) -> PublisherError:
    """Return the error for what a tool wrote to standard error about an image."""
    said = _gist(words)
    known = next((known for known in _KNOWN if known.text.search(said)), None)
    quoted = sanitise(said, secrets=_hidden_words(source)) or "no reason was given"
    message = f"{shown(source)} cannot be read: {quoted}"
    if known is None:
        return SourceError(message, hint="try the same with the tool by hand")
    return known.kind(message, hint=known.hint)


def shown(source: ImageSource) -> str:
    """Return what messages call an image."""
    return f"the image {source.shown}"


def _hidden_words(source: ImageSource) -> tuple[str, ...]:
    """Return what messages must not show of a reference, because it came from the environment."""
    if source.shown == source.reference:
        return ()
    words = [word for word in re.split(r"[:/@]+", source.reference) if len(word) > 2]
    return (*words, *([str(source.local.path)] if source.local else []))


def _gist(words: str) -> str:
    """Return the line that says what went wrong: the last fatal one, else the last that speaks of an error."""
    fatal = _FATAL.findall(words)
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    spoken = [line for line in lines if "error" in line.lower() or "cannot" in line.lower()]
    said = re.sub(r"\\(.)", r"\1", fatal[-1]) if fatal else (spoken or lines or [""])[-1]
    return _QUERY.sub(r"\1", _USER_INFO.sub("", _PREFIX.sub("", said)))
