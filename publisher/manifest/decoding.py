"""From the bytes of a manifest to its text: size, encoding and characters are checked before any YAML is read.

It refuses other encodings than UTF-8, a byte order mark, tabs, control characters and Unicode line separators, so that
a line number means the same to every program and no character of the file can act on a terminal.
"""

from __future__ import annotations

import re

from publisher.manifest.dialect import MANIFEST, Dialect
from publisher.manifest.escaping import visible_character
from publisher.manifest.problems import Place, Problems

MAX_BYTES = 1024 * 1024
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# Everything but line ends and what is printable. Its complement would take 5 ms to compile, at every start.
_UNWANTED = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n|\r|\n")


def decode(text: bytes, problems: Problems, dialect: Dialect = MANIFEST) -> str | None:
    """Return the text, or None after adding the problem. The bytes themselves are never quoted."""
    if len(text) > MAX_BYTES:
        problems.error(
            Place(1, 1, ""),
            f"{dialect.the} has more than {MAX_BYTES:,} bytes",
            hint="split it",
        )
        return None
    if text.startswith(_BYTE_ORDER_MARKS):
        problems.error(Place(1, 1, ""), "the file starts with a byte order mark", hint="save it as UTF-8 without BOM")
        return None
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.error(
            _place(text[: error.start].decode("utf-8")), "the file is not UTF-8 here", hint="save it as UTF-8"
        )
        return None
    # A tab as indentation is refused by YAML itself.
    unwanted = _UNWANTED.search(decoded.replace("\t", " ") if dialect.is_prose else decoded)
    if unwanted is None:
        return decoded
    where = _place(decoded[: unwanted.start()])
    if unwanted.group() == "\t":
        problems.error(where, "a tab stands here", hint=f"use spaces: tabs are not allowed anywhere in {dialect.a}")
    elif unwanted.group() == "\0":
        problems.error(where, "a NUL character stands here", hint="save the file as UTF-8: this looks like UTF-16")
    else:
        problems.error(where, f"the character {visible_character(unwanted.group())} is not allowed in {dialect.a}")
    return None


def lines_of(text: str) -> list[str]:
    """Return the lines without their ends, as YAML counts them."""
    return _LINE_END.split(text)


def _place(before: str) -> Place:
    lines = lines_of(before)
    return Place(len(lines), len(lines[-1]) + 1, "")
