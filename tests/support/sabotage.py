"""Break a published fleet from behind, without the publisher's code: objects removed or replaced, rows deleted."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.command import Ended, bare_environment, publish, sqlite_rows
from tests.support.fleets import Fleet
from tests.support.s3_servers import S3Server


@dataclass(frozen=True)
class Place:
    """A fleet and the ways to break it. `run` is the command `publish` against it."""

    run: Callable[..., Ended]
    rows: Callable[[], Sequence[dict[str, Any]]]
    stored: Callable[[str], bytes | None]
    remove: Callable[[str], None]
    overwrite: Callable[[str, bytes], None]
    sql: Callable[[str], None]
    refuse_rows_of: Callable[[str], None]
    """Make the registry refuse rows of this resource, until `accept_rows` is called."""
    accept_rows: Callable[[], None]


def local_place(folder: Path) -> Place:
    """Return a rehearsal below `folder`."""
    base, database = folder / "L", folder / "L" / "resources.db"

    def path(key: str) -> Path:
        return base / key if key.startswith(".publish/") else base / "objects" / key

    def stored(key: str) -> bytes | None:
        return path(key).read_bytes() if path(key).exists() else None

    def overwrite(key: str, data: bytes) -> None:
        path(key).parent.mkdir(parents=True, exist_ok=True)
        path(key).unlink(missing_ok=True)
        path(key).write_bytes(data)

    def sql(statement: str) -> None:
        with sqlite3.connect(database) as connection:
            connection.execute(statement)
        connection.close()

    def refuse(name: str) -> None:
        sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON resources "
            f"WHEN NEW.resource_name = '{name}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )

    return Place(
        run=lambda *arguments: publish(*arguments, "--local", base, environment=bare_environment(folder)),
        rows=lambda: sqlite_rows(database),
        stored=stored,
        remove=lambda key: path(key).unlink(),
        overwrite=overwrite,
        sql=sql,
        refuse_rows_of=refuse,
        accept_rows=lambda: sql("DROP TRIGGER refuse"),
    )


def make_old(folder: Path, key: str) -> None:
    """Let an object of a rehearsal look two days old."""
    then = time.time() - 2 * 24 * 60 * 60
    os.utime(folder / "L" / "objects" / key, (then, then))


def remote_place(folder: Path, fleet: Fleet, server: S3Server) -> Place:
    """Return a fleet of SeaweedFS and PostgreSQL."""
    bucket, client = fleet.bucket, server.client
    url = fleet.settings["RESOURCES_DATABASE_URL"].replace("+psycopg", "")

    def stored(key: str) -> bytes | None:
        try:
            return fleet.stored(key)
        except client.exceptions.NoSuchKey:
            return None

    def sql(statement: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(statement)

    return Place(
        run=lambda *arguments: publish(*arguments, environment=bare_environment(folder, fleet.settings)),
        rows=fleet.rows,
        stored=stored,
        remove=lambda key: client.delete_object(Bucket=bucket, Key=key) and None,
        overwrite=lambda key, data: client.put_object(Bucket=bucket, Key=key, Body=data) and None,
        sql=sql,
        refuse_rows_of=lambda name: sql(
            f"ALTER TABLE resources ADD CONSTRAINT refuse CHECK (resource_name <> '{name}') NOT VALID"
        ),
        accept_rows=lambda: sql("ALTER TABLE resources DROP CONSTRAINT refuse"),
    )
