"""What a conda package says of itself: name, version, build and subdir, from its `info/index.json`.

Reads `.tar.bz2` (a compressed tar) and `.conda` (a zip of two zstandard-compressed tars), and nothing but the little
that comes before `info/index.json`. Nothing is extracted. Whatever is read has a limit, so that neither a bomb nor a
forged length can take memory or time; what is not a package is a `SourceError` that says why.
Source: the conda package specification, and CEP 26 for the names.
"""

from __future__ import annotations

import bz2
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any, cast

from publisher.errors import SourceError
from publisher.model import CONDA_SUBDIR_PATTERN
from publisher.sources.bounded import ForwardReader, TooMuchError

EXTENSIONS = (".conda", ".tar.bz2")

MAX_UNPACKED_BYTES = 2 << 30
"""How much of a package is unpacked to find `info/index.json`. Builders write it first; old ones may not."""
MAX_INDEX_BYTES = 1 << 20
MAX_ZIP_ENTRIES = 64

_INDEX = "info/index.json"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]*")
_INFO_PART = re.compile(r"info-([A-Za-z0-9._+!-]{1,211})\.tar\.zst")
_SUBDIR = re.compile(CONDA_SUBDIR_PATTERN)

Check = Callable[[], None]
"""Raises to cancel; asked often while reading."""


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """A package's own names. `subdir` is None for old packages that do not say it.

    `index` is all of its `info/index.json`, from which a channel's index is made.
    """

    name: str
    version: str
    build: str
    subdir: str | None
    index: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stem(self) -> str:
        """The file name that belongs to these names, without its extension."""
        return f"{self.name}-{self.version}-{self.build}"


class _NotOneError(Exception):
    """Why a file is no conda package; never leaves this module."""


def extension_of(filename: str) -> str | None:
    """Return the extension that makes a file name one of a conda package, or None."""
    return next((extension for extension in EXTENSIONS if filename.endswith(extension)), None)


def read_package(
    file: IO[bytes], filename: str, shown: str, check: Check, *, limit_bytes: int = MAX_UNPACKED_BYTES
) -> PackageFacts:
    """Return what a package says of itself. `file` can be sought in and is left open; `shown` is for messages.

    At most `limit_bytes` are unpacked.

    Raises `SourceError` for what is no conda package, and whatever `check` raises.
    """
    try:
        return _facts(_index_of(file, filename, check, limit_bytes))
    except _NotOneError as error:
        reason = str(error)
    except TooMuchError:
        reason = "too much has to be unpacked to read its info/index.json"
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        # The texts of these say little, and may quote what is in the file.
        reason = f"it cannot be unpacked as {extension_of(filename) or 'one'}"
    except _zstd().ZstdError:
        reason = "its zstandard data is damaged"
    raise SourceError(f"{shown} is not a conda package: {reason}", hint="build it again, or correct the path")


def _index_of(file: IO[bytes], filename: str, check: Check, limit_bytes: int) -> bytes:
    match extension_of(filename):
        case ".tar.bz2":
            with bz2.open(file) as plain:
                return _find_index(cast("IO[bytes]", plain), check, limit_bytes)
        case ".conda":
            with (
                zipfile.ZipFile(file) as outer,
                outer.open(_info_part(outer, filename)) as packed,
                _zstd().open(packed) as plain,
            ):
                return _find_index(plain, check, limit_bytes)
    raise _NotOneError(f"its name ends with neither {' nor '.join(EXTENSIONS)}")


def _info_part(outer: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    entries = outer.infolist()
    if len(entries) > MAX_ZIP_ENTRIES:
        raise _NotOneError("its zip has too many entries")
    wanted = f"info-{filename.removesuffix('.conda')}.tar.zst"
    found = [entry for entry in entries if entry.filename == wanted]
    renamed = [match[1] for entry in entries if (match := _INFO_PART.fullmatch(entry.filename))]
    if not found and len(renamed) == 1:
        raise _NotOneError(f"it is {renamed[0]}.conda, renamed, which the format does not allow")
    if len(found) != 1:
        raise _NotOneError(f"there is not exactly one {wanted} in it")
    if found[0].compress_type != zipfile.ZIP_STORED:
        raise _NotOneError("its zip is compressed, which the format does not allow")
    return found[0]


def _find_index(plain: IO[bytes], check: Check, limit_bytes: int) -> bytes:
    reader = ForwardReader(plain, limit_bytes=limit_bytes, check=check)
    # `r:` reads through our reader's own limits; `r|` would gather a header of any announced length first.
    with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r:", encoding="utf-8") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # it would keep every member of a package of any size
            if member.name == _INDEX:
                return _content(tar, member)
            if _is_unsafe(member.name):
                raise _NotOneError("a file in it leads out of the package")
    raise _NotOneError("there is no info/index.json in it")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.size > MAX_INDEX_BYTES:
        raise _NotOneError("its info/index.json is no regular file of a sane size")
    content = tar.extractfile(member)
    if content is None:
        raise _NotOneError("its info/index.json cannot be read")
    return content.read(MAX_INDEX_BYTES + 1)


def _is_unsafe(name: str) -> bool:
    return name.startswith("/") or ".." in PurePosixPath(name).parts


def _facts(content: bytes) -> PackageFacts:
    try:
        index = json.loads(content)
    except (ValueError, RecursionError):
        index = None
    if not isinstance(index, dict):
        raise _NotOneError("its info/index.json is not a JSON object")
    subdir = index.get("subdir")
    if subdir is not None and (not isinstance(subdir, str) or not _SUBDIR.fullmatch(subdir)):
        raise _NotOneError("its subdir is not a platform's name")
    return PackageFacts(_part(index, "name"), _part(index, "version"), _part(index, "build"), subdir, index)


def _part(index: dict[str, Any], field: str) -> str:
    value = index.get(field)
    if not isinstance(value, str) or len(value) > 128 or not _PART.fullmatch(value):
        raise _NotOneError(f"its {field} is missing, or cannot stand in a file name")
    return value


def _zstd() -> Any:
    """Return the module of the standard library, or the same one for older versions of Python."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
