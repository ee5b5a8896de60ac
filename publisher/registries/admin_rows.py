"""Rows out of the admin API's JSON, for both lookups. Pure and strict: what cannot be read is an error, never "absent".

The envelope is not documented: an array of items, or an object with exactly one array. Names may be snake_case or
camelCase. An answer that shows that there is more (pages, a larger count) is an error, as a part proves no absence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from operator import itemgetter

from publisher.errors import ProtocolError
from publisher.http.answer import Answer
from publisher.model import FleetIdentity
from publisher.registries.admin_answers import says_failure
from publisher.registries.port import Lookup, NoRow, Row
from publisher.registries.rows import row_of, same_row, two_rows

Item = Mapping[str, object]

_IDENTITY = ("resourcename", "devstage", "architecture", "version")
_MORE_FIELDS = {
    *("next", "nextpage", "nextlink", "nexturl", "nextcursor", "nextpagetoken", "nexttoken"),
    *("continuationtoken", "hasmore", "hasnext", "hasnextpage", "istruncated", "truncated"),
}
_COUNT_FIELDS = {"count", "total", "totalcount", "totalitems", "totalresults"}
_NEXT_LINK = re.compile(r"rel\s*=\s*\"?next\b", re.IGNORECASE)


def items_of(answer: Answer) -> list[Item]:
    """Return the items of a whole list, as they are spelled. Raises `ProtocolError`."""
    document = answer.json()
    if _NEXT_LINK.search(answer.headers.get("link", "")):
        raise _has_more()
    if isinstance(document, dict):
        if says_failure(document):
            raise ProtocolError("the lookup's answer says that it failed")
        arrays = [value for value in document.values() if isinstance(value, list)]
        if len(arrays) != 1:
            raise ProtocolError(f"the lookup's answer has {len(arrays)} lists instead of one")
        envelope = _plain(document)
        if any(envelope.get(name) not in (None, False, "", 0) for name in _MORE_FIELDS):
            raise _has_more()
        counts = [envelope.get(name) for name in _COUNT_FIELDS]
        if any(isinstance(count, int) and count > len(arrays[0]) for count in counts):
            raise _has_more()
        items = arrays[0]
    elif isinstance(document, list):
        items = document
    else:
        raise ProtocolError("the lookup's answer is neither a list nor an object")
    if not set(map(type, items)) <= {dict}:
        raise ProtocolError("the lookup's list holds something that is not an object")
    return items


def rows_in_list(items: list[Item], wanted: Collection[FleetIdentity]) -> dict[FleetIdentity, Lookup]:
    """Answer for `wanted` from the list of all rows. The values of rows that nobody asked about are not looked at."""
    # A list may hold a hundred thousand rows and be asked for often: of most of them only the names are looked at.
    asked = {(each.resource_name, each.dev_stage, each.architecture, each.version): each for each in wanted}
    found: dict[FleetIdentity, Row] = {}
    spelling: tuple[str, ...] = _IDENTITY
    names_of = _names_by(spelling)
    for item in items:
        if tuple(item) != spelling:
            spelling = tuple(item)
            names_of = _names_by(spelling)
        name, stage, architecture, version = names = names_of(item)
        if not (type(name) is type(stage) is type(architecture) is type(version) is str):
            raise _nameless()
        if not (name and stage and architecture and version):
            raise _nameless()
        if names in asked:
            _add(found, asked[names], _plain(item))
    return {identity: found.get(identity, NoRow.ABSENT) for identity in wanted}


def rows_in_update(
    items: list[Item], wanted: Collection[FleetIdentity], *, dev_stage: str, architecture: str
) -> dict[FleetIdentity, Lookup]:
    """Answer for `wanted` (of one stage and architecture) from the newest versions of all resources.

    A resource that is not shown has no row at all. One that is shown in another version may have an older row of ours,
    which this lookup cannot show: `NoRow.UNSEEN`.
    """
    found: dict[FleetIdentity, Row] = {}
    shown: set[str] = set()
    for item in map(_plain, items):
        for name, asked in (("devstage", dev_stage), ("architecture", architecture)):
            if item.get(name) not in (None, asked):
                raise ProtocolError("the lookup shows rows of a stage or architecture that it was not asked for")
        identity = FleetIdentity(_text(item, "resourcename"), dev_stage, architecture, _text(item, "version"))
        shown.add(identity.resource_name)
        if identity in wanted:
            _add(found, identity, item)
    return {
        identity: found.get(identity, NoRow.UNSEEN if identity.resource_name in shown else NoRow.ABSENT)
        for identity in wanted
    }


def _add(found: dict[FleetIdentity, Row], identity: FleetIdentity, item: Item) -> None:
    row = row_of(
        identity,
        cdn_url=item.get("cdnurl"),
        sha256=item.get("sha256"),
        size_bytes=item.get("sizebytes"),
        encryption_key=item.get("encryptionkey"),
    )
    if identity in found and not same_row(found[identity], row):
        raise two_rows(identity)
    found[identity] = row


def _plain(item: Item) -> Item:
    """Return an object with its names in one spelling: `resourcename` for resource_name and resourceName."""
    plain = {_plain_name(name): value for name, value in item.items()}
    if len(plain) != len(item):
        raise _two_spellings()
    return plain


@lru_cache(maxsize=64)
def _names_by(spelling: tuple[str, ...]) -> Callable[[Item], tuple[object, object, object, object]]:
    """Return what takes the four names from a row whose fields are spelled so."""
    spelled = {_plain_name(name): name for name in spelling}
    if len(spelled) != len(spelling):
        raise _two_spellings()
    if not spelled.keys() >= set(_IDENTITY):
        raise _nameless()
    return itemgetter(*map(spelled.__getitem__, _IDENTITY))


def _plain_name(name: str) -> str:
    return name.replace("_", "").lower()


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise _nameless()
    return value


def _nameless() -> ProtocolError:
    return ProtocolError("the lookup's list holds a row without one of its four names")


def _two_spellings() -> ProtocolError:
    return ProtocolError("the lookup's answer names a field twice, in two spellings")


def _has_more() -> ProtocolError:
    return ProtocolError(
        "the lookup shows only a part of the rows", hint="choose a lookup path that lists all rows in one answer"
    )
