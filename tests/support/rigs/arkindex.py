"""Rigs of Arkindex: a rehearsal in a folder, and the contract server in each of its three generations.

The two variants are images that are pinned by digest: other names alone prove no other content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.arkindex_server import DOCKER_VERSION, IMPORT, LISTING, TOKEN, WORKER_VERSION, ArkindexServer
from tests.support.chaos.forks import Forks
from tests.support.chaos.messages import Fate, Message, MessageProxy, http_answer
from tests.support.command import bare_environment
from tests.support.rigs.dying import die_at
from tests.support.rigs.proxied import ProxiedRig
from tests.support.rigs.rig import Variant, When

IMAGES: Mapping[Variant, str] = {
    "first": "registry.example.com/g/w@sha256:" + "1" * 64,
    "other": "registry.example.com/g/w@sha256:" + "2" * 64,
}
CONFIGS: Mapping[str, str] = {
    ".arkindex.yml": "version: 2\nworkers:\n  - {slug: my-worker, name: My Worker, type: classifier}\n",
    "my-worker.yml": "{slug: my-worker, display_name: My Worker, type: classifier, description: About it}\n",
}
GENERATIONS = {
    "docker-version": (DOCKER_VERSION | LISTING, ".arkindex.yml", ("POST", "/api/v1/workers/versions/docker/")),
    "worker+version": (WORKER_VERSION | LISTING, ".arkindex.yml", ("POST", "/versions/")),
    "import": (IMPORT | LISTING, "my-worker.yml", ("POST", "/import-version/")),
}
"""For each mode: what the server offers, which file describes the worker, and which request is the write."""


def make(folder: Path, variant: Variant, config: str = ".arkindex.yml") -> None:
    """Write the manifest and the worker's file; every value of the revision is given, so that git is not needed."""
    (folder / config).write_text(CONFIGS[config])
    (folder / "manifest.yaml").write_text(f"""\
version: 1
destinations: {{workers: {{kind: arkindex}}}}
artifacts:
  - image: {IMAGES[variant]}
    config: {config}
    repository_url: https://gitlab.example.com/g/w
    revision_hash: c80c50c2ca9cc287a3545a9fd0127a4e1383df9b
    revision_message: Add the worker
    revision_author: Fox Mulder
    revision_branch: main
    revision_tags: [v1]
""")


def variant_of(image: object) -> str:
    return next((variant for variant, known in IMAGES.items() if known == image), "broken")


class LocalWorkers:
    """A rehearsal below a folder."""

    environment: Mapping[str, str] = {}
    secrets: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.local = folder / "L"

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        versions = sorted((self.local / "arkindex" / "versions").glob("*.json"))
        return [variant_of(json.loads(path.read_text())["docker_image_iid"]) for path in versions]

    def crash(self, when: When) -> None:
        """Die when the version's file gets its name."""
        die_at(
            *("os.link", "/versions/", when, "apply", self.manifest, "--local", self.local),
            environment=bare_environment(self.folder),
            folder=self.folder,
        )


class ServedWorkers(ProxiedRig):
    """The contract server behind a proxy. The request that makes the version is the write."""

    def __init__(self, folder: Path, forks: Forks, server: ArkindexServer, proxy: MessageProxy, mode: str) -> None:
        super().__init__(forks, [proxy])
        server.behaviour.operations, self._config, self._write = GENERATIONS[mode]
        self._server = server
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.secrets = (TOKEN,)
        self.environment = {"ARKINDEX_API_URL": proxy.url, "ARKINDEX_API_TOKEN": TOKEN, "ARKINDEX_MODE": mode}

    def make(self, variant: Variant) -> None:
        make(self.folder, variant, self._config)

    def stored(self) -> Sequence[str]:
        return [variant_of(version["docker_image_iid"]) for version in self._server.versions.values()]

    def is_write(self, message: Message) -> bool:
        method, ending = self._write
        return message.method == method and message.path.endswith(ending)

    @contextmanager
    def refuse(self) -> Iterator[None]:
        """Answer as to a token that has expired; the document is for everybody."""
        answer = http_answer(401, b'{"detail": "Token expired."}')

        def decide(message: Message) -> Fate:
            return Fate() if message.path.startswith("/api/v1/openapi") else Fate(reply=answer)

        with self.decided(decide):
            yield


@contextmanager
def local_workers(folder: Path) -> Iterator[LocalWorkers]:
    """Make a rehearsal."""
    yield LocalWorkers(folder)


@contextmanager
def served_workers(folder: Path, forks: Forks, mode: str) -> Iterator[ServedWorkers]:
    """Start a server of the generation that a mode belongs to."""
    server = ArkindexServer().start()
    try:
        with MessageProxy(urlsplit(server.url).port or 0) as proxy:
            yield ServedWorkers(folder, forks, server, proxy, mode)
    finally:
        server.stop()
