"""The tables. `resources` has the source document's columns plus `created_at`, `publish_keys` is the escrow, and
`publish_claims` the fence of stores without one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Table, Text, func

METADATA = MetaData()

IDENTITY_COLUMNS = ("resource_name", "dev_stage", "architecture", "version")

RESOURCES = Table(
    "resources",
    METADATA,
    *(Column(name, Text, nullable=False) for name in IDENTITY_COLUMNS),
    Column("cdn_url", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("encryption_key", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.current_timestamp()),
)

IDENTITY_INDEX = Index("resources_identity", *(RESOURCES.c[name] for name in IDENTITY_COLUMNS), unique=True)

PUBLISH_KEYS = Table(
    "publish_keys",
    METADATA,
    Column("nonce", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("compression", Text, nullable=False),
    Column("kid", Text),
    Column("data_key", Text),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.current_timestamp()),
)

PUBLISH_CLAIMS = Table(
    "publish_claims",
    METADATA,
    Column("object_key", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("compression", Text, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.current_timestamp()),
)
"""Rows are never changed and never deleted."""
