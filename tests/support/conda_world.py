"""A conda server as a whole: a handler of either generation, the channel that it writes to, and settings for both."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme

from publisher.cancellation import Cancellation
from publisher.destinations.conda.channel import HttpChannel
from publisher.destinations.conda.destination import CondaDestination
from publisher.destinations.conda.handler import HttpHandler
from publisher.destinations.conda.publishing import CondaPorts
from publisher.destinations.port import Host, VerifyMode
from publisher.events import Event
from publisher.http import HttpClient, Masked
from publisher.model import Artifact, Compression, CondaIdentity, FileSource, PackageSource, ReadyArtifact
from publisher.retry import RetryPolicy
from publisher.sources.facts import facts_of
from tests.support.conda_channel import ChannelServer
from tests.support.conda_handler import UploadHandler
from tests.support.conda_packages import index_channel

TOKEN = "canary-conda-token-0123456789-abcdefgh"

SUBDIRS = ("noarch", "linux-64")


@dataclass
class CondaWorld:
    """Settings for the two servers, and ways to look behind the scenes without the publisher's code."""

    handler: UploadHandler
    server: ChannelServer
    folder: Path
    settings: dict[str, str]
    ca_file: Path | None = None
    events: list[Event] = field(default_factory=list)

    def index(self, subdir: str) -> dict[str, Any]:
        """Return the packages that the channel's index lists, by file name."""
        document = json.loads((self.folder / subdir / "repodata.json").read_text())
        return {**document["packages"], **document["packages.conda"]}

    def stored(self) -> dict[str, bytes]:
        """Return every package that lies in the channel, indexed or not, by `subdir/filename`."""
        files = [path for pattern in ("*.conda", "*.tar.bz2") for path in self.folder.rglob(pattern)]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in sorted(files)}

    def put(self, package: Path, subdir: str, *, is_indexed: bool = True) -> None:
        """Store a package as another publisher would."""
        target = self.folder / subdir / package.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(package.read_bytes())
        if is_indexed:
            index_channel(self.folder)

    def edit_index(self, subdir: str, **changes: Any) -> None:
        """Change the first package's entry in an index; None removes a field."""
        path = self.folder / subdir / "repodata.json"
        document = json.loads(path.read_text())
        for section in ("packages", "packages.conda"):
            for entry in document[section].values():
                entry.update(changes)
                for name in [name for name, value in entry.items() if value is None]:
                    del entry[name]
        path.write_text(json.dumps(document))

    @contextmanager
    def destination(
        self,
        *,
        upload_url: str | None = None,
        token: str = TOKEN,
        verify: VerifyMode = "head",
        timeout_s: float = 20.0,
        uploads_ca: Path | None = None,
    ) -> Iterator[CondaDestination]:
        """Build the destination with short waits."""
        ca_file = uploads_ca or self.ca_file
        upload = HttpClient(
            upload_url or self.settings["CONDA_UPLOAD_URL"],
            ca_file=ca_file,
            read_timeout_s=timeout_s,
            total_timeout_s=timeout_s,
        )
        channel = HttpClient(
            self.settings["CONDA_CHANNEL_URL"], ca_file=self.ca_file, is_public=True, read_timeout_s=5.0
        )
        subdir = self.settings.get("CONDA_UPLOAD_SUBDIR", "package")
        handler = HttpHandler(
            upload,
            Masked(token),
            sends_arch=subdir == "arch",
            only_subdir=None if subdir in ("arch", "package") else subdir,
        )
        ports = CondaPorts(
            HttpChannel(channel),
            handler,
            RetryPolicy(attempts=2, base_s=0.01),
            verify=verify,
            waits_s=(0.01, 0.02, 0.05),
        )
        with ExitStack() as closing:
            closing.callback(upload.close)
            closing.callback(channel.close)
            yield CondaDestination(ports, close=lambda: None, cancellation=Cancellation())

    def host(self, cancellation: Cancellation | None = None) -> Host:
        """Return a host with a real clock; its events are kept."""
        import time

        return Host(self.events.append, cancellation or Cancellation(), time.monotonic, time.sleep)


def ready(package: Path, subdir: str = "linux-64", **expected: str) -> ReadyArtifact:
    """Return a built package as it is handed to a destination, its source read as for a plan."""
    file = FileSource(package, package.parent, package.name)
    source = PackageSource(file, package.name, subdir, tuple(expected.items()))
    artifact = Artifact("channel", "conda", CondaIdentity(subdir, package.name), source, Compression.NONE)
    return ReadyArtifact(artifact, facts_of(source, lambda: None))


def sha256_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def manifest_of(*entries: str) -> str:
    """Return a manifest with one conda destination, `channel`."""
    return "version: 1\ndestinations: {channel: {kind: conda}}\nartifacts:\n" + "".join(f"  - {e}\n" for e in entries)


@contextmanager
def conda_world(
    folder: Path,
    generation: Literal[1, 2],
    *,
    only_subdir: str | None = None,
    tls: trustme.CA | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[CondaWorld]:
    """Run both servers over an empty, indexed channel.

    The first generation is started at the channel's root and told the subdir, or, with `only_subdir`, at one subdir
    as its own documentation shows it.
    """
    channel = folder / "channel"
    for subdir in SUBDIRS:
        (channel / subdir).mkdir(parents=True)
    index_channel(channel)
    context, ca_file = None, None
    if tls is not None:
        ca_file = folder / "ca.pem"
        tls.cert_pem.write_to_path(str(ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.issue_cert("127.0.0.1").configure_cert(context)
    write_dir = channel / only_subdir if only_subdir else channel
    handler = UploadHandler(generation, write_dir, token=TOKEN, channel=channel, tls=context)
    with handler, ChannelServer(channel, context) as server:
        made = {
            "CONDA_UPLOAD_URL": handler.url,
            "CONDA_UPLOAD_TOKEN": TOKEN,
            "CONDA_CHANNEL_URL": server.url,
            **({"CONDA_UPLOAD_SUBDIR": only_subdir or "arch"} if generation == 1 else {}),
            **({"CONDA_CA_FILE": str(ca_file)} if ca_file else {}),
            **(settings or {}),
        }
        yield CondaWorld(handler, server, channel, made, ca_file)


@pytest.fixture(params=[1, 2], ids=["first", "second"])
def conda(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CondaWorld]:
    """A server of each generation, with an empty channel."""
    with conda_world(tmp_path / "conda", request.param) as world:
        yield world


@pytest.fixture
def first_conda(tmp_path: Path) -> Iterator[CondaWorld]:
    """A server of the first generation: it overwrites in silence."""
    with conda_world(tmp_path / "conda", 1) as world:
        yield world


@pytest.fixture
def second_conda(tmp_path: Path) -> Iterator[CondaWorld]:
    """A server of the second generation: it answers 401 for two reasons."""
    with conda_world(tmp_path / "conda", 2) as world:
        yield world
