"""P7, P9 and the artifacts of P10: thousands of small artifacts; publishing them, then finding that nothing is to do.

The registry is SQLite for the times, and PostgreSQL, which logs each statement, for the number of requests.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from publisher.model import FleetIdentity
from publisher.registries.sql import SqlOptions, SqlRegistry
from tests.benchmark.cases import Scale
from tests.benchmark.cases.growth import ARTIFACTS
from tests.benchmark.fleet import Fleet, fresh_name, sink_fleet
from tests.benchmark.measuring import FailedRunError, typical
from tests.benchmark.results import Point, Results
from tests.support.sql_servers import PostgresServer

_FILE_BYTES = 4096
_NOTHING_TO_DO = 100
_FOR_EACH_REQUEST = 500
_READS_ROWS = re.compile(r"(?:execute [^:]*|statement): +SELECT\b.*\bFROM resources\b")


def run(results: Results, scale: Scale, folder: Path) -> None:
    with sink_fleet(folder) as sink, _postgres() as server:
        fleet = with_database(sink, f"sqlite:///{folder / 'resources.db'}")
        files = small_files(folder, scale.many_files)
        for count in scale.growing_files:
            one = fleet.publish("apply", fleet.manifest(files[:count], name=fresh_name("grow")))
            results.points.append(Point(ARTIFACTS, count, one.wall_s, one.peak_mib))
        _nothing_to_do(results, scale, fleet, files[:_NOTHING_TO_DO])
        everything = fleet.manifest(files, name=fresh_name("all"))
        fleet.publish("apply", everything)
        results.add(
            "many", f"{len(files):,} registered", {"publish plan, first": typical([fleet.publish("plan", everything)])}
        )
        again = typical([fleet.publish("plan", everything) for _ in range(scale.rounds)])
        results.add("many", f"{len(files):,} registered", {"publish plan, again": again})
        results.limit("P7", f"plan of {len(files):,} registered artifacts", measured=again.wall_s, at_most=10, unit="s")
        _requests(results, with_database(sink, server.url(server.new_database())), server, files)


def _nothing_to_do(results: Results, scale: Scale, fleet: Fleet, files: Sequence[Path]) -> None:
    manifest = fleet.manifest(files, name=fresh_name("idle"))
    fleet.publish("apply", manifest)
    idle = typical([fleet.publish("apply", manifest) for _ in range(scale.rounds)])
    results.add("many", f"{len(files)} registered", {"publish apply, nothing to do": idle})
    results.limit("P9", f"apply with nothing to do, {len(files)} artifacts", measured=idle.wall_s, at_most=1, unit="s")


def _requests(results: Results, fleet: Fleet, server: PostgresServer, files: Sequence[Path]) -> None:
    manifest = fleet.manifest(files, name=fresh_name("counted"))
    fleet.publish("apply", manifest)
    server.execute("postgres", "ALTER ROLE postgres SET log_statement = 'all'")
    _require_counting(fleet, server)
    before = _selects(server)
    one = fleet.publish("plan", manifest)
    count = _selects(server) - before
    server.execute("postgres", "ALTER ROLE postgres RESET log_statement")
    results.add("many", f"{len(files):,} registered in PostgreSQL", {"publish plan": typical([one])})
    what = f"SELECTs for {len(files):,} artifacts, PostgreSQL"
    results.limit("P7", what, measured=count, at_most=math.ceil(len(files) / _FOR_EACH_REQUEST), unit="requests")


def _require_counting(fleet: Fleet, server: PostgresServer) -> None:
    """Raise unless one lookup counts as one: a counter that sees nothing would find every number of requests fine."""
    before = _selects(server)
    registry = SqlRegistry(SqlOptions(url=fleet.settings["RESOURCES_DATABASE_URL"]))
    registry.lookup([FleetIdentity("nothing", "dev", "arm64", "1")])
    registry.close()
    counted = _selects(server) - before
    if counted != 1:
        raise FailedRunError(f"the server's log shows {counted} SELECTs of one lookup")


def _selects(server: PostgresServer) -> int:
    return selects_in((server.base / "log").read_text(errors="replace"))


def selects_in(log: str) -> int:
    """Return how many statements of PostgreSQL's log read the table of rows. Further lines of one begin with a tab."""
    entries = log.replace("\n\t", " ").splitlines()
    return sum(bool(_READS_ROWS.search(entry)) for entry in entries)


def small_files(folder: Path, count: int) -> list[Path]:
    """Write that many different files of 4 KiB."""
    inner = folder / "many"
    inner.mkdir()
    paths = []
    for number, text in zip(range(count), map(str, itertools.count()), strict=False):
        path = inner / f"{number}.bin"
        path.write_bytes((text * _FILE_BYTES)[:_FILE_BYTES].encode())
        paths.append(path)
    return paths


def with_database(fleet: Fleet, url: str) -> Fleet:
    """Return the same fleet with its rows in a database of its own, with tables."""
    registry = SqlRegistry(SqlOptions(url=url))
    registry.create_tables()
    registry.close()
    settings = {name: value for name, value in fleet.settings.items() if not name.startswith("ADMIN_API")}
    return replace(fleet, settings={**settings, "RESOURCES_DATABASE_URL": url})


@contextmanager
def _postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
