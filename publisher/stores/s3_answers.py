"""What an S3 answer says, read from its XML and headers. Pure; bounded by whoever read it; refuses document types.

Names of elements are compared without their namespace: stores disagree about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote
from xml.etree import ElementTree

MAX_ANSWER_BYTES = 8 << 20
"""More than any answer: a page of a list has 1000 entries, each with a key of at most 1024 bytes."""


class NotS3Error(Exception):
    """A body that no S3 store sends: a web page, something cut, or more than anybody asked for."""


@dataclass(frozen=True, slots=True)
class S3Answer:
    """A whole answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class RefusedError(Exception):
    """The store answered, and not with success. `details` is what its error says of itself, unchecked."""

    def __init__(self, status: int, headers: Mapping[str, str], details: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.details = details


@dataclass(frozen=True, slots=True)
class Element:
    """An element with its texts and lists, by name."""

    name: str
    texts: Mapping[str, str]
    lists: Mapping[str, list[Element]] = field(default_factory=dict)

    def each(self, name: str) -> list[Element]:
        return self.lists.get(name, [])


def refusal_of(answer: S3Answer) -> RefusedError:
    """Return the error that an answer without success stands for; what its body says counts if it can be read."""
    try:
        root = parse(answer.body)
        details = root.texts if root.name == "Error" else {}
    except NotS3Error:
        details = {}
    return RefusedError(answer.status, answer.headers, details)


def document_of(answer: S3Answer, name: str) -> Element:
    """Return the root of a successful answer. `RefusedError` (500) for an error sent with 200, `NotS3Error` for others.

    Some operations answer 200 before they have done anything, and say only in the body that they failed.
    """
    root = parse(answer.body)
    if root.name == "Error":
        raise RefusedError(500, answer.headers, root.texts)
    if root.name != name:
        raise NotS3Error
    return root


def parse(data: bytes) -> Element:
    """Read XML in UTF-8, whatever it says of its encoding. Raises `NotS3Error`."""
    if len(data) > MAX_ANSWER_BYTES:
        raise NotS3Error
    try:
        text = data.decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise NotS3Error
        return _element(ElementTree.fromstring(text))  # noqa: S314  # without a document type there are no entities
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise NotS3Error from None


def listed_key(entry: Element, page: Element) -> str:
    """Return the key of a list's entry."""
    return decoded(entry.texts.get("Key", ""), page)


def decoded(key: str, page: Element) -> str:
    """Return a key of a list as it is: percent-encoded if the page says so, since XML cannot hold every character."""
    return unquote(key) if page.texts.get("EncodingType") == "url" else key


def moment(text: str) -> datetime | None:
    """Read a time of a list (ISO 8601); None if it is none."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def http_date(value: str) -> datetime | None:
    """Read a `Date` or `Last-Modified` header; None if there is none or it is nonsense."""
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _element(node: ElementTree.Element) -> Element:
    texts: dict[str, str] = {}
    lists: dict[str, list[Element]] = {}
    for child in node:
        name = child.tag.rpartition("}")[2]
        if len(child):
            lists.setdefault(name, []).append(_element(child))
        else:
            texts[name] = child.text or ""
    return Element(node.tag.rpartition("}")[2], texts, lists)
