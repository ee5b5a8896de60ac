"""Sources to publish: the same bytes on every machine for weights, what is installed here for a tar.

Larger files repeat a smaller piece; deflate looks back 32 KiB only, so that repeating changes nothing for it.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20

_WEIGHTS = 2 << 20
_TAR_BYTES = 192 * MIB
_LARGEST_MEMBER = 48 * MIB


def fp16(size: int) -> bytes:
    """Return up to 4 MiB of half-precision weights, normally distributed: deflate makes 92 % of them."""
    draw = random.Random(20_260_415)
    count = min(_WEIGHTS, size // 2 + 1)
    return struct.pack(f"<{count}e", *(draw.gauss(0, 0.02) for _ in range(count)))[:size]


def tar(size: int) -> bytes:
    """Return up to 192 MiB of a tar of this Python with its libraries and packages, much like an image's layers."""
    wanted, out = min(size, _TAR_BYTES), io.BytesIO()
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platlib")} | {Path(sys.base_prefix) / "lib"}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted(folders):
            for path in sorted(folder.rglob("*")):
                if out.tell() >= wanted:
                    break
                if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_MEMBER:
                    archive.add(path, recursive=False)
    return out.getvalue()[:wanted]


def noise(size: int) -> bytes:
    """Return up to 4 MiB that nothing shrinks."""
    return random.Random(7).randbytes(min(size, 4 * MIB))


KINDS: dict[str, Callable[[int], bytes]] = {"fp16": fp16, "tar": tar, "noise": noise}


def write_sample(path: Path, kind: str, size: int) -> Path:
    """Write a file of `size` bytes of one kind."""
    piece = memoryview(KINDS[kind](size))
    with path.open("wb") as file:
        left = size
        while left:
            left -= file.write(piece[:left])
    return path


def write_sparse(path: Path, size: int) -> Path:
    """Write a file that is one hole: it has a size and takes no space."""
    with path.open("wb") as file:
        file.truncate(size)
    return path
