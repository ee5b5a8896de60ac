"""Rigs of artifact repositories: a rehearsal in a folder, nginx with tokens, nginx with users, and wsgidav."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.chaos.forks import Forks
from tests.support.chaos.messages import Fate, Message, MessageProxy, everything_passes, http_answer
from tests.support.command import bare_environment
from tests.support.rigs.dying import die_at
from tests.support.rigs.proxied import ProxiedRig
from tests.support.rigs.rig import Variant, When
from tests.support.token_service import TokenService
from tests.support.webdav_servers import PASSWORD, NginxOptions, WebdavServer, nginx

NAME = "tool 1.0 ü.deb"
PATH = f"deb/tool/7/{NAME}"
CONTENTS: Mapping[Variant, bytes] = {"first": b"first build\n" * 999, "other": b"other build\n" * 999}
MANIFEST = f"""\
version: 1
destinations: {{builds: {{kind: webdav}}}}
artifacts:
  - {{path: deb/tool/7, file: "{NAME}"}}
"""
"""Both variants have one length: only their bytes tell them apart."""


def make(folder: Path, variant: Variant) -> None:
    """Write the manifest and the source."""
    (folder / "manifest.yaml").write_text(MANIFEST)
    (folder / NAME).write_bytes(CONTENTS[variant])


def seen_below(root: Path) -> Sequence[str]:
    """Say what somebody who knows the artifact's path gets."""
    published = root / PATH
    if not published.exists():
        return []
    content = published.read_bytes()
    return [next((variant for variant, known in CONTENTS.items() if known == content), "broken")]


class LocalRepository:
    """A rehearsal of an artifact repository below a folder."""

    environment: Mapping[str, str] = {}
    secrets: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.local = folder / "L"

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        return seen_below(self.local / "webdav")

    def crash(self, when: When) -> None:
        """Die when the part gets the file's name."""
        die_at(
            *("os.link", NAME, when, "apply", self.manifest, "--local", self.local),
            environment=bare_environment(self.folder),
            folder=self.folder,
        )


class Repository(ProxiedRig):
    """A server behind a proxy, and its token service behind another one. The move to the file's name is the write."""

    def __init__(
        self, folder: Path, forks: Forks, server: WebdavServer, proxies: Sequence[MessageProxy], secrets: Sequence[str]
    ) -> None:
        super().__init__(forks, proxies)
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.environment = {**server.settings, "WEBDAV_URL": proxies[0].url + urlsplit(server.url).path}
        if len(proxies) > 1:
            self.environment["WEBDAV_TOKEN_URL"] = proxies[1].url + urlsplit(server.settings["WEBDAV_TOKEN_URL"]).path
        self._server = server
        self._known_secrets = secrets

    @property
    def secrets(self) -> Sequence[str]:
        return [*self._known_secrets, *(self._server.tokens.secrets() if self._server.tokens else ())]

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        return seen_below(self._server.root)

    def is_write(self, message: Message) -> bool:
        return message.is_a("MOVE") and ".part-" in message.path

    @contextmanager
    def refuse(self) -> Iterator[None]:
        """Answer as to a wrong user or token; reading stays what it is at this server."""
        answer = http_answer(401, b"<h1>401</h1>", content_type="text/html")
        is_public = self._server.reads_are_public

        def decide(message: Message) -> Fate:
            if is_public and message.method in {"GET", "HEAD"}:
                return everything_passes(message)
            return Fate(reply=answer)

        with self.decided(decide):
            yield


@contextmanager
def local_repository(folder: Path) -> Iterator[LocalRepository]:
    """Make a rehearsal."""
    yield LocalRepository(folder)


@contextmanager
def by_token(folder: Path, forks: Forks) -> Iterator[Repository]:
    """Make what the source document describes: nginx, and a token service behind `auth_request`."""
    service = TokenService().start()
    try:
        with nginx(NginxOptions(tokens=service)) as server:
            yield from _rig(folder, forks, server, [server.url, service.url], [])
    finally:
        service.stop()


@contextmanager
def by_user(folder: Path, forks: Forks) -> Iterator[Repository]:
    """Make nginx with a file of users."""
    with nginx(NginxOptions()) as server:
        yield from _rig(folder, forks, server, [server.url], [PASSWORD])


@contextmanager
def by_wsgidav(folder: Path, forks: Forks, server: WebdavServer) -> Iterator[Repository]:
    """Make a rig of a fresh folder of wsgidav."""
    yield from _rig(folder, forks, server, [server.url], [PASSWORD])


def _rig(
    folder: Path, forks: Forks, server: WebdavServer, urls: Sequence[str], secrets: Sequence[str]
) -> Iterator[Repository]:
    with ExitStack() as stack:
        proxies = [stack.enter_context(MessageProxy(urlsplit(url).port or 0)) for url in urls]
        yield Repository(folder, forks, server, proxies, secrets)
