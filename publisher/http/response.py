"""The answer to one request, read from its connection: status and headers here, the body by the standard library.

Strict where the library is lenient: a header block that is cut, or that holds a line which is no header, is no answer.
The library's own parser is made for mail: it ends the block at such a line and drops what comes after it (a lookup
would show an object without its metadata), and it takes a third of what a small request costs.
Knows nothing of requests, or of when to give up: every wait is as long as `next_s` says.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

CONTINUE_S: Final = 1.0
"""How long a server may take to ask for the body before it gets it unasked (RFC 9110 section 10.1.1)."""

_MAX_LINE_BYTES: Final = 65536
_MAX_LINES: Final = 100
"""Both as the standard library has them."""

_STATUS: Final = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?![^ \r\n])([^\r\n\0]*)\r?\n")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*\r?\n")
"""Source: RFC 9112 section 5: no space before the colon, and no CR or NUL in a value."""
_FOLDED: Final = re.compile(rb"[ \t]+([^\r\n\0]*?)[ \t]*\r?\n")
_END: Final = (b"\r\n", b"\n")


def limit_waits(connected: socket.socket, limit_s: float) -> None:
    """Limit each wait for a socket. Mostly the limit is the one before, and setting it is a system call."""
    if connected.gettimeout() != limit_s:
        connected.settimeout(limit_s)


def read_fields(readline: Callable[[int], bytes]) -> dict[str, str]:
    """Read a header block to its end: names in lower case, values of a repeated one joined by a comma.

    Source: RFC 9110 section 5.3, RFC 9112 section 5. Raises `HTTPException` for what is none, a cut one included.
    """
    fields: dict[str, str] = {}
    name = ""
    for _ in range(_MAX_LINES):
        line = readline(_MAX_LINE_BYTES + 1)
        if line in _END:
            return fields
        if field := _FIELD.fullmatch(line):
            name, value = field[1].decode("ascii").lower(), field[2].decode("iso-8859-1")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        elif name and (folded := _FOLDED.fullmatch(line)):
            fields[name] = f"{fields[name]} {folded[1].decode('iso-8859-1')}"
        else:
            raise http.client.HTTPException("a line of the header block is no header")
    raise http.client.HTTPException("the header block is too long")


class Receiver(io.RawIOBase):
    """The receiving half of a socket, which waits at each reading for as long as `next_s` says."""

    def __init__(self, connected: socket.socket, next_s: Callable[[], float]) -> None:
        self._socket = connected
        self._next_s = next_s
        self.limit_s: float | None = None
        """Replaces what `next_s` says."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        limit_waits(self._socket, self._next_s() if self.limit_s is None else self.limit_s)
        return self._socket.recv_into(buffer)


class Reader(io.BufferedReader):
    """What came of an answer so far, and what still comes."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self.receiver = receiver

    def makefile(self, _mode: str) -> Reader:
        """Be the socket that the library wants, for which only this is asked."""
        return self


class Response(http.client.HTTPResponse):
    """The library's answer, with headers read by `read_fields`. Can be asked for the interim answers before it, too."""

    def __init__(self, reader: Reader, method: str) -> None:
        super().__init__(reader, method=method)  # type: ignore[arg-type]  # wants of a socket no more than makefile
        self._reader = reader
        self._method_sent = method
        self._seen: _Status | None = None
        self.fields: dict[str, str] = {}

    def is_body_wanted(self) -> bool:
        """Wait for a moment whether the server asks for the body, or answers without it."""
        while True:
            self._reader.receiver.limit_s = CONTINUE_S
            try:
                seen = _read_status(self._reader.readline)
            except TimeoutError:
                return True
            finally:
                self._reader.receiver.limit_s = None
            if not seen.is_interim:
                self._seen = seen
                return False
            read_fields(self._reader.readline)
            if seen.code == http.HTTPStatus.CONTINUE:
                return True

    def begin(self) -> None:
        """Read up to the body, and find out where that ends. Source: RFC 9112 section 6.3."""
        seen = self._seen or _read_status(self._reader.readline)
        while seen.is_interim:
            read_fields(self._reader.readline)
            seen = _read_status(self._reader.readline)
        self.version, self.reason = seen.version, seen.reason
        self.code = self.status = seen.code
        self.fields = read_fields(self._reader.readline)
        self.headers = self.msg = self.fields  # type: ignore[assignment]  # of which only get is asked
        self.chunked = self.fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]  # the stub leaves it out
        self.length = None if self.chunked else _length_in(self.fields)
        if self._method_sent == "HEAD" or seen.code in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED):
            self.length = 0
        self.will_close = self.will_close or (self.length is None and not self.chunked)


@dataclass(frozen=True, slots=True)
class _Status:
    version: int
    """10 or 11, as the library counts."""
    code: int
    reason: str

    @property
    def is_interim(self) -> bool:
        return 100 <= self.code < 200


def _read_status(readline: Callable[[int], bytes]) -> _Status:
    """Read a status line. Source: RFC 9112 section 4. Raises `HTTPException` for anything else."""
    found = _STATUS.fullmatch(readline(_MAX_LINE_BYTES + 1))
    if found is None:
        raise http.client.HTTPException("the answer does not begin with a status of HTTP/1")
    return _Status(10 if found[1] == b"0" else 11, int(found[2]), found[3].decode("iso-8859-1").strip())


def _length_in(fields: Mapping[str, str]) -> int | None:
    """Return how long the body is said to be. A length that is said twice must be the same one."""
    said = {text.strip() for text in fields["content-length"].split(",")} if "content-length" in fields else set()
    if not said:
        return None
    size = said.pop()
    if said or not size.isdecimal():
        raise http.client.HTTPException("it is unclear how long the body is")
    return int(size)
