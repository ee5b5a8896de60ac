"""The decision table of the fleet: every state, in its order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.destinations.fleet.states import Seen, Wanted, classify, lacks_source, needs_escrow
from publisher.destinations.fleet.values import Marks, Receipt, Sealed
from publisher.model import DataKey, Digest, FleetIdentity, State
from publisher.registries.port import NoRow, Row
from publisher.stores.port import ObjectInfo

IDENTITY = FleetIdentity("detector", "dev", "arm64", "1")
SOURCE = "ab" * 32
WANTED = Wanted(IDENTITY, SOURCE, "gzip")
SEALED = Sealed("n" * 32, DataKey(bytes(32)), Digest("cd" * 32), 64, SOURCE, "gzip")
ROW = SEALED.row(IDENTITY, "https://cdn.example.com/x")
OBJECT = ObjectInfo(64, '"etag"', Marks.of(IDENTITY, SEALED).metadata())
RECEIPT = Receipt.of(IDENTITY, SEALED, cdn_url="https://cdn.example.com/x", registry="here", evidence="accepted")


def marked(**changes: str) -> ObjectInfo:
    return replace(OBJECT, metadata={**OBJECT.metadata, **changes})


UNNAMED = replace(OBJECT, metadata=Marks.of(IDENTITY, SEALED).without_content().metadata())
"""An object whose source was read for the first time while it was streamed."""
OTHER = replace(SEALED, source_sha256="00" * 32)
FOREIGN_OBJECT = ObjectInfo(64, '"etag"', {})
OTHER_ROW = Row(IDENTITY, "https://cdn.example.com/x", Digest("ef" * 32), 64, None)

TABLE = [
    pytest.param(Seen(NoRow.ABSENT, None), State.MISSING, id="nothing anywhere"),
    pytest.param(Seen(ROW, OBJECT), State.PUBLISHED, id="row and object agree"),
    pytest.param(Seen(ROW, FOREIGN_OBJECT), State.PUBLISHED, id="object of an older tool"),
    pytest.param(Seen(ROW, None), State.DAMAGED, id="row without object"),
    pytest.param(Seen(ROW, replace(OBJECT, size_bytes=65)), State.DAMAGED, id="size differs"),
    pytest.param(Seen(OTHER_ROW, OBJECT), State.DAMAGED, id="sha256 differs"),
    pytest.param(Seen(ROW, marked(**{"publish-identity": "00" * 32})), State.COLLISION, id="registered collision"),
    pytest.param(Seen(NoRow.ABSENT, marked(**{"publish-identity": "00" * 32})), State.COLLISION, id="collision"),
    pytest.param(Seen(ROW, marked(**{"publish-source": "00" * 32})), State.CONFLICT, id="other source registered"),
    pytest.param(Seen(ROW, marked(**{"publish-compression": "none"})), State.CONFLICT, id="other compression"),
    pytest.param(
        Seen(NoRow.ABSENT, marked(**{"publish-source": "00" * 32})), State.CONFLICT, id="other source unfinished"
    ),
    pytest.param(Seen(NoRow.ABSENT, OBJECT, escrowed=SEALED), State.UNFINISHED, id="object and escrow record"),
    pytest.param(Seen(NoRow.ABSENT, OBJECT), State.ORPHAN, id="object without record"),
    pytest.param(Seen(NoRow.ABSENT, FOREIGN_OBJECT), State.ORPHAN, id="object not ours"),
    pytest.param(Seen(NoRow.UNSEEN, OBJECT, RECEIPT), State.PUBLISHED, id="receipt stands in for a lookup"),
    pytest.param(Seen(NoRow.UNSEEN, None, RECEIPT), State.DAMAGED, id="receipt without object"),
    pytest.param(
        Seen(NoRow.UNSEEN, OBJECT, replace(RECEIPT, registry="there")), State.UNKNOWN, id="receipt of another registry"
    ),
    pytest.param(
        Seen(NoRow.UNSEEN, OBJECT, replace(RECEIPT, identity_sha256="00" * 32)), State.COLLISION, id="receipt collides"
    ),
    pytest.param(Seen(NoRow.UNSEEN, None), State.MISSING, id="no lookup, nothing there"),
    pytest.param(Seen(NoRow.UNSEEN, OBJECT), State.ORPHAN, id="no lookup, no receipt, no record"),
    pytest.param(
        Seen(ROW, FOREIGN_OBJECT, replace(RECEIPT, source_sha256="00" * 32)),
        State.CONFLICT,
        id="the receipt keeps the fingerprint where metadata is lost",
    ),
    pytest.param(Seen(ROW, UNNAMED, RECEIPT), State.PUBLISHED, id="the receipt names the source"),
    pytest.param(
        Seen(ROW, UNNAMED, replace(RECEIPT, source_sha256="00" * 32)), State.CONFLICT, id="the receipt names another"
    ),
    pytest.param(Seen(ROW, UNNAMED, escrowed=SEALED), State.PUBLISHED, id="the record names the source"),
    pytest.param(Seen(ROW, UNNAMED, escrowed=OTHER), State.CONFLICT, id="the record names another source"),
    pytest.param(Seen(ROW, UNNAMED), State.PUBLISHED, id="nothing names the source"),
    pytest.param(Seen(NoRow.ABSENT, UNNAMED, escrowed=SEALED), State.UNFINISHED, id="unfinished, named by its record"),
    pytest.param(Seen(NoRow.ABSENT, UNNAMED, escrowed=OTHER), State.CONFLICT, id="unfinished with another source"),
    pytest.param(Seen(NoRow.ABSENT, UNNAMED), State.ORPHAN, id="unnamed orphan"),
]


@pytest.mark.parametrize(("seen", "state"), TABLE)
def test_the_state_follows_from_what_was_seen(seen: Seen, state: State) -> None:
    """Row, object, receipt and escrow record decide the state; the first match wins."""
    assert classify(WANTED, seen, registry="here").state is state


def test_a_source_is_lacking_only_where_a_row_has_an_object_that_names_none() -> None:
    """A receipt is read in place of metadata that is lost or names no source, not where nothing is to be compared."""
    assert lacks_source(Seen(ROW, FOREIGN_OBJECT))
    assert lacks_source(Seen(ROW, UNNAMED))
    assert not lacks_source(Seen(ROW, OBJECT))
    assert not lacks_source(Seen(ROW, None))
    assert not lacks_source(Seen(NoRow.ABSENT, FOREIGN_OBJECT))


def test_only_metadata_that_says_so_is_without_a_source() -> None:
    """What a streamed object carries is what was known of it: no empty value pretends to be a fingerprint."""
    assert "publish-source" not in UNNAMED.metadata
    assert Marks.read(UNNAMED.metadata) == Marks.of(IDENTITY, SEALED).without_content()


def test_escrow_is_asked_for_our_own_unregistered_objects_only() -> None:
    """An escrow record matters for an object of this identity without a row, and is named by the object's nonce.

    It matters for a registered one, too, if neither the object nor a receipt names the source.
    """
    assert needs_escrow(WANTED, Seen(ROW, UNNAMED)) == SEALED.nonce
    assert needs_escrow(WANTED, Seen(ROW, UNNAMED, RECEIPT)) is None
    assert needs_escrow(WANTED, Seen(ROW, FOREIGN_OBJECT)) is None
    assert needs_escrow(WANTED, Seen(NoRow.ABSENT, OBJECT)) == SEALED.nonce
    assert needs_escrow(WANTED, Seen(ROW, OBJECT)) is None
    assert needs_escrow(WANTED, Seen(NoRow.UNSEEN, OBJECT, RECEIPT)) is None
    assert needs_escrow(WANTED, Seen(NoRow.ABSENT, marked(**{"publish-identity": "00" * 32}))) is None
    assert needs_escrow(WANTED, Seen(NoRow.ABSENT, None)) is None
