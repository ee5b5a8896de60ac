"""Rigs of the fleet: a rehearsal in a folder, and SeaweedFS with an admin API that has a lookup."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from gzip import decompress
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from publisher.stores.probe import Capabilities
from publisher.stores.probe_cache import ProbeCache
from tests.support.admin_api import LIST_PATH, TOKEN, AdminApi
from tests.support.chaos.forks import Forks
from tests.support.chaos.messages import Fate, Message, MessageProxy, http_answer
from tests.support.chaos.stage import RECOVERY_KEY
from tests.support.command import bare_environment
from tests.support.fleets import store_settings
from tests.support.rigs.dying import die_at
from tests.support.rigs.proxied import ProxiedRig
from tests.support.rigs.rig import Variant, When
from tests.support.s3_servers import SECRET_KEY, S3Server

KEY = "dev/model-any-1.enc"
CONTENTS: Mapping[Variant, bytes] = {"first": b"first weights" * 999, "other": b"other weights" * 999}
MANIFEST = """\
version: 1
destinations: {fleet: {kind: fleet}}
artifacts:
  - {resource_name: model, dev_stage: dev, architecture: any, version: 1, file: model.bin}
"""


def make(folder: Path, variant: Variant) -> None:
    """Write the manifest and the source."""
    (folder / "manifest.yaml").write_text(MANIFEST)
    (folder / "model.bin").write_bytes(CONTENTS[variant])


def opened(stored: bytes, key_hex: str) -> str:
    """Open an object as a device does, and say which variant it is."""
    try:
        cipher = Cipher(AES256(bytes.fromhex(key_hex)), CBC(stored[:16])).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        plain = unpadder.update(cipher.update(stored[16:]) + cipher.finalize()) + unpadder.finalize()
        content = decompress(plain)
    except (ValueError, OSError, EOFError):
        return "broken"
    return next((variant for variant, known in CONTENTS.items() if known == content), "broken")


class LocalFleet:
    """A rehearsal of the fleet below a folder. What devices get is what the rows name."""

    environment: Mapping[str, str] = {}
    secrets: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.local = folder / "L"

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        database = self.local / "resources.db"
        if not database.exists():
            return []
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT encryption_key FROM resources").fetchall()
        stored = self.local / "objects" / KEY
        return [opened(stored.read_bytes(), key) if stored.exists() else "broken" for (key,) in rows]

    def crash(self, when: When) -> None:
        """Die when the object gets its name, by which it comes to be there."""
        die_at(
            *("os.link", Path(KEY).name, when, "apply", self.manifest, "--local", self.local),
            environment=bare_environment(self.folder),
            folder=self.folder,
        )


class AdminFleet(ProxiedRig):
    """SeaweedFS and an admin API, each behind a proxy. The create of the object is the write."""

    def __init__(
        self, folder: Path, forks: Forks, server: S3Server, api: AdminApi, proxies: tuple[MessageProxy, MessageProxy]
    ) -> None:
        super().__init__(forks, proxies)
        store, registry = proxies
        self.folder = folder
        self.manifest = folder / "manifest.yaml"
        self.bucket = server.new_bucket()
        self.secrets = (SECRET_KEY, TOKEN, RECOVERY_KEY)
        self.environment = {
            **store_settings(server, self.bucket),
            "S3_ENDPOINT": store.url,
            "ADMIN_API_URL": registry.url,
            "ADMIN_API_TOKEN": TOKEN,
            "ADMIN_API_LOOKUP": "list",
            "ADMIN_API_LOOKUP_PATH": LIST_PATH,
            "PUBLISH_RECOVERY_KEY": RECOVERY_KEY,
        }
        self._server = server
        self._api = api

    def make(self, variant: Variant) -> None:
        make(self.folder, variant)

    def stored(self) -> Sequence[str]:
        return [self._opened(row["encryption_key"]) for row in self._api.rows()]

    def is_write(self, message: Message) -> bool:
        return message.is_a("PUT", f"/{self.bucket}/{KEY}")

    @contextmanager
    def refuse(self) -> Iterator[None]:
        """Let the admin API answer as to a token that has expired."""
        answer = http_answer(401, b'{"Message": "Unauthorized"}')
        with self.decided(lambda _message: Fate(reply=answer), self._proxies[1:]):
            yield

    def _opened(self, key_hex: str) -> str:
        listed = self._server.client.list_objects_v2(Bucket=self.bucket, Prefix=KEY).get("Contents", [])
        if not listed:
            return "broken"
        return opened(self._server.client.get_object(Bucket=self.bucket, Key=KEY)["Body"].read(), key_hex)


@contextmanager
def local_fleet(folder: Path) -> Iterator[LocalFleet]:
    """Make a rehearsal."""
    yield LocalFleet(folder)


@contextmanager
def admin_fleet(folder: Path, forks: Forks, server: S3Server, capabilities: Capabilities) -> Iterator[AdminFleet]:
    """Make a fleet whose store is remembered to be safe, as after an earlier run."""
    api = AdminApi()
    api.start()
    try:
        api.behaviour.lookup = "list"
        with (
            MessageProxy(urlsplit(server.endpoint).port or 0) as store,
            MessageProxy(urlsplit(api.url).port or 0) as registry,
        ):
            rig = AdminFleet(folder, forks, server, api, (store, registry))
            options = replace(server.options(rig.bucket), endpoint=store.url)
            ProbeCache(folder / ".local" / "state" / "publisher", now=time.time).save(options, capabilities)
            yield rig
    finally:
        api.stop()
