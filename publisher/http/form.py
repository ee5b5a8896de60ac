"""An HTML form with one file, as a body that is made while it is sent (RFC 7578): text fields first, then the file.

It refuses names that would need escaping, which every server does in its own way.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from publisher.http.body import StreamedBody
from publisher.secrecy import Masked

_PLAIN = re.compile(r"[A-Za-z0-9._+!-]+")


@dataclass(frozen=True, slots=True)
class FormFile:
    """The file of a form: the field's name, the file's name, and exactly `size_bytes` bytes in `pieces`."""

    name: str
    filename: str
    size_bytes: int
    pieces: Iterable[bytes] = field(repr=False)


def form_body(fields: Sequence[tuple[str, str | Masked]], file: FormFile) -> StreamedBody:
    """Return the body of a form and its Content-Type. Nothing of the file is held.

    ValueError for a name with other characters than letters, digits and `._+!-`.
    """
    if not all(_PLAIN.fullmatch(name) for name in (file.name, file.filename, *(name for name, _ in fields))):
        raise ValueError("a name in a form has characters that would need escaping")
    boundary = secrets.token_hex(24)
    start = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{value.reveal() if isinstance(value, Masked) else value}\r\n"
        for name, value in fields
    )
    start += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file.name}"; filename="{file.filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    before, after = start.encode(), f"\r\n--{boundary}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield before
        yield from file.pieces
        yield after

    size_bytes = len(before) + file.size_bytes + len(after)
    return StreamedBody(size_bytes, pieces(), f"multipart/form-data; boundary={boundary}")
