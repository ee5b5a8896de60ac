"""The SQL registry and escrow against real databases: races, lost answers, missing pieces, wrong credentials."""

from __future__ import annotations

import logging
import socket
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    LocalResourceError,
    ProtocolError,
    PublisherError,
    RejectedError,
    SettingsError,
    TransportError,
)
from publisher.model import Digest
from publisher.registries.port import Accepted, Duplicate, EscrowRecord, NoAnswer, NoRow, Refused, Row
from publisher.registries.sql import SqlEscrow, SqlOptions, SqlRegistry
from tests.support.canary import found, told_by, told_by_logs
from tests.support.memory_registry import plain, sample_identity, sample_row
from tests.support.sql_servers import PASSWORD, PostgresServer

ROW = sample_row()
KEY = ROW.encryption_key.reveal_hex() if ROW.encryption_key else ""


@contextmanager
def _registry(url: str, *, create: bool = True, busy_timeout_s: float = 10.0) -> Iterator[SqlRegistry]:
    registry = SqlRegistry(SqlOptions(url=url, busy_timeout_s=busy_timeout_s))
    try:
        if create:
            registry.create_tables()
        yield registry
    finally:
        registry.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


def _run(registry: SqlRegistry, statement: str) -> None:
    registry.database.write(lambda connection: connection.execute(text(statement)))


def _error(registry: SqlRegistry) -> PublisherError:
    """Return why a registration failed; it must be a refusal, since nothing can have been written."""
    answer = registry.register(ROW)
    assert isinstance(answer, Refused)
    return answer.error


def test_tables_hold_what_the_contract_names(url: str) -> None:
    """AC-1: the row has the source document's columns and a creation time, its key in lower case."""
    with _registry(url) as registry:
        registry.register(ROW)
        columns = ", ".join(
            (
                "resource_name",
                "dev_stage",
                "architecture",
                "version",
                "cdn_url",
                "sha256",
                "encryption_key",
                "size_bytes",
            )
        )

        def read(connection: Connection) -> tuple[object, ...]:
            return tuple(connection.execute(text(f"SELECT {columns}, created_at FROM resources")).one())

        *values, created = registry.database.read(read)

    assert values == [*ROW.identity.fields().values(), ROW.cdn_url, ROW.sha256.hex, KEY, ROW.size_bytes]
    assert created is not None


def test_tables_are_created_on_request_only(url: str) -> None:
    """R12: a missing table is an error with the command that creates it; creating twice changes nothing."""
    with _registry(url, create=False) as registry:
        error = _error(registry)
        with pytest.raises(PublisherError) as caught:
            registry.lookup([ROW.identity])
        problems = registry.check()
        registry.create_tables()
        registry.create_tables()

        assert "doctor --create-tables" in str(error.hint)
        assert "doctor --create-tables" in str(caught.value.hint)
        assert problems
        assert registry.check() == []
        assert registry.lookup([ROW.identity]) == {ROW.identity: NoRow.ABSENT}


def test_the_shown_statements_create_the_tables(url: str) -> None:
    """A person without our right to create tables can have them created by hand."""
    with _registry(url, create=False) as registry:
        registry.database.create_file()
        for statement in registry.ddl().split(";\n"):
            _run(registry, statement.rstrip(";"))

        assert registry.check() == []
        assert registry.register(ROW) == Accepted()


def test_tables_are_created_by_several_at_once(url: str) -> None:
    """Publishers that start at the same moment do not trip over each other."""
    with ThreadPoolExecutor(4) as pool:
        for made in [pool.submit(lambda: _created(url)) for _ in range(4)]:
            made.result()

    with _registry(url, create=False) as registry:
        assert registry.check() == []


def _created(url: str) -> None:
    with _registry(url):
        pass


def test_a_table_without_the_unique_index_is_refused(url: str) -> None:
    """Without the index two rows of one identity could appear, so nothing is registered, and doctor shows the DDL."""
    with _registry(url) as registry:
        _run(registry, "DROP INDEX resources_identity")

        error = _error(registry)

        assert isinstance(error, CapabilityError)
        assert "CREATE UNIQUE INDEX" in str(error.hint)
        assert registry.check() == [
            "the table resources has no unique index on (resource_name, dev_stage, architecture, version)"
        ]
        registry.create_tables()
        assert registry.check() == []


@pytest.mark.parametrize(
    "definition",
    [
        "PRIMARY KEY (resource_name, dev_stage, architecture, version)",
        "UNIQUE (version, architecture, dev_stage, resource_name)",
    ],
)
def test_a_table_of_the_api_owner_will_do(url: str, definition: str) -> None:
    """Columns in any order with more beside them, and uniqueness by any means, are fine."""
    with _registry(url, create=False) as registry:
        registry.database.create_file()
        _run(
            registry,
            f"""CREATE TABLE resources (note text DEFAULT 'x', version varchar(80) NOT NULL, resource_name varchar(80)
            NOT NULL, dev_stage varchar(20) NOT NULL, architecture varchar(20) NOT NULL, cdn_url text, sha256 char(64),
            encryption_key char(64), size_bytes bigint, created_at timestamp NOT NULL, {definition})""",
        )
        registry.create_tables()

        answers = [registry.register(ROW), registry.register(ROW)]

        assert registry.check() == []
        assert answers == [Accepted(), Duplicate(ROW.sha256)]
        assert plain(registry.lookup([ROW.identity])[ROW.identity]) == plain(ROW)


def test_a_missing_column_is_named(url: str) -> None:
    """R12: an older table is refused with the name of what it lacks."""
    with _registry(url) as registry:
        _run(registry, "ALTER TABLE resources DROP COLUMN encryption_key")

        error = _error(registry)

        assert isinstance(error, RejectedError)
        assert "encryption_key" in error.message
        assert registry.check() == ["the table resources has no column encryption_key"]


@pytest.mark.parametrize(
    "change",
    ["sha256 = 'short'", "size_bytes = -1", "encryption_key = '00ff'", "cdn_url = ''"],
)
def test_a_malformed_row_is_an_error_and_never_absent(url: str, change: str) -> None:
    """A row that somebody damaged cannot be compared with anything; its values are not shown."""
    with _registry(url) as registry:
        registry.register(ROW)
        _run(registry, f"UPDATE resources SET {change}")

        with pytest.raises(ProtocolError) as caught:
            registry.lookup([ROW.identity])

    assert found([KEY], told_by(caught.value)) == []
    assert "00ff" not in told_by(caught.value)


def test_two_different_rows_of_one_identity_are_an_error(url: str) -> None:
    """A table that once had no index may hold contradictions; guessing which row counts would be wrong."""
    with _registry(url) as registry:
        registry.register(ROW)
        _run(registry, "DROP INDEX resources_identity")
        columns = "resource_name, dev_stage, architecture, version, cdn_url, sha256, encryption_key"
        _run(registry, f"INSERT INTO resources ({columns}, size_bytes) SELECT {columns}, size_bytes + 1 FROM resources")

        with pytest.raises(ProtocolError, match="two different rows"):
            registry.lookup([ROW.identity])


def test_values_are_bound_and_never_spliced(url: str) -> None:
    """Quotes, comments and wildcards in values are values."""
    evil = "'; DROP TABLE resources; -- %s :x %"
    row = Row(sample_identity(), f"https://cdn.example.com/{evil}", ROW.sha256, 1, ROW.encryption_key)
    with _registry(url) as registry:
        registry.register(row)

        assert plain(registry.lookup([row.identity])[row.identity]) == plain(row)


def test_a_read_only_database_says_so(postgres_server: PostgresServer, postgres_database: str) -> None:
    """R12: rows cannot be written to a replica."""
    with _registry(postgres_server.url(postgres_database)):
        pass
    postgres_server.execute("postgres", f"ALTER DATABASE {postgres_database} SET default_transaction_read_only = on")

    with _registry(postgres_server.url(postgres_database), create=False) as registry:
        error = _error(registry)

    assert isinstance(error, RejectedError)
    assert "read-only" in error.message


def test_refused_credentials_are_credentials_errors(postgres_server: PostgresServer, postgres_database: str) -> None:
    """R12: a wrong password or user stops the destination; neither is shown."""
    for url in (
        postgres_server.url(postgres_database, password="wrong-canary-password"),
        postgres_server.url(postgres_database, user="canary-user-nobody"),
    ):
        with _registry(url, create=False) as registry:
            error = _error(registry)
            with pytest.raises(CredentialsError) as caught:
                registry.lookup([ROW.identity])

        assert isinstance(error, CredentialsError)
        assert "canary" not in told_by(error) + told_by(caught.value)


def test_a_user_without_rights_is_told_so(postgres_server: PostgresServer, postgres_database: str) -> None:
    """R12: missing rights on the table are a matter of credentials."""
    with _registry(postgres_server.url(postgres_database)):
        pass
    name = f"reader_{postgres_database}"
    postgres_server.execute("postgres", f"CREATE ROLE {name} LOGIN PASSWORD 'fake'")

    with _registry(postgres_server.url(postgres_database, user=name, password="fake"), create=False) as registry:
        error = _error(registry)

    postgres_server.execute("postgres", f"DROP ROLE {name}")
    assert isinstance(error, CredentialsError)


def test_a_missing_database_or_server_says_so(postgres_server: PostgresServer) -> None:
    """R12: a server that is down may come back, a database that is not there does not."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with _registry(postgres_server.url("x", port=unused.getsockname()[1]), create=False) as registry:
            down = _error(registry)
    with _registry(postgres_server.url("no_such_database"), create=False) as registry:
        missing = _error(registry)

    assert isinstance(down, TransportError)
    assert isinstance(missing, RejectedError)
    assert PASSWORD not in told_by(down) + told_by(missing)


def test_killed_connections_are_replaced(postgres_server: PostgresServer, postgres_url: str) -> None:
    """A pooled connection that died between two requests is noticed before it is used."""
    with _registry(postgres_url) as registry:
        registry.register(ROW)
        _terminate_others(postgres_server, postgres_url)

        assert registry.register(ROW) == Duplicate(ROW.sha256)


def test_a_connection_killed_before_commit_wrote_nothing(postgres_server: PostgresServer, postgres_url: str) -> None:
    """R12: without a COMMIT on the wire the row cannot be there, so the outcome is a failure that may be retried."""
    with _registry(postgres_url) as registry:
        _run(
            registry,
            "CREATE FUNCTION nap() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END' LANGUAGE plpgsql",
        )
        _run(registry, "CREATE TRIGGER nap BEFORE INSERT ON resources FOR EACH ROW EXECUTE FUNCTION nap()")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(registry.register, ROW)
            while not _terminate_others(postgres_server, postgres_url, " AND query LIKE 'INSERT INTO resources%'"):
                pass
            answer = waiting.result()
        _run(registry, "DROP TRIGGER nap ON resources")

        assert isinstance(answer, Refused)
        assert isinstance(answer.error, TransportError)
        assert registry.lookup([ROW.identity]) == {ROW.identity: NoRow.ABSENT}


def _terminate_others(server: PostgresServer, url: str, condition: str = "") -> int:
    database = url.rsplit("/", 1)[1]
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' {condition}"
    return len(server.execute("postgres", query))


@contextmanager
def _losing_a_commit(server_port: int) -> Iterator[int]:
    """Forward connections to the server; the first COMMIT is passed on, and its answer is lost with its connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, lost: threading.Event, *, is_upward: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_upward and b"COMMIT\x00" in data:
                    lost.set()
                if not is_upward and lost.is_set():
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        lost = threading.Event()
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(("127.0.0.1", server_port))
                pair = [
                    threading.Thread(target=pump, args=(client, upstream, lost), kwargs={"is_upward": True}),
                    threading.Thread(target=pump, args=(upstream, client, lost), kwargs={"is_upward": False}),
                ]
                for thread in pair:
                    thread.start()
                for thread in pair:
                    thread.join()
                client.close()
                upstream.close()
                lost = threading.Event() if not lost.is_set() else _Never()

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


class _Never(threading.Event):
    def set(self) -> None:
        """Stay unset: one loss is enough."""


def test_a_lost_answer_to_commit_leaves_the_outcome_open(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """R12: the row may be there; a SELECT on a new connection settles it, with the same values."""
    with _registry(postgres_server.url(postgres_database)) as direct:
        with (
            _losing_a_commit(postgres_server.port) as port,
            _registry(postgres_server.url(postgres_database, port=port), create=False) as registry,
        ):
            answer = registry.register(ROW)

        assert isinstance(answer, NoAnswer)
        assert "COMMIT" in answer.error.message
        assert plain(direct.lookup([ROW.identity])[ROW.identity]) == plain(ROW)
        assert direct.register(ROW) == Duplicate(ROW.sha256)


def test_serialization_failures_are_tried_again(postgres_server: PostgresServer, postgres_database: str) -> None:
    """R12: under the strictest isolation, racing writers still end as one row and seven duplicates."""
    postgres_server.execute(
        "postgres", f"ALTER DATABASE {postgres_database} SET default_transaction_isolation = 'serializable'"
    )
    with _registry(postgres_server.url(postgres_database)) as registry, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(registry.register, [sample_row(seed=str(writer)) for writer in range(8)]))

    assert answers.count(Accepted()) == 1
    assert sum(isinstance(answer, Duplicate) for answer in answers) == 7


def test_a_refused_value_is_not_shown(postgres_url: str) -> None:
    """K1: the database's own message may hold the row; only its harmless part is passed on."""
    with _registry(postgres_url) as registry:
        _run(registry, "ALTER TABLE resources ADD CONSTRAINT small CHECK (size_bytes < 2)")

        error = _error(registry)

    assert isinstance(error, RejectedError)
    assert "small" in error.message
    assert found([KEY], told_by(error)) == []


def test_a_locked_file_is_waited_for_and_then_reported(sqlite_url: str) -> None:
    """R12: another process that writes is waited for, up to a limit; nothing is written meanwhile."""
    path = sqlite_url.removeprefix("sqlite:///")
    with _registry(sqlite_url, busy_timeout_s=0.2) as registry:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            error = _error(registry)
            with pytest.raises(TransportError):
                registry.lookup([ROW.identity])

        assert isinstance(error, TransportError)
        assert "locked" in error.message
        assert registry.register(ROW) == Accepted()


def test_a_file_that_was_replaced_is_not_written_to(sqlite_url: str, tmp_path: Path) -> None:
    """A kept connection to a removed file would take rows that nobody sees: the file with the name counts."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with _registry(sqlite_url) as registry:
        registry.register(ROW)
        path.rename(tmp_path / "old.db")
        with _registry(sqlite_url) as other:
            assert registry.lookup([ROW.identity])[ROW.identity] is NoRow.ABSENT
            assert registry.register(ROW) == Accepted()
            assert other.register(ROW) == Duplicate(ROW.sha256)
        path.unlink()

        assert isinstance(_error(registry), LocalResourceError)


def test_writers_of_one_process_share_commits(sqlite_url: str) -> None:
    """Eight threads that register at once are all answered, each with its own answer, and their rows are there."""
    rows = [sample_row(number // 2) for number in range(64)]
    with _registry(sqlite_url) as registry, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(registry.register, rows))
        there = registry.lookup([row.identity for row in rows])

    assert answers.count(Accepted()) == 32
    assert sum(isinstance(answer, Duplicate) for answer in answers) == 32
    assert all(isinstance(row, Row) for row in there.values())


def test_looking_creates_no_file(sqlite_url: str, tmp_path: Path) -> None:
    """Planning changes nothing: a database that is not there is an error, and stays not there."""
    with _registry(sqlite_url, create=False) as registry:
        with pytest.raises(LocalResourceError):
            registry.lookup([ROW.identity])
        assert registry.check() == ["the database file does not exist"]

    assert list(tmp_path.iterdir()) == []


def test_the_created_file_is_private(sqlite_url: str, tmp_path: Path) -> None:
    """Rows hold keys in clear, so the file is its owner's alone; no write-ahead log is left beside it."""
    with _registry(sqlite_url) as registry:
        registry.register(ROW)

    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_in_a_missing_folder_cannot_be_created(tmp_path: Path) -> None:
    """Folders are not invented for a database."""
    registry = SqlRegistry(SqlOptions(url=f"sqlite:///{tmp_path}/missing/registry.db"))

    with pytest.raises(LocalResourceError, match="cannot be created"):
        registry.create_tables()

    registry.close()


@pytest.mark.parametrize("content", [b"this is text and no database, certainly not" * 100])
def test_a_file_of_another_kind_is_refused(sqlite_url: str, tmp_path: Path, content: bytes) -> None:
    """R12: what is no SQLite file is left as it is."""
    (tmp_path / "registry.db").write_bytes(content)

    with _registry(sqlite_url, create=False) as registry:
        error = _error(registry)

    assert isinstance(error, RejectedError)
    assert (tmp_path / "registry.db").read_bytes() == content


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://u:canary-password@h/d", "postgresql+asyncpg://u:canary-password@h/d", "canary-password", ""),
        *("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory", "postgresql://u:canary-password@h:port/d"),
        "sqlite:///x.db?canary-password=1",
    ],
)
def test_other_urls_are_refused_without_being_shown(url: str) -> None:
    """What cannot be used, or would be lost at exit, is a settings error that names the setting."""
    with pytest.raises(SettingsError, match="FLEET_RESOURCES_DATABASE_URL") as caught:
        SqlRegistry(SqlOptions(url=url, setting="FLEET_RESOURCES_DATABASE_URL"))

    assert "canary" not in told_by(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_location_has_neither_user_nor_password_nor_query(scheme: str) -> None:
    """The location stands in messages and receipts; it names the same place however the URL is spelled."""
    registry = SqlRegistry(SqlOptions(url=f"{scheme}://u:canary@db.example.com:5433/fleet?sslpassword=canary"))

    assert registry.location == "postgresql://db.example.com:5433/fleet"
    assert "canary" not in repr(SqlOptions(url="postgresql://u:canary@h/d"))
    registry.close()


def test_the_tls_default_is_for_other_machines_only(postgres_url: str) -> None:
    """A server elsewhere must offer TLS unless the URL says otherwise; on this machine plain connections are fine."""
    with _registry(postgres_url) as registry:
        plain_is_fine = registry.register(ROW)
    with _registry(postgres_url + "?sslmode=require", create=False) as registry:
        error = _error(registry)

    assert plain_is_fine == Accepted()
    assert isinstance(error, RejectedError)
    assert "TLS" in error.message


def test_an_unreadable_escrow_record_is_an_error(url: str) -> None:
    """A damaged record is not "none": somebody's key may still be in it."""
    record = EscrowRecord(
        nonce="0" * 32,
        identity_sha256="1" * 64,
        object_key="dev/x.enc",
        sha256=Digest(sha256(b"x").hexdigest()),
        size_bytes=48,
        source_sha256="2" * 64,
        compression="gzip",
        kid=None,
        data_key="ZmFrZSBrZXk=",
    )
    with _registry(url) as registry:
        escrow = SqlEscrow(registry)
        escrow.put(record)
        _run(registry, "UPDATE publish_keys SET sha256 = 'x'")

        with pytest.raises(ProtocolError, match="publish_keys"):
            escrow.get(record.nonce)


def test_an_escrow_survives_a_lost_answer_to_commit(postgres_server: PostgresServer, postgres_database: str) -> None:
    """R12: a record whose COMMIT was not answered is put again; one record is there, and the caller knows it."""
    record = EscrowRecord(
        "0" * 32, "1" * 64, "dev/x.enc", Digest("3" * 64), 48, "2" * 64, "gzip", "0a1b2c3d", "ZmFrZSBrZXk="
    )
    with _registry(postgres_server.url(postgres_database)) as direct:
        with (
            _losing_a_commit(postgres_server.port) as port,
            _registry(postgres_server.url(postgres_database, port=port), create=False) as registry,
        ):
            SqlEscrow(registry).put(record)

        assert SqlEscrow(direct).get(record.nonce) == record
        assert len(postgres_server.execute(postgres_database, "SELECT nonce FROM publish_keys")) == 1


def test_nothing_that_is_said_shows_a_secret(
    postgres_server: PostgresServer,
    postgres_database: str,
    sqlite_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """K1, K2: with all debug output on, neither key nor password shows in logs, errors or their causes."""
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine", "sqlalchemy.pool", "psycopg"):
        caplog.set_level(logging.DEBUG, logger=name)
    said = []

    for url in (postgres_server.url(postgres_database), sqlite_url):
        with _registry(url) as registry:
            said += [repr(registry.register(ROW)), repr(registry.register(ROW)), repr(registry.lookup([ROW.identity]))]
            _run(registry, "ALTER TABLE resources RENAME COLUMN cdn_url TO other")
            error = _error(registry)
            assert error.__context__ is None
            assert error.__cause__ is None
            said.append(told_by(error))
    with pytest.raises(psycopg.OperationalError) as theirs:
        psycopg.connect(postgres_server.url("no_such_database"))

    said += [told_by_logs(caplog.records), *capfd.readouterr()]
    assert PASSWORD not in str(theirs.value)
    assert found([KEY, PASSWORD], "\n".join(said)) == []
