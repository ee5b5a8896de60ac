"""What a database error means, in our words. The driver's text is shown only where it holds no values or addresses."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    LocalResourceError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.secrecy import sanitise

CREATE_HINT = "run `publish doctor --create-tables`"
INDEX_DDL = "CREATE UNIQUE INDEX resources_identity ON resources(resource_name, dev_stage, architecture, version)"


@dataclass(frozen=True, slots=True)
class Fault:
    error: PublisherError
    is_lost_race: bool
    """The transaction was rolled back for the sake of another one; the same values may be tried again."""
    is_definite: bool
    """Whether the database itself answered, so that a transaction that was being committed is known to be undone."""


def fault_of(error: SQLAlchemyError) -> Fault:
    """Classify by SQLSTATE (PostgreSQL) or result code (SQLite); by text only where drivers give nothing better."""
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        return _postgresql(state, sanitise(str(getattr(getattr(original, "diag", None), "message_primary", "") or "")))
    name = getattr(original, "sqlite_errorname", None)
    if isinstance(name, str):
        return _sqlite(name, str(original))
    if isinstance(error, PoolTimeoutError):
        return Fault(
            TransportError("no database connection became free in time"), is_lost_race=False, is_definite=False
        )
    return Fault(_connection(str(original).lower()), is_lost_race=False, is_definite=False)


def _postgresql(state: str, message: str) -> Fault:
    lost_race, definite = False, True
    answer: PublisherError
    match state:
        case "23505":
            answer = RejectedError(f"another unique index refused the row: {message}")
        case "40001" | "40P01":
            lost_race, answer = True, TransportError(f"the database is busy: {message}")
        case "42P01" | "3F000":
            answer = RejectedError(f"the database lacks a table: {message}", hint=CREATE_HINT)
        case "42703":
            answer = RejectedError(f"a table lacks a column: {message}", hint="`publish doctor` shows what is missing")
        case "42P10":
            answer = no_unique_index()
        case "25006":
            answer = RejectedError(
                "the database is read-only", hint="is this a replica? Rows are written to the primary server"
            )
        case "42501":
            answer = CredentialsError(f"the database user lacks a right: {message}")
        case "3D000":
            answer = RejectedError("the database that the URL names does not exist")
        case _ if state.startswith("28"):
            answer = _bad_credentials()
        case _ if state.startswith(("08", "57P")) or state == "40003":
            definite, answer = False, TransportError("the database closed the connection")
        case _ if state.startswith(("53", "55", "57", "58")):
            answer = TransportError(f"the database cannot work now: {message}")
        case _:
            answer = RejectedError(f"the database refused the statement ({state}): {message}")
    return Fault(answer, is_lost_race=lost_race, is_definite=definite)


def _sqlite(name: str, message: str) -> Fault:
    definite = True
    answer: PublisherError
    match name:
        case "SQLITE_CONSTRAINT_UNIQUE" | "SQLITE_CONSTRAINT_PRIMARYKEY":
            answer = RejectedError(f"a unique index refused the row: {sanitise(message)}")
        case "SQLITE_ERROR" if "no such table" in message:
            answer = RejectedError(sanitise(message), hint=CREATE_HINT)
        case "SQLITE_ERROR" if "no such column" in message or "has no column" in message:
            answer = RejectedError(sanitise(message), hint="`publish doctor` shows what is missing")
        case "SQLITE_ERROR" if "ON CONFLICT" in message:
            answer = no_unique_index()
        case "SQLITE_CANTOPEN":
            answer = LocalResourceError("the database file is missing or cannot be opened", hint=CREATE_HINT)
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            answer = RejectedError("the database file is not a sound SQLite database")
        case "SQLITE_FULL":
            answer = LocalResourceError("no disk space is left for the database file")
        case _ if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            answer = TransportError("the database file is locked by another process", hint="run again")
        case _ if name.startswith("SQLITE_READONLY"):
            answer = LocalResourceError("the database file or its folder is read-only")
        case _ if name.startswith(("SQLITE_IOERR", "SQLITE_PERM", "SQLITE_AUTH")):
            definite, answer = False, LocalResourceError("the database file cannot be read or written")
        case _:
            answer = RejectedError(f"the database refused the statement ({name}): {sanitise(message)}")
    return Fault(answer, is_lost_race=False, is_definite=definite)


def no_unique_index() -> CapabilityError:
    """Return the error for a table in which one identity could have two rows."""
    return CapabilityError("the table resources has no unique index on the four names", hint=f"create it: {INDEX_DDL}")


def _bad_credentials() -> CredentialsError:
    return CredentialsError("the database refused the user or the password")


def _connection(message: str) -> PublisherError:
    """Classify a failed connection. libpq gives no SQLSTATE here, and its text names host, user and database."""
    if any(text in message for text in ("authentication failed", "no password supplied", "no pg_hba.conf entry")):
        return _bad_credentials()
    if "role" in message and "does not exist" in message:
        return _bad_credentials()
    if "database" in message and "does not exist" in message:
        return RejectedError("the database that the URL names does not exist")
    if "does not support ssl" in message:
        return RejectedError(
            "the database server offers no TLS, and keys are sent to it",
            hint="turn TLS on, or add ?sslmode=disable to the URL where the network is trusted",
        )
    if "certificate" in message:
        return RejectedError("the certificate of the database server is not trusted", hint="see sslrootcert")
    return TransportError("the database does not answer", hint="is the server up, and the URL right?")
