"""One fleet put together: from settings, or below a folder for a rehearsal.

Vendor libraries are imported by the adapters, and an adapter only where it is chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.destinations.port import Destination
from publisher.errors import LocalResourceError
from publisher.model import DestinationSpec
from publisher.retry import RetryPolicy
from publisher.wiring.surroundings import Surroundings

if TYPE_CHECKING:
    from publisher.destinations.fleet.doctor import Tables
    from publisher.destinations.fleet.ports import Statements
    from publisher.registries.admin_api import AdminApiRegistry
    from publisher.registries.port import ClaimBook, KeyEscrow, Registry
    from publisher.sealing.wrapping import RecoveryKeys
    from publisher.settings import FleetSettings
    from publisher.stores.gate import StoreGate
    from publisher.stores.port import ObjectStore
    from publisher.stores.terms import Fence


def settings_fleet(spec: DestinationSpec, settings: FleetSettings, around: Surroundings) -> Destination:
    """Return the fleet of these settings. Connects to nothing yet. Raises `SettingsError` for unusable values."""
    from publisher.destinations.fleet.claims import ObjectClaims
    from publisher.destinations.fleet.escrow import NoEscrow, ObjectEscrow
    from publisher.registries.coalescing import CoalescingRegistry
    from publisher.stores.gate import StoreGate
    from publisher.stores.probe_cache import ProbeCache
    from publisher.stores.s3 import S3Store
    from publisher.stores.s3_options import S3Options

    s3 = settings.s3
    store = S3Store(
        S3Options(
            endpoint=s3.endpoint,
            access_key=s3.access_key.get_secret_value(),
            secret_key=s3.secret_key.get_secret_value(),
            bucket=s3.bucket,
            region=s3.region,
            ca_file=s3.ca_file,
            addressing_style=s3.addressing_style,
            read_attempts=1,  # the retry policy repeats reads; two loops would multiply
        )
    )
    escrow: KeyEscrow = ObjectEscrow(store) if settings.escrow == "s3" else NoEscrow()
    claims: ClaimBook = ObjectClaims(store)
    registry: Registry
    tables: Tables | None = None
    close: Callable[[], None]
    if settings.database_url is not None:
        from publisher.registries.sql import SqlClaims, SqlEscrow, SqlOptions, SqlRegistry

        registry = tables = sql = SqlRegistry(
            SqlOptions(
                url=settings.database_url.get_secret_value(), setting=f"{spec.env_prefix}RESOURCES_DATABASE_URL"
            ),
            needs_claims=settings.claims == "sql",
        )
        claims = SqlClaims(sql) if settings.claims == "sql" else claims
        escrow = SqlEscrow(sql) if settings.escrow == "sql" else escrow
        close = sql.close
    else:
        registry = api = _admin_api(settings, spec.env_prefix)
        close = api.close
    if registry.lookup_batch > 1:
        registry = CoalescingRegistry(registry)

    def close_both() -> None:
        store.close()
        close()

    return _destination(
        store,
        registry,
        escrow,
        claims=claims,
        fallback=_fallback(settings, around),
        tables=tables,
        close=close_both,
        recovery=settings.recovery,
        statements=_statements(store, settings),
        gate=StoreGate(store, ProbeCache(around.state_folder, now=time.time) if around.state_folder else None),
        cdn_base_url=settings.cdn_base_url,
        ca_file=s3.ca_file,
        files_below=None,
        spool_folder=settings.spool_folder,
        around=around,
    )


def local_fleet(folder: Path, around: Surroundings) -> Destination:
    """Return a fleet below `folder`. Makes the folder and its tables only if the command writes."""
    from publisher.registries.nothing import NothingEscrowed, NothingRegistered
    from publisher.stores.directory import DirectoryStore

    folder = folder.resolve()
    database, spool_folder = folder / "resources.db", folder / "staging"
    registry: Registry
    escrow: KeyEscrow
    tables: Tables | None = None
    close: Callable[[], None]
    if around.writes:
        _make_folder(spool_folder)
    if around.writes or database.exists():
        from publisher.registries.sql import SqlEscrow, SqlOptions, SqlRegistry

        sql = SqlRegistry(SqlOptions(url=f"sqlite:///{database}"))
        registry, tables, escrow, close = sql, sql, SqlEscrow(sql), sql.close
        if around.writes:
            sql.create_tables()
    else:
        place = str(database)
        registry, escrow, close = NothingRegistered(place), NothingEscrowed(place), _nothing_to_close
    return _destination(
        DirectoryStore(folder),
        registry,
        escrow,
        tables=tables,
        close=close,
        recovery=None,
        # A rehearsal must not leave behind what the real key signed.
        statements=None,
        gate=None,
        cdn_base_url=(folder / "objects").as_uri(),
        ca_file=None,
        files_below=folder / "objects",
        spool_folder=spool_folder,
        around=around,
    )


def _destination(
    store: ObjectStore,
    registry: Registry,
    escrow: KeyEscrow,
    *,
    tables: Tables | None,
    close: Callable[[], None],
    recovery: RecoveryKeys | None,
    statements: Statements | None,
    gate: StoreGate | None,
    cdn_base_url: str,
    ca_file: Path | None,
    files_below: Path | None,
    spool_folder: Path | None,
    around: Surroundings,
    claims: ClaimBook | None = None,
    fallback: Fence | None = None,
) -> Destination:
    from publisher.destinations.fleet.destination import FleetDestination
    from publisher.destinations.fleet.doctor import diagnose
    from publisher.destinations.fleet.escrow import KeyCodec
    from publisher.destinations.fleet.ports import FleetPorts
    from publisher.download import downloader
    from publisher.stores.terms import StoreTerms

    ports = FleetPorts(
        store=store,
        registry=registry,
        escrow=escrow,
        codec=KeyCodec(recovery),
        cdn_base_url=cdn_base_url,
        check_store=lambda: gate.terms(fallback=fallback) if gate else StoreTerms(),
        distrust_store=lambda: gate.distrust() if gate else None,
        retry=RetryPolicy(),
        spool_folder=spool_folder,
        statements=statements,
        claims=claims,
    )
    return FleetDestination(
        ports,
        download=downloader(ca_file, files_below=files_below, cancellation=around.cancellation),
        diagnose=lambda create_tables: diagnose(ports, gate, tables, create_tables=create_tables),
        close=close,
        verify=around.verify,
        cancellation=around.cancellation,
    )


def _admin_api(settings: FleetSettings, prefix: str) -> AdminApiRegistry:
    from publisher.registries.admin_api import AdminApiRegistry
    from publisher.registries.admin_options import AdminApiOptions

    api = settings.admin_api
    if api is None:
        raise RuntimeError("settings without a registry were accepted")
    return AdminApiRegistry(
        AdminApiOptions(
            url=api.url,
            token=api.token.get_secret_value(),
            publish_path=api.publish_path,
            lookup=api.lookup,
            lookup_path=api.lookup_path,
            get_update_field=api.get_update_field,
            duplicate=api.duplicate,
            ca_file=api.ca_file,
            prefix=prefix,
        )
    )


def _fallback(settings: FleetSettings, around: Surroundings) -> Fence | None:
    from publisher.stores.terms import Fence

    if settings.claims == "sql":
        return Fence.CLAIM
    return Fence.NOTHING if around.allow_unfenced else None


def _statements(store: ObjectStore, settings: FleetSettings) -> Statements | None:
    if settings.signing_key is None:
        return None
    from publisher.destinations.fleet.statements import ObjectStatements

    return ObjectStatements(store, settings.signing_key, now=lambda: datetime.now(UTC))


def _nothing_to_close() -> None:
    pass


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LocalResourceError(
            f"cannot make {folder}: {error.strerror}", hint="choose another --local DIR"
        ) from error
