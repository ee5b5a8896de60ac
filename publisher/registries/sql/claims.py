"""Claims in the table `publish_claims`: the fence for stores whose own conditions are worth nothing."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, select

from publisher.errors import TransportError
from publisher.registries.port import ClaimRecord
from publisher.registries.sql.database import CommitUnknownError
from publisher.registries.sql.registry import SqlRegistry
from publisher.registries.sql.tables import PUBLISH_CLAIMS


class SqlClaims:
    """Write-once claims by object key, in the database of a registry, which also closes it."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._database = registry.database

    @property
    def location(self) -> str:
        return f"{self._database.location}, table {PUBLISH_CLAIMS.name}"

    def put(self, claim: ClaimRecord) -> ClaimRecord:
        """Insert unless one is there, commit, then look: what is there decides, whoever wrote it."""
        values = {
            "object_key": claim.object_key,
            "identity": claim.identity_sha256,
            "nonce": claim.nonce,
            "sha256": claim.sha256,
            "size_bytes": claim.size_bytes,
            "source": claim.source_sha256,
            "compression": claim.compression,
        }
        statement = (
            self._database.insert(PUBLISH_CLAIMS)
            .values(values)
            .on_conflict_do_nothing(index_elements=[PUBLISH_CLAIMS.c.object_key])
        )
        lost: CommitUnknownError | None = None
        try:
            self._database.write(lambda connection: connection.execute(statement).rowcount)
        except CommitUnknownError as unknown:
            lost = unknown
        there = self._database.read(partial(_claim, claim.object_key))
        if there is None:
            raise lost or TransportError("a claim was written and is not there", hint="run the same command again")
        return there


def _claim(object_key: str, connection: Connection) -> ClaimRecord | None:
    columns = PUBLISH_CLAIMS.c
    found = connection.execute(
        select(
            columns.identity, columns.nonce, columns.sha256, columns.size_bytes, columns.source, columns.compression
        ).where(columns.object_key == object_key)
    ).first()
    if found is None:
        return None
    identity, nonce, sha256, size_bytes, source, compression = found
    return ClaimRecord(object_key, identity, nonce, sha256, size_bytes, source, compression)
