"""Rows out of lookups of all shapes, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from publisher.errors import ProtocolError
from publisher.http import Answer
from publisher.model import FleetIdentity
from publisher.registries.admin_rows import items_of, rows_in_list, rows_in_update
from publisher.registries.port import NoRow, Row
from tests.support.canary import found, told_by
from tests.support.memory_registry import plain, sample_row

ROW = sample_row()
ITEM: dict[str, Any] = {
    **ROW.identity.fields(),
    "cdn_url": ROW.cdn_url,
    "sha256": ROW.sha256.hex,
    "encryption_key": ROW.encryption_key.reveal_hex() if ROW.encryption_key else "",
    "size_bytes": ROW.size_bytes,
}
OTHER = {**ITEM, "resource_name": "other"}


def _answer(document: object, **headers: str) -> Answer:
    return Answer(200, "application/json", headers, json.dumps(document).encode())


def _camel(item: dict[str, Any]) -> dict[str, Any]:
    return {name.split("_")[0] + "".join(map(str.title, name.split("_")[1:])): value for name, value in item.items()}


def _listed(document: object, *wanted: FleetIdentity) -> object:
    (answer,) = rows_in_list(items_of(_answer(document)), wanted or [ROW.identity]).values()
    return answer


@pytest.mark.parametrize(
    "document",
    [
        [ITEM],
        [OTHER, ITEM],
        [ITEM, ITEM],
        {"resources": [ITEM]},
        {"items": [ITEM], "count": 1, "next": None},
        [_camel(ITEM)],
        [{**ITEM, "created_at": "2026-04-15"}],
        {"data": [ITEM], "hasMore": False, "totalCount": 1, "page": 1},
        [{**ITEM, "sha256": ITEM["sha256"].upper(), "encryption_key": ITEM["encryption_key"].upper()}],
    ],
)
def test_a_row_is_found_in_every_known_shape(document: object) -> None:
    """Arrays and envelopes, snake_case and camelCase, either case of hexadecimal digits."""
    answer = _listed(document)

    assert isinstance(answer, Row)
    assert plain(answer) == plain(ROW)


def test_a_registry_may_keep_its_keys_to_itself() -> None:
    """A lookup without keys, as it should be, is a full answer."""
    without = {name: value for name, value in ITEM.items() if name != "encryption_key"}

    answer = _listed([without])

    assert isinstance(answer, Row)
    assert answer.encryption_key is None


@pytest.mark.parametrize("document", [[], {"items": []}, [OTHER]])
def test_a_whole_list_without_the_row_proves_its_absence(document: object) -> None:
    """Absent is what a whole answer does not show."""
    assert _listed(document) is NoRow.ABSENT


@pytest.mark.parametrize(
    "document",
    [
        {"items": [], "next": "/resources?page=2"},
        {"items": [ITEM], "count": 2},
        {"items": [], "total_count": 1},
        {"items": [], "hasMore": True},
        {"items": [], "nextPageToken": "x"},
        {"items": [], "isTruncated": True},
    ],
)
def test_a_part_of_a_list_proves_nothing(document: object) -> None:
    """R1: pages are not followed, so an answer that has more of them is an error."""
    with pytest.raises(ProtocolError, match="only a part"):
        _listed(document)


def test_a_link_header_shows_pages_too() -> None:
    """R1: pagination may be announced outside the body (RFC 8288)."""
    with pytest.raises(ProtocolError, match="only a part"):
        items_of(_answer([ITEM], link='</resources?page=2>; rel="next"'))


@pytest.mark.parametrize(
    "document",
    [
        "x",
        7,
        None,
        {},
        {"items": None},
        {"a": [], "b": []},
        [1],
        [None],
        [[ITEM]],
        [{}],
        {"ok": False, "items": []},
        {"error": "no", "items": []},
        *(
            [{name: value for name, value in ITEM.items() if name != missing}]
            for missing in ITEM
            if missing != "encryption_key"
        ),
        [{**ITEM, "version": 1.1}],
        [{**ITEM, "version": ""}],
        [{**ITEM, "size_bytes": "64"}],
        [{**ITEM, "size_bytes": -1}],
        [{**ITEM, "size_bytes": True}],
        [{**ITEM, "sha256": "xyz"}],
        [{**ITEM, "cdn_url": None}],
        [{**ITEM, "Cdn_Url": "x"}],
        [{**ITEM, "encryption_key": ITEM["encryption_key"][:-1]}],
        [{**ITEM, "encryption_key": 7}],
        [ITEM, {**ITEM, "size_bytes": 1}],
        [ITEM, {**ITEM, "encryption_key": "0" * 64}],
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_absent(document: object) -> None:
    """R1: malformed items, two different rows of one identity, and nonsense are errors that show no key."""
    with pytest.raises(ProtocolError) as caught:
        _listed(document)

    assert found([ITEM["encryption_key"]], told_by(caught.value)) == []


def test_rows_that_nobody_asked_about_may_be_odd() -> None:
    """One bad old row of another artifact stops nobody."""
    assert isinstance(_listed([ITEM, {**OTHER, "sha256": "", "size_bytes": None}]), Row)


def test_an_update_shows_the_newest_version_only() -> None:
    """Ours is shown: a row. Another version is shown: ours may be older and unseen. Nothing is shown: absent."""
    shown = {name: value for name, value in ITEM.items() if name not in ("dev_stage", "architecture")}
    older = FleetIdentity(ROW.identity.resource_name, "dev", "arm64", "2025-01-01")
    new = FleetIdentity("new", "dev", "arm64", "2026-04-15")

    answers = rows_in_update([_plain(shown)], [ROW.identity, older, new], dev_stage="dev", architecture="arm64")

    assert plain(answers[ROW.identity]) == plain(ROW)
    assert answers[older] is NoRow.UNSEEN
    assert answers[new] is NoRow.ABSENT


@pytest.mark.parametrize("change", [{"dev_stage": "main"}, {"architecture": "x86-64"}, {"version": None}])
def test_an_update_about_something_else_is_an_error(change: dict[str, Any]) -> None:
    """A server that answers another question proves nothing about ours."""
    with pytest.raises(ProtocolError):
        rows_in_update([_plain({**ITEM, **change})], [ROW.identity], dev_stage="dev", architecture="arm64")


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return dict(items_of(_answer([item]))[0])
