"""Ids on the command line: each kind's path back to its identity."""

from __future__ import annotations

import pytest

from publisher.commands.ids import parse_id
from publisher.errors import InputError
from publisher.model import CondaIdentity, DavIdentity, FleetIdentity, Identity


@pytest.mark.parametrize(
    ("kind", "identity"),
    [
        ("fleet", FleetIdentity("detector", "dev", "arm64", "2.1.0+cu118")),
        ("conda", CondaIdentity("linux-64", "detector-1.0-0.conda")),
        ("webdav", DavIdentity("deb/app/117/app.deb")),
    ],
)
def test_an_id_leads_back_to_its_identity(kind: str, identity: Identity) -> None:
    """What a plan shows as an id is taken as that artifact."""
    assert parse_id(f"there:{identity.path}", kind) == ("there", identity)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("fleet", "fleet:dev/detector/arm64"),
        ("fleet", "dev/detector/arm64/1"),
        ("fleet", "fleet:dev/../arm64/1"),
        ("conda", "channel:noarch/a/b.conda"),
        ("webdav", "builds:../outside"),
        ("webdav", "builds:"),
        ("webdav", ":x"),
    ],
)
def test_what_is_no_id_is_refused_with_an_example(kind: str, text: str) -> None:
    """Too few parts, parts that are no names and paths that lead out are wrong input."""
    with pytest.raises(InputError) as refused:
        parse_id(text, kind)

    assert refused.value.hint is not None
    assert "for example" in refused.value.hint


def test_a_worker_version_cannot_be_fetched() -> None:
    """A kind whose artifacts are no bytes says so."""
    with pytest.raises(InputError, match="no bytes to fetch"):
        parse_id("workers:a/b", "arkindex")
