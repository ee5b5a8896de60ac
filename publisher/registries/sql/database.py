"""One database: short transactions, errors in our words. It knows no table.

Accepts PostgreSQL (psycopg) and SQLite URLs. SQLite serves one host: no WAL, and `BEGIN IMMEDIATE` for writes. Beyond
this machine PostgreSQL connections ask for TLS unless the URL says `sslmode` itself, because rows hold keys.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from publisher.errors import LocalResourceError, SettingsError, TransportError
from publisher.registries.sql.faults import fault_of
from publisher.registries.sql.grouped import GroupedWrites, Task

Result = TypeVar("Result")

TRANSACTION_ATTEMPTS = 5
STATEMENT_TIMEOUT_MS = 60_000
_WRITES = "publish_writes"
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class SqlOptions:
    """`url` is `postgresql://user:password@host/database` or `sqlite:///path`; `setting` names it in messages."""

    url: str = field(repr=False)
    setting: str = "RESOURCES_DATABASE_URL"
    busy_timeout_s: float = 10.0
    """How long to wait for another process that writes the same SQLite file, in seconds."""


class CommitUnknownError(TransportError):
    """The connection was lost at COMMIT: the transaction may or may not be there."""


class Database:
    """Runs pieces of work in transactions. Safe to share between threads; `close` ends its connections."""

    def __init__(self, options: SqlOptions) -> None:
        url = _url(options)
        self.file = Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None
        self.location = _location(url, self.file)
        self._grouped = GroupedWrites(self._write_group)
        self._engine = _postgresql(url, options) if self.file is None else _sqlite(self.file, options.busy_timeout_s)

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Start an INSERT that may say ON CONFLICT, which both databases know and the standard does not.

        Its result tells how many rows were added; SQLAlchemy forgets that number unless it is asked to keep it.
        """
        insert = postgresql.insert(table) if self.file is None else sqlite.insert(table)
        return insert.execution_options(preserve_rowcount=True)

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction that is rolled back. Raises what `fault_of` says."""
        try:
            with self._transaction(writes=False) as connection:
                return work(connection)
        except SQLAlchemyError as error:
            fault = fault_of(error)
        raise fault.error

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction and commit it; again, with the same values, if it lost against another one.

        Raises `CommitUnknownError` if the answer to COMMIT was lost; every other error means that nothing was written.
        """
        if self.file is not None:
            result: Result = self._grouped.run(work)
            return result
        attempt = 1
        while True:
            is_committing = False
            try:
                with self._transaction(writes=True) as connection:
                    result = work(connection)
                    is_committing = True
                    connection.commit()
                    return result
            except SQLAlchemyError as error:
                fault = fault_of(error)
            if is_committing and not fault.is_definite:
                raise _lost_at_commit()
            if not fault.is_lost_race or attempt == TRANSACTION_ATTEMPTS:
                raise fault.error
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - parts two transactions, hides nothing
            attempt += 1

    def _transaction(self, *, writes: bool) -> Connection:
        """Return a connection on which a transaction was begun. Closing it rolls back what was not committed.

        A kept connection may have died meanwhile. It is not asked beforehand: where BEGIN finds it dead nothing else
        was sent, so another connection is as good.
        """
        for is_last in (False, True):
            connection = self._engine.connect().execution_options(**{_WRITES: writes})
            try:
                connection.begin()
            except DBAPIError as error:
                connection.close()
                if is_last or not error.connection_invalidated:
                    raise
            else:
                break
        return connection

    def _write_group(self, tasks: Sequence[Task[Callable[[Connection], Any]]]) -> None:
        """Carry out several pieces of work in one transaction; SQLite has one writer at a time anyway."""
        is_committing = False
        try:
            with self._transaction(writes=True) as connection:
                for task in tasks:
                    try:
                        with connection.begin_nested():
                            task.result = task.work(connection)
                    except SQLAlchemyError as error:
                        task.error = fault_of(error).error
                is_committing = True
                connection.commit()
                return
        except SQLAlchemyError as error:
            failure = error
        for task in tasks:
            fault = fault_of(failure)
            task.error = _lost_at_commit() if is_committing and not fault.is_definite else fault.error

    def create_file(self) -> None:
        """Make sure that the SQLite file exists, readable by its owner alone: rows hold keys in clear."""
        if self.file is None:
            return
        try:
            self.file.touch(mode=0o600)
        except OSError as error:
            why = error.strerror
        else:
            return
        raise LocalResourceError(f"the database file cannot be created: {why}")

    def close(self) -> None:
        self._engine.dispose()


def require_url(options: SqlOptions) -> None:
    """Raise `SettingsError` unless the URL is one of a database that can be used. Connects to nothing."""
    _url(options)


def _url(options: SqlOptions) -> URL:
    try:
        url = make_url(options.url)
        backend, _, driver = url.drivername.partition("+")
    except (SQLAlchemyError, ValueError):
        backend, driver = "", ""
    if backend in ("postgres", "postgresql") and driver in ("", "psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and driver in ("", "pysqlite") and not url.query:
        path = url.database or ":memory:"
        if path != ":memory:" and not path.startswith("file:"):
            return url.set(drivername="sqlite+pysqlite")
    raise SettingsError(
        f"{options.setting} is not a database URL that can be used",
        hint="postgresql://user:password@host:5432/database, or sqlite:///path/to/file.db",
    )


def _location(url: URL, file: Path | None) -> str:
    if file is not None:
        return f"sqlite:///{file}"
    host = f"[{url.host}]" if url.host and ":" in url.host else url.host or ""
    return f"postgresql://{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _postgresql(url: URL, options: SqlOptions) -> Engine:
    defaults: dict[str, object] = {
        "connect_timeout": 10,
        "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        "application_name": "publish",
    }
    if (url.host or "") not in _LOOPBACK:
        defaults["sslmode"] = "require"
    arguments = {name: value for name, value in defaults.items() if name not in url.query}
    # Prepared statements do not survive poolers such as PgBouncer.
    arguments["prepare_threshold"] = None
    try:
        # Transactions are begun below: the driver's own BEGIN would be one more round trip.
        engine = create_engine(
            url, connect_args=arguments, isolation_level="AUTOCOMMIT", use_native_hstore=False, **_quiet()
        )
    except ModuleNotFoundError:
        engine = None
    if engine is None:
        raise SettingsError(
            f"{options.setting} names PostgreSQL, and its driver is not installed",
            hint="pip install 'publisher[postgres]'",
        )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN; SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")

    return engine


def _sqlite(file: Path, busy_timeout_s: float) -> Engine:
    def connect() -> sqlite3.Connection:
        # mode=rw: looking at a database that is not there must not create an empty one.
        return sqlite3.connect(
            f"{file.as_uri()}?mode=rw", uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool, **_quiet())

    @event.listens_for(engine, "connect")
    def remember(_connected: object, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def leave_removed(_connected: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Leave a connection to a file that is gone or another one by now: what is written there nobody sees."""
        if record.info["file"] != _identity(file):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _lost_at_commit() -> CommitUnknownError:
    return CommitUnknownError("the connection to the database was lost at COMMIT")


def _quiet() -> dict[str, object]:
    """Return engine arguments that keep values out of logs: at DEBUG SQLAlchemy prints parameters and whole rows."""
    logging.getLogger("sqlalchemy.engine.Engine.publisher").setLevel(logging.WARNING)
    return {"hide_parameters": True, "logging_name": "publisher"}
