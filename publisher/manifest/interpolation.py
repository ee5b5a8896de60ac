"""`${...}` in the text of a manifest: parsed once, bound to the run's values once, rendered for every artifact.

It refuses nested and unterminated references, and it never puts a value that came from outside the manifest into a
message: each rendered text has a second form, `shown`, in which such a value stands as its reference, `${STAGE}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from publisher.manifest.escaping import visible

_REFERENCE = re.compile(r"(?:(?P<scope>[A-Za-z_]+)\.)?(?P<name>[A-Za-z_][A-Za-z0-9_-]*)")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
GIT_FACTS = ("sha", "branch", "tag")


class Scope(StrEnum):
    """Where the value of a reference is looked up."""

    ENVIRONMENT = "environment"
    MATRIX = "matrix"
    CAPTURE = "capture"
    GIT = "git"
    CI = "ci"


ROW_SCOPES = (Scope.MATRIX, Scope.CAPTURE)


class TemplateError(ValueError):
    """A text that cannot be interpolated. `offset` is the character of the text, from 0."""

    def __init__(self, message: str, *, offset: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Reference:
    """`${name}`, `${name:-default}` or `${name:?message}`; `offset` is where it starts in the text."""

    scope: Scope
    name: str
    default: str | None = None
    message: str | None = None
    offset: int = 0

    @property
    def key(self) -> str:
        """The reference as written between the braces, without default or message."""
        return self.name if self.scope is Scope.ENVIRONMENT else f"{self.scope}.{self.name}"

    @property
    def mask(self) -> str:
        return f"${{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with every value filled in, and the form of it that messages may show."""

    text: str
    shown: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """A stretch of text whose value is known; `literal` says that it came from a reference, not from the manifest."""

    text: str
    shown: str
    literal: bool


Row = Mapping[str, Rendered]
"""The values of one artifact, by `matrix.x` and `capture.x`."""


def parse_template(text: str) -> tuple[str | Reference, ...]:
    """Split a text into plain stretches and references; `$${` becomes a plain `${`.

    Raises `TemplateError` for a reference that is nested, not closed or not a name.
    """
    parts: list[str | Reference] = []
    position = 0
    while (start := text.find("${", position)) != -1:
        if start > position and text[start - 1] == "$":
            parts += [text[position : start - 1], "${"]
            position = start + 2
            continue
        end = text.find("}", start)
        nested = text.find("${", start + 2)
        if end == -1:
            raise TemplateError("`${` is not closed by `}`", offset=start, hint="write `$${` for a literal `${`")
        if nested != -1 and nested < end:
            raise TemplateError("references cannot be nested", offset=start, hint="a default is plain text")
        parts += [text[position:start], _parse_reference(text[start + 2 : end], start)]
        position = end + 1
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def escape_template(text: str) -> str:
    """Return the text that renders to this one: the inverse of interpolation for plain text."""
    return text.replace("${", "$${")


def _parse_reference(body: str, offset: int) -> Reference:
    name, colon, rest = body.partition(":")
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise TemplateError(
            f"`${{{visible(name, limit=40)}}}` does not name a variable",
            offset=offset,
            hint="a name has letters, digits and `_`; write `$${` for a literal `${`",
        )
    if colon and rest[:1] not in ("-", "?"):
        raise TemplateError(f"after `{visible(name, limit=40)}:` comes `-default` or `?message`", offset=offset)
    default = rest[1:] if rest.startswith("-") else None
    message = rest[1:] if rest.startswith("?") else None
    return Reference(_scope(match, offset), match["name"], default, message, offset)


def _scope(match: re.Match[str], offset: int) -> Scope:
    named, name = match["scope"], match["name"]
    if named is None:
        if not _ENVIRONMENT_NAME.fullmatch(name):
            raise TemplateError(f"`{visible(name, limit=40)}` is no name of a variable", offset=offset)
        return Scope.ENVIRONMENT
    if named not in (Scope.MATRIX, Scope.CAPTURE, Scope.GIT, Scope.CI):
        raise TemplateError(
            f"there are no values named `{visible(named, limit=40)}.…`",
            offset=offset,
            hint="there are `${NAME}`, `${matrix.…}`, `${capture.…}`, `${git.…}` and `${ci.…}`",
        )
    if named == Scope.GIT and name not in GIT_FACTS:
        raise TemplateError(
            f"`git.{visible(name, limit=40)}` is not known",
            offset=offset,
            hint="there are `git.sha`, `git.branch` and `git.tag`",
        )
    return Scope(named)


@dataclass(frozen=True, slots=True)
class Bound:
    """A template in which only the values of the row are open. `details` say where the others came from, in order."""

    parts: tuple[Fixed | Reference, ...]
    details: tuple[str, ...]

    def pieces(self, row: Row) -> Iterator[Fixed]:
        """Yield the stretches in order. Raises `TemplateError` where this row has no such value."""
        for part in self.parts:
            yield part if isinstance(part, Fixed) else _from_row(part, row)

    def render(self, row: Row) -> Rendered:
        """Return the whole text. Raises `TemplateError` where this row has no such value."""
        if len(self.parts) == 1 and isinstance(only := self.parts[0], Fixed):
            return Rendered(only.text, only.shown)
        pieces = list(self.pieces(row))
        return Rendered("".join([piece.text for piece in pieces]), "".join([piece.shown for piece in pieces]))


def _from_row(reference: Reference, row: Row) -> Fixed:
    value = row.get(reference.key)
    if value is not None and (value.text or (reference.default is None and reference.message is None)):
        return Fixed(value.text, value.shown, literal=True)
    if reference.default is not None:
        return Fixed(reference.default, reference.default, literal=True)
    raise missing(reference, hint="only some combinations have it: give a default with `:-`")


def missing(reference: Reference, *, hint: str | None) -> TemplateError:
    """Return the error for a reference without value; a message written by the author of the manifest is shown."""
    if reference.message:
        return TemplateError(
            f"`{reference.key}` is not set: {visible(reference.message)}", offset=reference.offset, hint=hint
        )
    return TemplateError(f"`{reference.key}` is not set", offset=reference.offset, hint=hint)
