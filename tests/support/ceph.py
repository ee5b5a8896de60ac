"""A real Ceph: one monitor, one OSD and the RADOS gateway, without a manager or systemd. Needs Debian packages.

Its gateway (16.2) keeps the promise of a conditional PUT, ignores the condition on a completion, and answers 412 to
the right ETag when it is quoted.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from publisher.stores.s3_options import S3Options
from tests.support.programs import Server, free_port, need
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, S3Server, direct_client, stores_an_object

PROGRAMS = {
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "radosgw": "radosgw",
    "ceph": "ceph-common",
    "ceph-authtool": "ceph-common",
    "monmaptool": "ceph-common",
    "radosgw-admin": "radosgw",
}
"""What is run, and the Debian package it comes from."""

_CONF = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
ms bind msgr1 = false
ms bind msgr2 = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
run dir = {folder}/run
admin socket = {folder}/run/$cluster-$name.asok
log file = {folder}/log/$cluster-$name.log
crash dir = {folder}/log

[mon]
mon data = {folder}/mon
mon initial members = a
mon cluster log file = {folder}/log/cluster.log
mon data avail warn = 2
mon data avail crit = 1

[osd]
osd data = {folder}/osd$id
osd objectstore = bluestore
bluestore block create = true
bluestore block size = 4294967296
osd class update on start = false

[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{rgw_port}
rgw data = {folder}/rgw
keyring = {folder}/rgw/keyring
rgw enable usage log = false
rgw enable ops log = false
"""


@dataclass
class _Cluster:
    """One cluster below `folder`, set up step by step."""

    folder: Path
    rgw_port: int
    programs: Mapping[str, str]
    running: ExitStack
    fsid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.rgw_port}"

    def configure(self) -> None:
        for name in ("mon", "osd0", "run", "log", "rgw"):
            (self.folder / name).mkdir()
        self.mon_port = free_port()
        text = _CONF.format(fsid=self.fsid, mon_port=self.mon_port, rgw_port=self.rgw_port, folder=self.folder)
        (self.folder / "ceph.conf").write_text(text)

    def run(self, program: str, *arguments: str, given: str = "") -> str:
        """Run a tool to its end and return its output; a failure shows its errors."""
        done = subprocess.run(
            [self.programs[program], *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def admin(self, *arguments: str, given: str = "") -> str:
        keyring = str(self.folder / "keyring")
        common = ("--name", "client.admin", "--keyring", keyring, "--connect-timeout", "30")
        return self.run("ceph", *common, *arguments, given=given)

    def start(self, program: str, *arguments: str) -> Server:
        command = [self.programs[program], *arguments, "-f"]
        server = Server(command, log=self.folder / "log" / f"{program}.out", env=self.environment)
        self.running.callback(server.stop)
        return server

    @property
    def environment(self) -> dict[str, str]:
        # Ceph reads arguments and a keyring from variables of its own; only ours may count.
        own = {name: value for name, value in os.environ.items() if not name.startswith("CEPH_")}
        return own | {"CEPH_CONF": str(self.folder / "ceph.conf")}

    def start_monitor(self) -> None:
        keyring, monmap = str(self.folder / "keyring"), str(self.folder / "monmap")
        self.run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        rights = [word for name in ("mon", "osd", "mgr") for word in ("--cap", name, "allow *")]
        self.run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *rights)
        address = f"[v2:127.0.0.1:{self.mon_port}]"
        self.run("monmaptool", "--create", "--clobber", "--fsid", self.fsid, "--addv", "a", address, monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self.start("ceph-mon", "-i", "a")
        self.admin(
            "auth", "get-or-create", "client.rgw", "mon", "allow rw", "osd", "allow rwx", "-o",
            str(self.folder / "rgw" / "keyring"),
        )  # fmt: skip

    def start_osd(self) -> None:
        key = self.run("ceph-authtool", "--gen-print-key").strip()
        osd_id = str(uuid.uuid4())
        number = self.admin("osd", "new", osd_id, "-i", "-", given=json.dumps({"cephx_secret": key})).strip()
        keyring = str(self.folder / f"osd{number}" / "keyring")
        self.run("ceph-authtool", "--create-keyring", keyring, "-n", f"osd.{number}", "--add-key", key)
        self.run("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", osd_id)
        server = self.start("ceph-osd", "-i", number)
        self.admin("osd", "crush", "add", f"osd.{number}", "1.0", "root=default", "host=h0")
        server.wait_until(lambda: json.loads(self.admin("osd", "stat", "-f", "json"))["num_up_osds"] == 1)

    def start_gateway(self) -> Server:
        self.run(
            "radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=test", "--display-name=Test",
            f"--access-key={ACCESS_KEY}", f"--secret={SECRET_KEY}",
        )  # fmt: skip
        return self.start("radosgw", "-n", "client.rgw")


@pytest.fixture(scope="session")
def ceph() -> Iterator[S3Server]:
    """Run Ceph's S3 gateway: conditions count on PUT only. About 20 s to get ready."""
    programs = {program: need(program, package) for program, package in PROGRAMS.items()}
    # Ceph's sockets lie below this folder, and their paths must stay short.
    folder = Path(tempfile.mkdtemp(prefix="ceph-", dir="/tmp"))
    try:
        with ExitStack() as running:
            cluster = _Cluster(folder, free_port(), programs, running)
            cluster.configure()
            cluster.start_monitor()
            cluster.start_osd()
            gateway = cluster.start_gateway()
            client = direct_client(cluster.endpoint)
            gateway.wait_until(lambda: _listens(cluster.rgw_port) and stores_an_object(client))
            yield S3Server(cluster.endpoint, gateway, client)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ceph_options(ceph: S3Server) -> S3Options:
    """Return options for a fresh bucket on Ceph."""
    return ceph.options(ceph.new_bucket())


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
