"""A real registry with a login (docker-registry of Debian, htpasswd), and ways to put images into it."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.images import Image, write_layout
from tests.support.programs import Server, free_port, need

USER = "alice"
PASSWORD = "fake-password-of-the-registry"

_CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@dataclass(frozen=True)
class Registry:
    """A running registry. `host` is what stands in references."""

    host: str
    folder: Path

    def push(self, name: str, *images: Image) -> str:
        """Put an image, or a list of images for several platforms, under `name:tag`; return the reference to it."""
        layout = self.folder / "layouts" / name.replace("/", "-").replace(":", "-")
        write_layout(layout, "pushed", *images)
        command = [need("skopeo", "skopeo"), "copy", "--all", "--quiet", "--dest-tls-verify=false"]
        command += [f"--dest-creds={USER}:{PASSWORD}", f"oci:{layout}:pushed", f"docker://{self.host}/{name}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return f"docker://{self.host}/{name}"

    def login(self, folder: Path, *, password: str = PASSWORD) -> Path:
        """Write what `docker login` writes; return the folder, for DOCKER_CONFIG."""
        folder.mkdir(parents=True, exist_ok=True)
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": login}}}))
        return folder


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that asks for a login, empty at first; tests use names of their own."""
    program, htpasswd = need("docker-registry", "docker-registry"), need("htpasswd", "apache2-utils")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    line = subprocess.run([htpasswd, "-Bbn", USER, PASSWORD], check=True, capture_output=True).stdout
    (folder / "htpasswd").write_bytes(line)
    (folder / "registry.yml").write_text(_CONFIGURATION.format(folder=folder, port=port))
    server = Server([program, "serve", str(folder / "registry.yml")], log=folder / "log")

    def asks_for_a_login() -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2)
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        return False

    try:
        server.wait_until(asks_for_a_login, seconds=20)
        yield Registry(f"127.0.0.1:{port}", folder)
    finally:
        server.stop()
