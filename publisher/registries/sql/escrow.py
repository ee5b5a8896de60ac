"""Escrow records beside the rows, in the table `publish_keys` (DESIGN.md, "SQL registry")."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, select

from publisher.errors import ProtocolError
from publisher.model import Digest
from publisher.registries.port import EscrowRecord
from publisher.registries.sql.database import CommitUnknownError
from publisher.registries.sql.registry import SqlRegistry
from publisher.registries.sql.tables import PUBLISH_KEYS


class SqlEscrow:
    """Write-once records by nonce, in the database of a registry, which also closes it."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._database = registry.database
        self._add = self._database.insert(PUBLISH_KEYS).on_conflict_do_nothing(index_elements=[PUBLISH_KEYS.c.nonce])

    @property
    def location(self) -> str:
        return f"{self._database.location}, table {PUBLISH_KEYS.name}"

    def put(self, record: EscrowRecord) -> None:
        """Store durably before returning. A lost answer is settled by sending the same record once more."""
        values = {
            "nonce": record.nonce,
            "identity": record.identity_sha256,
            "object_key": record.object_key,
            "sha256": record.sha256.hex,
            "size_bytes": record.size_bytes,
            "source": record.source_sha256,
            "compression": record.compression,
            "kid": record.kid,
            "data_key": record.data_key,
        }

        def add(connection: Connection) -> int:
            return connection.execute(self._add, values).rowcount

        try:
            added = self._database.write(add)
        except CommitUnknownError:
            added = None
        if added is None:
            added = self._database.write(add)
        if added == 0 and self.get(record.nonce) != record:
            raise RuntimeError("another escrow record has this nonce")

    def get(self, nonce: str) -> EscrowRecord | None:
        return self._database.read(partial(_record, nonce))

    def drop(self, nonce: str) -> None:
        statement = delete(PUBLISH_KEYS).where(PUBLISH_KEYS.c.nonce == nonce)
        self._database.write(lambda connection: connection.execute(statement).rowcount)


def _record(nonce: str, connection: Connection) -> EscrowRecord | None:
    columns = PUBLISH_KEYS.c
    found = connection.execute(
        select(
            columns.identity,
            columns.object_key,
            columns.sha256,
            columns.size_bytes,
            columns.source,
            columns.compression,
            columns.kid,
            columns.data_key,
            columns.created,
        ).where(columns.nonce == nonce)
    ).first()
    if found is None:
        return None
    identity, object_key, sha256, size_bytes, source, compression, kid, data_key, created = found
    try:
        digest = Digest(sha256)
    except (ValueError, TypeError):
        digest = None
    if digest is None or data_key is None:
        raise ProtocolError("an escrow record in the table publish_keys is not readable")
    return EscrowRecord(
        nonce=nonce,
        identity_sha256=identity,
        object_key=object_key,
        sha256=digest,
        size_bytes=size_bytes,
        source_sha256=source,
        compression=compression,
        kid=kid,
        data_key=data_key,
        created=created,
    )
