"""Creating and checking the tables. Nothing is created unless it is asked for."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.schema import CreateIndex, CreateTable

from publisher.errors import PublisherError
from publisher.registries.sql.database import Database
from publisher.registries.sql.tables import (
    IDENTITY_COLUMNS,
    IDENTITY_INDEX,
    METADATA,
    PUBLISH_CLAIMS,
    PUBLISH_KEYS,
    RESOURCES,
)


def create_tables(database: Database) -> None:
    """Create what is missing: the file (SQLite), the tables, the unique indexes. What is there stays as it is."""
    database.create_file()
    try:
        database.write(_create)
    except PublisherError as error:
        # Another process may have created the same at the same moment, which PostgreSQL reports as an error.
        failure = error
    else:
        return
    if check(database):
        raise failure


def check(database: Database, *, needs_claims: bool = False) -> list[str]:
    """Return what is missing for publishing, one sentence each; empty if all is well. `ddl` shows how to create it.

    The table of claims is looked for only where it is the fence (`needs_claims`).

    Raises what a lookup would raise if the database cannot be asked.
    """
    if database.file is not None and not database.file.exists():
        return ["the database file does not exist"]
    return database.read(partial(_problems, needs_claims))


def ddl(database: Database) -> str:
    """Return the statements that create everything, for a person who creates tables by hand."""
    statements = (
        CreateTable(RESOURCES),
        CreateIndex(IDENTITY_INDEX),
        CreateTable(PUBLISH_KEYS),
        CreateTable(PUBLISH_CLAIMS),
    )
    return "\n".join(str(statement.compile(dialect=database.dialect)).strip() + ";" for statement in statements)


def _create(connection: Connection) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
    if not _is_unique(inspect(connection), RESOURCES.name, IDENTITY_COLUMNS):
        connection.execute(CreateIndex(IDENTITY_INDEX, if_not_exists=True))


def _problems(needs_claims: bool, connection: Connection) -> list[str]:
    inspector = inspect(connection)
    problems = []
    for table, unique in (
        (RESOURCES, IDENTITY_COLUMNS),
        (PUBLISH_KEYS, ("nonce",)),
        (PUBLISH_CLAIMS, ("object_key",)),
    ):
        if table is PUBLISH_CLAIMS and not needs_claims:
            continue
        if not inspector.has_table(table.name):
            problems.append(f"the table {table.name} is missing")
            continue
        there = {column["name"] for column in inspector.get_columns(table.name)}
        problems += [
            f"the table {table.name} has no column {column.name}"
            for column in table.columns
            if column.name not in there
        ]
        if there.issuperset(unique) and not _is_unique(inspector, table.name, unique):
            problems.append(f"the table {table.name} has no unique index on ({', '.join(unique)})")
    return problems


def _is_unique(inspector: Inspector, table: str, columns: Collection[str]) -> bool:
    """Say whether an index, constraint or primary key makes these columns together unique, without a WHERE."""
    candidates: list[Collection[str | None]] = [inspector.get_pk_constraint(table)["constrained_columns"]]
    candidates += [constraint["column_names"] for constraint in inspector.get_unique_constraints(table)]
    candidates += [
        index["column_names"]
        for index in inspector.get_indexes(table)
        if index["unique"] and not any(name.endswith("_where") for name in index.get("dialect_options", {}))
    ]
    return any(set(candidate) == set(columns) for candidate in candidates)
