"""What tools complain about becomes one clear error, which quotes them and hides what is not to be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.errors import LocalResourceError, PublisherError, SourceError, TransportError
from publisher.model import FileSource, ImageSource
from publisher.sources.images.complaints import complaint

SOURCE = ImageSource("docker://registry.example.com/group/loader:1.4", "docker://registry.example.com/group/loader:1.4")


def fatal(message: str) -> str:
    """Return what skopeo writes."""
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    return f'time="2026-03-01T12:00:00Z" level=warning msg="retrying"\ntime="..." level=fatal msg="{quoted}"\n'


@pytest.mark.parametrize(
    ("words", "kind", "hint"),
    [
        (fatal("reading manifest 1.4 in r/loader: manifest unknown: manifest unknown"), SourceError, "push it first"),
        (fatal("reading manifest 1.4 in r/loader: unauthorized: authentication required"), SourceError, "docker login"),
        (fatal('Get "https://r/v2/": http: server gave HTTP response to HTTPS client'), SourceError, "https"),
        (fatal("x509: certificate signed by unknown authority"), SourceError, "SSL_CERT_FILE"),
        (fatal('pinging: Get "http://r/v2/": dial tcp: connect: connection refused'), TransportError, "run again"),
        (fatal("lookup registry.example.com: no such host"), TransportError, "run again"),
        (fatal("received unexpected HTTP status: 503 Service Unavailable"), TransportError, "run again"),
        (fatal("write /var/tmp/stream-blob1: no space left on device"), LocalResourceError, "TMPDIR"),
        (fatal("choosing image instance: no image found in image index for architecture x"), SourceError, "platform"),
        (fatal('no descriptor found for reference "v9"'), SourceError, "oci:folder:tag"),
        (fatal("open /x/index.json: no such file or directory"), SourceError, "OCI layout"),
        (fatal("Error loading trust policy: open /etc/containers/policy.json"), SourceError, "policy.json"),
        ("Error response from daemon: reference does not exist\n", SourceError, "build or pull"),
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", SourceError, "DOCKER_HOST"),
        ("permission denied while trying to connect to the Docker daemon socket at ...", SourceError, "group docker"),
        ("something nobody has seen before", SourceError, "by hand"),
        ("", SourceError, "by hand"),
    ],
)
def test_a_known_complaint_has_its_advice(words: str, kind: type[PublisherError], hint: str) -> None:
    """Each failure that users meet says what to do; what may go away by itself is told apart (exit 1 and 3)."""
    error = complaint(SOURCE, words)

    assert type(error) is kind
    assert hint in (error.hint or "")
    assert error.message.startswith(f"the image {SOURCE.shown} cannot be read: ")


def test_the_tool_is_quoted_without_its_wrapping() -> None:
    """The message holds what the tool said went wrong, without time stamps and prefixes."""
    error = complaint(SOURCE, fatal('Error parsing image name "docker://r/loader:1": manifest unknown'))

    assert error.message == f"the image {SOURCE.shown} cannot be read: manifest unknown"


def test_addresses_do_not_give_away_their_secrets() -> None:
    """A registry redirects to signed addresses: neither query nor user of an address is quoted."""
    error = complaint(SOURCE, fatal('Get "https://me:pass-1@store.example.com/blob?X-Sig=very-secret": broken pipe'))

    assert "https://store.example.com/blob" in error.message
    assert [word for word in ("me:", "pass-1", "very-secret") if word in error.message] == []


def test_words_of_a_terminal_do_not_reach_it() -> None:
    """Control characters of a tool, or of a registry behind it, are not passed on."""
    assert "\x1b" not in complaint(SOURCE, "error: \x1b[2Jgone").message


def test_a_value_of_the_environment_is_not_echoed() -> None:
    """Where part of a reference came from the environment, a tool's words are cleaned of it."""
    local = FileSource(Path("/srv/project/hidden-value/img"), Path("/srv/project"), "${WHERE}/img")
    source = ImageSource("oci:hidden-value/img:hidden-tag", "oci:${WHERE}:${TAG}", local)

    message = complaint(source, fatal('"oci:/srv/project/hidden-value/img:hidden-tag": broken: hidden-tag')).message

    assert "hidden" not in message
    assert "broken" in message
