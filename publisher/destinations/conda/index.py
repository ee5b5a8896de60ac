"""A channel's index, `repodata.json`, read as a stream: an index of any size, little memory. The only home of `ijson`.

It refuses what is not an index of the subdir that was asked for: a page, another document, a file listed twice.
Source: CEP 36 (repodata), and contracts: old indexers leave out `sha256`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from publisher.destinations.conda.ports import Entry, Listing
from publisher.errors import ProtocolError

PIECE_BYTES = 128 * 1024
MAX_TEXT_BYTES = 4 << 20
"""One text of an index is short; what goes on for longer is not one, and would fill the memory."""

_HEX = {"sha256": re.compile(r"[0-9a-fA-F]{64}"), "md5": re.compile(r"[0-9a-fA-F]{32}")}
_SECTIONS = ("packages", "packages.conda")


def read_index(pieces: Iterable[bytes], subdir: str, filenames: Collection[str]) -> Listing:
    """Return what an index says of these files. Raises `ProtocolError`, and what `pieces` raises."""
    import ijson  # type: ignore[import-untyped]  # ships no types

    reading = _Reading(subdir, frozenset(filenames))
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    silent_bytes = 0
    try:
        for piece in pieces:
            for start in range(0, len(piece), PIECE_BYTES):
                part = piece[start : start + PIECE_BYTES]
                parser.send(part)
                silent_bytes = 0 if events else silent_bytes + len(part)
                if silent_bytes > MAX_TEXT_BYTES:
                    raise _not_an_index(subdir)
                reading.take(events)
                del events[:]
        parser.close()
        reading.take(events)
    except (ijson.JSONError, ValueError):
        pass
    else:
        return reading.listing()
    raise _not_an_index(subdir)


def _not_an_index(subdir: str) -> ProtocolError:
    return ProtocolError(
        f"{subdir}/repodata.json is not the index of a channel",
        hint="is CONDA_CHANNEL_URL the address from which conda reads the channel?",
    )


class _Reading:
    """Follows the events of a parser: `depth` maps and lists are open, `keys` lead to where it is."""

    def __init__(self, subdir: str, wanted: frozenset[str]) -> None:
        self._subdir = subdir
        self._wanted = wanted
        self._depth = 0
        self._section = ""
        self._file = ""
        self._field = ""
        self._has_packages = False
        self._own_subdir: object = None
        self._found: dict[str, dict[str, object]] = {}
        self._removed: set[str] = set()

    def take(self, events: Iterable[tuple[str, object]]) -> None:
        """Take the next events. Raises `ProtocolError` where the document has another shape than an index."""
        for event, value in events:
            depth = self._depth
            if event == "map_key":
                self._enter(str(value))
            elif event in ("start_map", "start_array"):
                self._depth += 1
                self._open(event)
            elif event in ("end_map", "end_array"):
                self._depth -= 1
            elif depth == 3 and self._section in _SECTIONS:
                if self._file in self._wanted:
                    self._found[self._file][self._field] = value
            elif depth < 3:
                self._scalar(value)

    def listing(self) -> Listing:
        """Return what was found, after the last event."""
        if not self._has_packages or self._own_subdir not in (None, self._subdir):
            raise _not_an_index(self._subdir)
        return Listing({name: _entry(fields) for name, fields in self._found.items()}, frozenset(self._removed))

    def _enter(self, key: str) -> None:
        if self._depth == 1:
            self._section = key
        elif self._depth == 2:
            self._file = key
        elif self._depth == 3:
            self._field = key

    def _open(self, event: str) -> None:
        if self._depth == 1 and event != "start_map":
            raise _not_an_index(self._subdir)
        if self._section not in _SECTIONS:
            return
        if self._depth in (2, 3) and event != "start_map":
            raise _not_an_index(self._subdir)
        if self._depth == 2:
            self._has_packages = True
        elif self._depth == 3 and self._file in self._wanted:
            if self._file in self._found:
                raise ProtocolError(
                    f"{self._subdir}/repodata.json lists {self._file} twice", hint="index the channel again"
                )
            self._found[self._file] = {}

    def _scalar(self, value: object) -> None:
        if self._depth == 0 or self._section in _SECTIONS:
            raise _not_an_index(self._subdir)
        if self._depth == 2 and self._section == "info" and self._file == "subdir":
            self._own_subdir = value
        elif self._depth == 2 and self._section == "removed" and value in self._wanted:
            self._removed.add(str(value))


def _entry(fields: dict[str, object]) -> Entry:
    size = fields.get("size")
    return Entry(
        size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        _digest(fields, "sha256"),
        _digest(fields, "md5"),
    )


def _digest(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    return value.lower() if isinstance(value, str) and _HEX[name].fullmatch(value) else None
