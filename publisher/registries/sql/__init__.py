"""The registry, the escrow and claims in SQL tables (PostgreSQL or SQLite); the only home of SQLAlchemy."""

from publisher.registries.sql.claims import SqlClaims
from publisher.registries.sql.database import SqlOptions, require_url
from publisher.registries.sql.escrow import SqlEscrow
from publisher.registries.sql.registry import SqlRegistry

__all__ = ["SqlClaims", "SqlEscrow", "SqlOptions", "SqlRegistry", "require_url"]
