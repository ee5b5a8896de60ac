"""How requests are counted."""

from __future__ import annotations

from tests.benchmark.cases.many import selects_in

LOG = """\
2026-01-02 03:04:05.678 UTC [680] LOG:  statement: select pg_catalog.version()
2026-01-02 03:04:05.678 UTC [680] LOG:  statement: BEGIN; SET LOCAL statement_timeout = 60000
2026-01-02 03:04:05.678 UTC [680] LOG:  execute <unnamed>: SELECT resources.resource_name, resources.version 
\tFROM resources 
\tWHERE (resources.resource_name, resources.version) IN (($1, $2))
2026-01-02 03:04:05.678 UTC [680] DETAIL:  Parameters: $1 = 'SELECT FROM resources', $2 = '1'
2026-01-02 03:04:05.678 UTC [680] LOG:  execute _pg3_0: SELECT resources.sha256 
\tFROM resources 
\tWHERE resources.version = $1
2026-01-02 03:04:05.678 UTC [680] LOG:  execute <unnamed>: INSERT INTO resources (version) VALUES ($1)
2026-01-02 03:04:05.678 UTC [680] LOG:  execute <unnamed>: SELECT publish_keys.nonce 
\tFROM publish_keys
2026-01-02 03:04:05.678 UTC [681] LOG:  statement: SELECT * FROM resources
2026-01-02 03:04:05.678 UTC [680] LOG:  statement: ROLLBACK
"""  # noqa: W291  # as PostgreSQL and SQLAlchemy write it


def test_statements_of_several_lines_are_counted() -> None:
    """Each SELECT from the table of rows counts once, prepared or not; nothing else in the log does."""
    assert selects_in(LOG) == 3
    assert selects_in("") == 0
