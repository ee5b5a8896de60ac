"""What was read of files that have not changed since: their fingerprints, in one file of the user's state folder.

A file is the same as long as its path, size, times of change (mtime and ctime), inode and device are. Only what was
read well after the file's last change is remembered: a change in the same tick of the file system's clock would leave
no trace ("racy git"). What is remembered decides what a plan shows; whatever is published is read and compared again.

Refuses to believe a file that is damaged, of another version, or not the user's own; then everything is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Protocol

from publisher.atomic_file import write_atomically
from publisher.errors import LocalResourceError
from publisher.model import Digest, FileSource, SourceFacts
from publisher.regular_file import read_own
from publisher.sources.files import open_file

VERSION = 1
SETTLED_S = 2.0
"""How old the last change has to be when reading begins. Two seconds is the coarsest clock of a file system (FAT)."""

MAX_ENTRIES = 50_000
MAX_BYTES = 32 << 20

Read = Callable[[], SourceFacts]


class Memory(Protocol):
    """Remembers what was read of files."""

    def recall(self, file: FileSource, what: str, read: Read) -> SourceFacts:
        """Return what `read` returned before, or call it. `what` says what is read of the file, with all parameters.

        Facts without a fingerprint are not remembered. Raises like `open_file`, and what `read` raises.
        """

    def keep(self) -> None:
        """Write down what is new. A place that cannot be written to is no error."""


class Forgetful:
    """Remembers nothing: reads every time."""

    def recall(self, _file: FileSource, _what: str, read: Read) -> SourceFacts:
        return read()

    def keep(self) -> None:
        pass


FORGETFUL = Forgetful()


class FileMemory:
    """Remembers in `path`. `now` gives seconds since the epoch. Safe to share between threads.

    Without `writes` it only recalls: a command that writes nothing anywhere does not write here either.
    """

    def __init__(self, path: Path, *, now: Callable[[], float], writes: bool = True) -> None:
        self._path = path
        self._now = now
        self._writes = writes
        self._new: dict[str, list[int | str]] = {}

    @cached_property
    def _known(self) -> Mapping[str, object]:
        return _load(self._path)

    def recall(self, file: FileSource, what: str, read: Read) -> SourceFacts:
        key = f"{what}\n{os.path.abspath(file.path)}"  # noqa: PTH100  # resolves no links, like the key itself
        entry = self._known.get(key)
        if entry is None and not self._writes:
            return read()
        before = _stamp(file)
        known = _facts(entry, before)
        if known is not None:
            return known
        began = self._now()
        facts = read()
        _, mtime_ns, ctime_ns, *_ = before
        if facts.fingerprint is None:
            return facts
        if max(mtime_ns, ctime_ns) / 1e9 + SETTLED_S < began and _stamp(file) == before:
            self._new[key] = [*before, facts.size_bytes, facts.sha256.hex]
        return facts

    def keep(self) -> None:
        if not self._new or not self._writes:
            return
        # Another process may have written meanwhile; what was seen last counts, and comes last.
        entries = {key: entry for key, entry in _load(self._path).items() if key not in self._new} | self._new
        kept = dict(list(entries.items())[-MAX_ENTRIES:])
        with suppress(LocalResourceError, OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps({"version": VERSION, "files": kept}), mode=0o600)
        self._new = {}


def _stamp(file: FileSource) -> tuple[int, ...]:
    with open_file(file) as opened:
        facts = opened.facts
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev


def _facts(entry: object, stamp: tuple[int, ...]) -> SourceFacts | None:
    """Return what an entry says, if it is of the same file and in order."""
    if not isinstance(entry, list) or len(entry) != len(stamp) + 2 or tuple(entry[: len(stamp)]) != stamp:
        return None
    size_bytes, digest = entry[len(stamp) :]
    try:
        return SourceFacts(size_bytes, Digest(digest)) if type(size_bytes) is int and size_bytes >= 0 else None
    except (ValueError, TypeError):
        return None


def _load(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(read_own(path, MAX_BYTES))
        files = document["files"] if document["version"] == VERSION else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return files if isinstance(files, dict) else {}
