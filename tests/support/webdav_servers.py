"""Real WebDAV servers as fixtures: nginx with a token service or with a user file, wsgidav, and rclone.

nginx is what the source document names; it comes from a Debian package. The other two come from wheels: wsgidav, whose
aborted uploads leave damaged files behind, and rclone, which hides them.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha1
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.command import PROJECT
from tests.support.programs import Server, free_port, from_wheel, need
from tests.support.token_service import CHECK_PATH, TokenService

USER = "alice"
PASSWORD = "fake-password-of-alice"
FIXED = {"WEBDAV_USER": USER, "WEBDAV_PASSWORD": PASSWORD}


@dataclass(frozen=True)
class WebdavServer:
    """A running server. Files below `root` are what it serves below `url`."""

    url: str
    root: Path
    settings: dict[str, str]
    server: Server
    tokens: TokenService | None = None
    reads_are_public: bool = True
    log: Path | None = None

    def fresh_folder(self) -> WebdavServer:
        """Return the same server, seen from a folder that nobody else uses."""
        name = uuid.uuid4().hex
        url = f"{self.url}/{name}"
        # Through the server: rclone remembers for minutes what a folder of the disk did not hold.
        assert ask("MKCOL", f"{url}/") == 201
        return replace(self, url=url, root=self.root / name, settings={**self.settings, "WEBDAV_URL": url})

    def stored(self) -> dict[str, bytes]:
        """Return every file that is there, by its path."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


NGINX = """\
daemon off; master_process on; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log info;
{user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_body_timeout 10s;
  proxy_temp_path {folder}/tmp/proxy; fastcgi_temp_path {folder}/tmp/fastcgi;
  uwsgi_temp_path {folder}/tmp/uwsgi; scgi_temp_path {folder}/tmp/scgi;
  {documented}
}}
"""

DOCUMENTED = (PROJECT / "publisher" / "DESIGN.md").read_text().partition("```nginx\n")[2].partition("```")[0]
"""The configuration that the design document shows is the one that the tests run."""

BY_TOKEN = re.compile(r" *set \$checked_uri .*\n *auth_request .*\n")
CHECK = re.compile(r" *location = /_auth \{.*?\n  \}\n", re.DOTALL)
BY_USER = 'limit_except GET HEAD {{ auth_basic "publish"; auth_basic_user_file {file}; }}\n'


@dataclass(frozen=True)
class NginxOptions:
    limit: str = "0"
    methods: str = "PUT DELETE MKCOL MOVE"
    tokens: TokenService | None = None
    is_open: bool = False
    """Ask nobody for a user."""


@contextmanager
def nginx(options: NginxOptions) -> Iterator[WebdavServer]:
    """Run nginx with two workers, checked with `nginx -t` first, with a token service or a file of users."""
    program = need("nginx", "nginx-light")
    folder = Path(tempfile.mkdtemp(prefix="nginx-"))
    for name in ("www/pub", "incoming", "tmp"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    configured = DOCUMENTED
    for shown, real in {
        "/srv/incoming": f"{folder}/incoming",
        "/srv/artifacts": f"{folder}/www",
        "127.0.0.1:8443": f"127.0.0.1:{port}",
        "client_max_body_size 0": f"client_max_body_size {options.limit}",
        "dav_methods PUT DELETE MKCOL MOVE": f"dav_methods {options.methods}",
    }.items():
        assert configured.count(shown) == 1, shown
        configured = configured.replace(shown, real)
    settings = FIXED
    if options.tokens is not None:
        configured = configured.replace("http://127.0.0.1:8080/check", options.tokens.origin + CHECK_PATH)
        settings = options.tokens.settings
    else:
        users = folder / "users"
        users.write_text(f"{USER}:{{SHA}}{b64encode(sha1(PASSWORD.encode()).digest()).decode()}\n")
        configured = CHECK.sub("", configured)
        configured = BY_TOKEN.sub("" if options.is_open else BY_USER.format(file=users), configured)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(folder=folder, user=user, documented=configured))
    command = [program, "-p", str(folder), "-c", str(config)]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    url = f"http://127.0.0.1:{port}/pub"
    server = Server(command, log=folder / "output.log")
    try:
        server.wait_until(lambda: _answers(port, "/pub/"))
        yield WebdavServer(
            url=url,
            root=folder / "www" / "pub",
            settings={"WEBDAV_URL": url, **settings},
            server=server,
            tokens=options.tokens,
            log=folder / "access.log",
        )
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def wsgidav() -> Iterator[WebdavServer]:
    """Run wsgidav: asks for a user for reading, too; an upload that is cut off leaves what came of it."""
    folder, port = Path(tempfile.mkdtemp(prefix="wsgidav-")), free_port()
    (folder / "www").mkdir()
    config = {
        "host": "127.0.0.1",
        "port": port,
        "provider_mapping": {"/pub": {"root": str(folder / "www")}},
        "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "logging": {"enable_loggers": []},
    }
    (folder / "wsgidav.json").write_text(json.dumps(config))
    command = [from_wheel("wsgidav"), "--config", str(folder / "wsgidav.json")]
    yield from _running(command, folder, port, "/pub")


@contextmanager
def rclone_webdav() -> Iterator[WebdavServer]:
    """Run rclone's WebDAV server, which asks for a user for reading, too."""
    folder, port = Path(tempfile.mkdtemp(prefix="rclone-")), free_port()
    (folder / "www").mkdir()
    command = [from_wheel("rclone"), "serve", "webdav", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}"]
    command += ["--user", USER, "--pass", PASSWORD, "--baseurl", "/pub", str(folder / "www")]
    yield from _running(command, folder, port, "/pub")


def _running(command: list[str], folder: Path, port: int, path: str) -> Iterator[WebdavServer]:
    url = f"http://127.0.0.1:{port}{path}"
    server = Server(command, log=folder / "output.log")
    try:
        server.wait_until(lambda: _answers(port, f"{path}/"))
        yield WebdavServer(
            url=url,
            root=folder / "www",
            settings={"WEBDAV_URL": url, **FIXED},
            server=server,
            reads_are_public=False,
        )
    finally:
        server.stop()
        shutil.rmtree(folder)


def _answers(port: int, path: str) -> bool:
    try:
        return ask("GET", f"http://127.0.0.1:{port}{path}") == 200
    except OSError:
        return False


def ask(
    method: str,
    url: str,
    *,
    path: str | None = None,
    user: str = USER,
    password: str = PASSWORD,
    headers: Mapping[str, str] | None = None,
) -> int:
    """Send one request without the publisher's client, which would refuse or tidy it; return the status.

    `path` is sent just as it is.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    pair = b64encode(f"{user}:{password}".encode()).decode()
    try:
        connection.request(method, path or parts.path, headers={"Authorization": f"Basic {pair}", **(headers or {})})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def nginx_by_token(token_service: TokenService) -> Iterator[WebdavServer]:
    """What the source document describes: nginx, and a token service behind `auth_request`."""
    with nginx(NginxOptions(tokens=token_service)) as running:
        yield running


@pytest.fixture
def nginx_by_user() -> Iterator[WebdavServer]:
    """nginx with a file of users, for fixed credentials."""
    with nginx(NginxOptions()) as running:
        yield running


@pytest.fixture(scope="session")
def whole_wsgidav() -> Iterator[WebdavServer]:
    """wsgidav, started once; tests use a folder of their own."""
    with wsgidav() as running:
        yield running


@pytest.fixture(scope="session")
def whole_rclone() -> Iterator[WebdavServer]:
    """rclone, started once; tests use a folder of their own."""
    with rclone_webdav() as running:
        yield running


@pytest.fixture
def wsgidav_server(whole_wsgidav: WebdavServer) -> WebdavServer:
    """A fresh folder of wsgidav."""
    return whole_wsgidav.fresh_folder()


@pytest.fixture
def rclone_server(whole_rclone: WebdavServer) -> WebdavServer:
    """A fresh folder of rclone."""
    return whole_rclone.fresh_folder()
