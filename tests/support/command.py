"""Run the command `publish` as a user does: a process of its own with nothing but the settings it is given."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.programs import need

PROJECT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Ended:
    """How the process ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def bare_environment(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment with a home of its own, and no setting but the given ones."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", **(settings or {})}


def publish(
    *arguments: str | Path, environment: Mapping[str, str], folder: Path = PROJECT, timeout_s: float = 60
) -> Ended:
    """Run `publish` with these arguments in `folder` and wait for its end."""
    done = subprocess.run(
        command(*arguments),
        env=dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def command(*arguments: str | Path) -> list[str]:
    """Return the argument list that starts `publish` with this interpreter."""
    return [sys.executable, "-m", "publisher", *map(str, arguments)]


def read_report(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def statuses(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the status of each artifact, by id."""
    return {entry["id"]: entry["status"] for entry in report["artifacts"]}


def sqlite_rows(database: Path) -> list[dict[str, Any]]:
    """Return the rows of the table `resources`, read without the publisher's own code."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM resources ORDER BY resource_name, architecture")]


def open_by_hand(sealed: bytes, encryption_key: str) -> bytes:
    """Decrypt with openssl and unpack with gunzip, as README, "Opening an object", says."""
    openssl, gunzip = need("openssl", "openssl"), need("gunzip", "gzip")
    cipher = [openssl, "enc", "-d", "-aes-256-cbc", "-K", encryption_key, "-iv", sealed[:16].hex()]
    packed = subprocess.run(cipher, input=sealed[16:], capture_output=True, check=True).stdout
    return subprocess.run([gunzip, "-c"], input=packed, capture_output=True, check=True).stdout


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return inode, modification time and content of every file below `folder`."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_manifest(folder: Path, text: str, **files: bytes) -> Path:
    """Write `manifest.yaml` and input files (`__` in a name stands for a dot) and return the manifest's path."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    path = folder / "manifest.yaml"
    path.write_text(text)
    return path


ONE_MODEL = """\
version: 1
destinations: {fleet: {kind: fleet}}
artifacts:
  - destination: fleet
    resource_name: model
    dev_stage: dev
    architecture: arm64
    version: 2026-04-15
    file: model.bin
"""
"""The smallest manifest: one file, one artifact."""
