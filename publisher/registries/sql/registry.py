"""Rows written straight into the table `resources`. A unique index on the four names decides every race."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection, func, select, tuple_

from publisher.errors import PublisherError, RejectedError
from publisher.model import Digest, FleetIdentity
from publisher.registries.port import Accepted, Duplicate, Lookup, NoAnswer, NoRow, Refused, RegisterAnswer, Row
from publisher.registries.rows import row_of, same_row, two_rows
from publisher.registries.sql.database import CommitUnknownError, Database, SqlOptions
from publisher.registries.sql.schema import check, create_tables, ddl
from publisher.registries.sql.tables import IDENTITY_COLUMNS, RESOURCES

LOOKUP_BATCH = 500
_IDENTITY = tuple(RESOURCES.c[name] for name in IDENTITY_COLUMNS)


class SqlRegistry:
    """The Resources table. The escrow beside it shares `database`; `close` ends the connections of both."""

    def __init__(self, options: SqlOptions, *, needs_claims: bool = False) -> None:
        self.database = Database(options)
        # Made once: SQLAlchemy takes longer to build a statement than the database to carry it out.
        self._add = (
            self.database.insert(RESOURCES)
            .values(created_at=func.current_timestamp())
            .on_conflict_do_nothing(index_elements=_IDENTITY)
        )
        self._needs_claims = needs_claims

    @property
    def location(self) -> str:
        return self.database.location

    @property
    def lookup_batch(self) -> int:
        return LOOKUP_BATCH

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        """Answer for every identity, with one SELECT for each 500 of them."""
        wanted = list(dict.fromkeys(identities))
        answers: dict[FleetIdentity, Lookup] = dict.fromkeys(wanted, NoRow.ABSENT)
        for start in range(0, len(wanted), LOOKUP_BATCH):
            batch = wanted[start : start + LOOKUP_BATCH]
            answers.update(self.database.read(partial(_rows, batch)))
        return answers

    def register(self, row: Row) -> RegisterAnswer:
        """INSERT the row in one transaction; a row that is there already is left alone and shown by its sha256.

        The conflict target makes the database refuse a table without the unique index, instead of adding a second row.
        """
        if row.encryption_key is None:
            raise ValueError("a row is registered with its key")
        values = {
            **row.identity.fields(),
            "cdn_url": row.cdn_url,
            "sha256": row.sha256.hex,
            "encryption_key": row.encryption_key.reveal_hex(),
            "size_bytes": row.size_bytes,
        }
        try:
            if self.database.write(lambda connection: connection.execute(self._add, values).rowcount) == 1:
                return Accepted()
            return self._duplicate(row.identity)
        except CommitUnknownError as error:
            return NoAnswer(error)
        except PublisherError as error:
            return Refused(error)

    def check(self) -> list[str]:
        """Return what is missing for publishing, one sentence each; empty if all is well."""
        return check(self.database, needs_claims=self._needs_claims)

    def create_tables(self) -> None:
        """Create the file, the tables and the indexes that are missing."""
        create_tables(self.database)

    def ddl(self) -> str:
        """Return the statements that create everything, for a person who creates tables by hand."""
        return ddl(self.database)

    def close(self) -> None:
        self.database.close()

    def _duplicate(self, identity: FleetIdentity) -> RegisterAnswer:
        statement = select(RESOURCES.c.sha256).where(tuple_(*_IDENTITY).in_([_names(identity)]))
        stored = self.database.read(lambda connection: connection.execute(statement).scalars().first())
        if stored is None:
            return Refused(RejectedError("a row of this identity was there and is gone again", hint="run again"))
        try:
            return Duplicate(Digest(str(stored).lower()))
        except ValueError:
            return Duplicate(None)


def _names(identity: FleetIdentity) -> tuple[str, ...]:
    return tuple(identity.fields()[name] for name in IDENTITY_COLUMNS)


def _rows(wanted: Sequence[FleetIdentity], connection: Connection) -> dict[FleetIdentity, Row]:
    columns = RESOURCES.c
    statement = select(*_IDENTITY, columns.cdn_url, columns.sha256, columns.size_bytes, columns.encryption_key).where(
        # The condition after it says it all, but without an index that fits PostgreSQL compares each row 500 times.
        columns.resource_name.in_({identity.resource_name for identity in wanted}),
        tuple_(*_IDENTITY).in_([_names(identity) for identity in wanted]),
    )
    found: dict[FleetIdentity, Row] = {}
    for *names, cdn_url, sha256, size_bytes, key in connection.execute(statement):
        identity = FleetIdentity(*names)
        row = row_of(identity, cdn_url=cdn_url, sha256=sha256, size_bytes=size_bytes, encryption_key=key)
        if identity in found and not same_row(found[identity], row):
            raise two_rows(identity)
        found[identity] = row
    return found
