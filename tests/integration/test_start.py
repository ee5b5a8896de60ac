"""What a start of the command imports: nothing that the command does not use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import ONE_MODEL, PROJECT, bare_environment, command, write_manifest
from tests.support.fleets import Fleet

OTHER_KINDS = {
    f"publisher.{room}.{kind}"
    for room in ("manifest", "settings", "wiring", "destinations")
    for kind in ("conda", "webdav", "arkindex")
}
CLIENTS = {"boto3", "botocore", "requests", "urllib3"}
DATABASES = {"sqlalchemy", "psycopg"}


def imported(*arguments: str | Path, environment: Mapping[str, str]) -> set[str]:
    """Run the command and return the name of each module that it imported, packages that hold them included."""
    python, *rest = command(*arguments)
    done = subprocess.run(
        [python, "-X", "importtime", *rest],
        env=dict(environment),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def test_help_imports_no_library_but_the_parser(tmp_path: Path) -> None:
    """`publish --help` imports typer, and no other library."""
    found = imported("--help", environment=bare_environment(tmp_path))

    assert "typer" in found
    heavy = CLIENTS | DATABASES | {"cryptography", "pydantic", "rich", "yaml", "ssl", "importlib.metadata"}
    assert found & heavy == set()


def test_validate_imports_nothing_that_reaches_anything(tmp_path: Path) -> None:
    """`publish validate` imports no client, no database and no cipher."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")

    found = imported("validate", manifest, environment=bare_environment(tmp_path))

    assert "yaml" in found
    assert found & (CLIENTS | DATABASES | {"cryptography", "ssl", "http.client"}) == set()


def test_a_rehearsed_plan_imports_no_client(tmp_path: Path) -> None:
    """`publish plan --local` imports no client; and no database either, while there is none in the folder."""
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    environment = bare_environment(tmp_path)
    plan = ("plan", manifest, "--local", tmp_path / "L")

    before = imported(*plan, environment=environment)
    imported("apply", *plan[1:], "--report", tmp_path / "r.json", environment=environment)
    after = imported(*plan, environment=environment)

    assert before & (CLIENTS | DATABASES | OTHER_KINDS | {"http.client", "rich", "publisher.planfile"}) == set()
    assert "sqlalchemy" in after
    assert after & (CLIENTS | {"psycopg", "http.client"}) == set()


def test_publishing_through_the_admin_api_imports_no_database(admin_fleet: Fleet, tmp_path: Path) -> None:
    """`publish apply` to a fleet with the admin API imports no database, no client, no other kind, and no repair.

    Nor does it import rich, whose place is a terminal.
    """
    manifest = write_manifest(tmp_path, ONE_MODEL, model__bin=b"x")
    environment = bare_environment(tmp_path, admin_fleet.settings)

    found = imported("apply", manifest, "--report", tmp_path / "r.json", environment=environment)

    assert len(admin_fleet.rows()) == 1
    assert {"cryptography", "publisher.destinations.fleet.protocol", "publisher.manifest.fleet"} <= found
    assert found & (CLIENTS | DATABASES | OTHER_KINDS) == set()
    assert found & {"rich", "publisher.sources.images", "publisher.destinations.fleet.repair"} == set()


@pytest.mark.parametrize("name", ["apply", "publish_artifact"])
def test_importing_the_package_is_cheap_and_changes_nothing(name: str, tmp_path: Path) -> None:
    """`import publisher` imports no engine and leaves its host's settings alone; its functions are there when asked."""
    probe = (
        "import gc, os, sys; before = gc.get_threshold(), dict(os.environ); import publisher; "
        "assert (gc.get_threshold(), dict(os.environ)) == before; "
        "print(sorted(name for name in sys.modules if name.startswith('publisher'))); "
        f"assert {name!r} in dir(publisher); print(publisher.{name}.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={**bare_environment(tmp_path), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["['publisher', 'publisher.version']", "publisher.api"]


def test_an_unknown_name_is_none_of_the_package() -> None:
    """A name that the package does not have is an `AttributeError`, as for any module."""
    import publisher

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(publisher, "nothing")  # noqa: B009 # mypy knows that it is not there
