"""Rigs of conda channels: a rehearsal in a folder, and a real handler of each generation with its channel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tests.support.chaos.forks import Forks
from tests.support.chaos.messages import Fate, Message, MessageProxy, http_answer
from tests.support.command import bare_environment
from tests.support.conda_packages import build_package
from tests.support.conda_world import TOKEN, CondaWorld, conda_world, manifest_of, sha256_of
from tests.support.rigs.dying import die_at
from tests.support.rigs.proxied import ProxiedRig
from tests.support.rigs.rig import Variant, When

CONTENTS: Mapping[Variant, bytes] = {"first": b"first\n" * 999, "other": b"other\n" * 999}
FILENAME = "x-1.0-0.tar.bz2"


def make(folder: Path, variant: Variant) -> None:
    """Write the manifest and build the package."""
    (folder / "manifest.yaml").write_text(manifest_of(f"{{file: dist/{FILENAME}}}"))
    build_package(folder / "dist", "x", subdir="linux-64", content=CONTENTS[variant])


def variants_in(channel: Path, scratch: Path) -> Sequence[str]:
    """Return what a client could get: what the index lists, if the file is what the index says."""
    index = channel / "linux-64" / "repodata.json"
    if not index.exists():
        return []
    entry = json.loads(index.read_text())["packages"].get(FILENAME)
    if entry is None:
        return []
    stored = (channel / "linux-64" / FILENAME).read_bytes()
    if sha256_of(stored) != entry["sha256"]:
        return ["broken"]
    built = {
        build_package(scratch / variant, "x", subdir="linux-64", content=content).read_bytes(): variant
        for variant, content in CONTENTS.items()
    }
    return [built.get(stored, "broken")]


class LocalConda:
    """A rehearsal of a channel below a folder."""

    environment: Mapping[str, str] = {}
    secrets: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.local = folder / "L"

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        return variants_in(self.local / "conda", self.folder / "built")

    def crash(self, when: When) -> None:
        """Die when the index that lists the package gets its name: only then can a client get it."""
        die_at(
            *("os.rename", "linux-64/repodata.json", when, "apply", self.manifest, "--local", self.local),
            environment=bare_environment(self.folder),
            folder=self.folder,
        )


class RemoteConda(ProxiedRig):
    """A handler and its channel, each behind a proxy. The upload is the write."""

    secrets = (TOKEN,)

    def __init__(
        self, folder: Path, forks: Forks, world: CondaWorld, proxies: tuple[MessageProxy, MessageProxy]
    ) -> None:
        super().__init__(forks, proxies)
        upload, channel = proxies
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.environment = {**world.settings, "CONDA_UPLOAD_URL": upload.url, "CONDA_CHANNEL_URL": channel.url}
        self._world = world

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        return variants_in(self._world.folder, self.folder / "built")

    def is_write(self, message: Message) -> bool:
        return message.is_a("POST", "/")

    @contextmanager
    def refuse(self) -> Iterator[None]:
        """Let the handler answer as to a wrong token."""
        with self.decided(lambda _message: Fate(reply=http_answer(401, b"")), self._proxies[:1]):
            yield


@contextmanager
def local_conda(folder: Path) -> Iterator[LocalConda]:
    """Make a rehearsal."""
    yield LocalConda(folder)


@contextmanager
def remote_conda(folder: Path, forks: Forks, generation: Literal[1, 2]) -> Iterator[RemoteConda]:
    """Run both servers of a channel."""
    with (
        conda_world(folder / "servers", generation) as world,
        MessageProxy(world.handler.port) as upload,
        MessageProxy(urlsplit(world.server.url).port or 0) as channel,
    ):
        yield RemoteConda(folder, forks, world, (upload, channel))
