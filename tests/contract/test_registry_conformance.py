"""What every registry promises, asked of all of them: in memory, SQLite, PostgreSQL, admin API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from publisher.errors import PublisherError
from publisher.model import FleetIdentity
from publisher.registries.admin_api import AdminApiOptions, AdminApiRegistry, DuplicateRule
from publisher.registries.port import Accepted, Duplicate, NoAnswer, NoRow, Refused, Registry, Row
from publisher.registries.sql import SqlOptions, SqlRegistry
from tests.support.admin_api import LIST_PATH, TOKEN, UPDATE_FIELD, UPDATE_PATH, AdminApi
from tests.support.memory_registry import Fault, MemoryRegistry, plain, sample_identity, sample_row
from tests.support.sql_servers import PostgresServer


@dataclass
class Case:
    """A registry, and how to make its next call fail."""

    registry: Registry
    break_down: Callable[[], None]
    has_lookup: bool = True


def _sql(url: str) -> SqlRegistry:
    registry = SqlRegistry(SqlOptions(url=url))
    registry.create_tables()
    return registry


def _admin_api(api: AdminApi, lookup: str) -> AdminApiRegistry:
    api.behaviour.lookup = lookup
    return AdminApiRegistry(
        AdminApiOptions(
            url=api.url,
            token=TOKEN,
            lookup=lookup,  # type: ignore[arg-type]  # one of the literals, from the parameters below
            lookup_path=LIST_PATH if lookup == "list" else UPDATE_PATH,
            get_update_field=UPDATE_FIELD,
            duplicate=DuplicateRule.parse("409:already exists"),
        )
    )


@pytest.fixture(params=["memory", "sqlite", "postgresql", "admin-api-list", "admin-api-get-update", "admin-api-none"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """Each registry in turn, empty."""
    kind = str(request.param)
    if kind == "memory":
        memory = MemoryRegistry()
        yield Case(memory, lambda: memory.fail_at(len(memory.calls) + 1, Fault.LOSE_REQUEST))
    elif kind == "sqlite":
        sqlite = _sql(f"sqlite:///{tmp_path / 'registry.db'}")
        yield Case(sqlite, (tmp_path / "registry.db").unlink)
        sqlite.close()
    elif kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name: str = request.getfixturevalue("postgres_database")
        postgresql = _sql(server.url(name))
        yield Case(postgresql, lambda: server.drop_database(name))
        postgresql.close()
    else:
        api: AdminApi = request.getfixturevalue("admin_api")
        lookup = kind.removeprefix("admin-api-")
        registry = _admin_api(api, lookup)
        yield Case(registry, lambda: api.fail("500"), has_lookup=lookup != "none")
        registry.close()


def test_a_registered_row_is_found_with_equal_values(case: Case) -> None:
    """What was registered is what a lookup shows, the key included where the registry gives it back."""
    row = sample_row()

    answer = case.registry.register(row)
    found = case.registry.lookup([row.identity])

    assert answer == Accepted()
    assert set(found) == {row.identity}
    assert plain(found[row.identity]) == (plain(row) if case.has_lookup else (NoRow.UNSEEN,))


def test_a_second_registration_is_a_duplicate_that_changes_nothing(case: Case) -> None:
    """The same identity again is answered by what is stored, whatever the new values are."""
    first, second = sample_row(), sample_row(seed="other object")
    case.registry.register(first)

    again, other = case.registry.register(first), case.registry.register(second)

    assert again == Duplicate(first.sha256)
    assert other == Duplicate(first.sha256)
    if case.has_lookup:
        assert plain(case.registry.lookup([first.identity])[first.identity]) == plain(first)


def test_of_racing_registrations_exactly_one_is_accepted(case: Case) -> None:
    """Eight writers with eight keys at the same moment leave one row, which all of them are told of."""
    rows = [sample_row(seed=str(writer)) for writer in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(case.registry.register, rows))

    winners = [row for row, answer in zip(rows, answers, strict=True) if answer == Accepted()]
    assert len(winners) == 1
    losers = [answer for answer in answers if answer != Accepted()]
    assert losers == [Duplicate(winners[0].sha256)] * 7


def test_many_identities_are_answered_at_once(case: Case) -> None:
    """A lookup answers for every identity it was asked about, registered or not, beyond one batch, too."""
    registered = [sample_row(number) for number in range(1, 6)]
    for row in registered:
        case.registry.register(row)
    asked = [sample_identity(number) for number in range(1, 1201)]

    found = case.registry.lookup(asked)

    assert set(found) == set(asked)
    if case.has_lookup:
        shown = [plain(answer) for answer in found.values() if isinstance(answer, Row)]
        assert sorted(shown, key=repr) == sorted(map(plain, registered), key=repr)
        assert sum(answer is NoRow.ABSENT for answer in found.values()) == 1195


def test_nothing_asked_is_nothing_answered(case: Case) -> None:
    """An empty lookup is no error."""
    assert dict(case.registry.lookup([])) == {}


def test_neighbouring_identities_are_told_apart(case: Case) -> None:
    """A row is found by all four names only; names of the same object key are different names."""
    row = sample_row()
    case.registry.register(row)
    name, stage, architecture, version = row.identity.fields().values()
    neighbours = [
        FleetIdentity(f"{name}-arm64", stage, architecture, version),
        FleetIdentity(name, "main", architecture, version),
        FleetIdentity(name, stage, "x86-64", version),
        FleetIdentity(name.upper(), stage, architecture, version),
    ]

    found = case.registry.lookup(neighbours)

    wanted = NoRow.ABSENT if case.has_lookup else NoRow.UNSEEN
    assert set(found.values()) == {wanted}


def test_a_failed_lookup_is_an_error_and_never_absent(case: Case) -> None:
    """A registry that cannot be asked raises, and one that has nothing to ask says so: silence is not absence."""
    case.break_down()

    if case.has_lookup:
        with pytest.raises(PublisherError):
            case.registry.lookup([sample_identity()])
    else:
        assert case.registry.lookup([sample_identity()]) == {sample_identity(): NoRow.UNSEEN}


def test_a_failed_registration_is_an_answer_and_never_accepted(case: Case) -> None:
    """A registry that cannot be written to says so by value; the protocol decides what follows."""
    case.break_down()

    answer = case.registry.register(sample_row())

    assert isinstance(answer, NoAnswer | Refused)


def test_a_row_without_its_key_is_a_mistake(case: Case) -> None:
    """A row is registered with its key or not at all."""
    row = sample_row()
    without = Row(row.identity, row.cdn_url, row.sha256, row.size_bytes, None)

    with pytest.raises(ValueError, match="with its key"):
        case.registry.register(without)


def test_a_location_shows_no_credentials(case: Case) -> None:
    """The location stands in messages and receipts."""
    assert "fake-" not in case.registry.location
    assert "postgres:" not in case.registry.location
