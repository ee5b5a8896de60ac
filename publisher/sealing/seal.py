"""Seal a source: compress, encrypt and hash it in one pass, with flat memory.

The story only; block compression is in `compress`, cipher and digests in `encrypt`, threads in `pipeline`.
It refuses to open files, to keep a key, and to turn anybody's exception into another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from publisher.model import Compression, DataKey, Digest
from publisher.sealing.checksums import crc32_function
from publisher.sealing.compress import BLOCK_BYTES, BlockCompressor, Piece, compressor_for, deflate_pieces
from publisher.sealing.encrypt import Encryption, ObjectDigests
from publisher.sealing.format import DEFLATE_END, GZIP_HEADER, derive_iv, gzip_trailer
from publisher.sealing.pipeline import Pipeline, Slot, Stage

ReadInto = Callable[[memoryview], int]
"""Fills the start of a buffer and returns how many bytes it put there; 0 means the end. May return less than fits."""

Write = Callable[[memoryview], object]
"""Takes the next bytes of the object, all of them. The view is valid during the call only."""

_USEFUL_WORKERS: Final = {Compression.NONE: 3, Compression.FAST: 5, Compression.BEST: 16}
"""Encryption cannot be split, and with more threads waits for nothing else; `best` compresses far slower than that."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one pass learned. Sizes in bytes; `object_md5` is 16 raw bytes for Content-MD5, empty if not asked for."""

    source_size: int
    source_sha256: Digest
    object_size: int
    object_sha256: Digest
    object_md5: bytes


def _go_on() -> None:
    return None


def seal(
    read_into: ReadInto,
    write: Write,
    *,
    key: DataKey,
    compression: Compression,
    check: Callable[[], None] = _go_on,
    progress: Callable[[int], None] | None = None,
    expected_bytes: int | None = None,
    workers: int | None = None,
    content_md5: bool = True,
    compressor: BlockCompressor | None = None,
) -> Sealed:
    """Read a source to its end, hand its sealed object to `write` and return sizes and digests of both.

    `read_into`, `check` and `progress` are called in the caller's thread. `write` is called in order, and in another
    thread if the source is a block (1 MiB) or longer and there are several workers. `check` is asked before every read,
    and now and then while there is nothing to do; it raises to cancel. `progress` gets the number of source bytes read
    since its last call.
    `expected_bytes` is how long the source will probably be: a small one then takes small buffers. It changes no byte.
    `workers` is the number of threads, the caller's included; the default is as many as there are cores and use for
    them. `content_md5=False` saves a quarter of the CPU time where no store needs the MD5. `compressor` replaces the
    one chosen for `fast` or `best`.

    The same source, key, compression and compressor give the same bytes. An exception of any of the callables leaves
    as itself, after all threads have ended; what was written until then is worthless.
    """
    chosen = None if compression is Compression.NONE else compressor or compressor_for(compression)
    work = _Sealing(
        read_into,
        write,
        check=check,
        progress=progress,
        encryption=Encryption(key, derive_iv(key)),
        digests=ObjectDigests(md5=content_md5),
        compressor=chosen,
    )
    stages = [Stage(work.compress, in_order=False), Stage(work.encrypt), Stage(work.deliver)]
    # One byte more, so that the end is seen without growing.
    slot = Slot(BLOCK_BYTES if expected_bytes is None else min(expected_bytes + 1, BLOCK_BYTES))
    if work.fill(slot):
        pipeline = Pipeline(stages, threads=workers or min(_USEFUL_WORKERS[compression], _cores()))
        slot = pipeline.run(slot, work.fill, check)
    else:
        for stage in stages:
            stage.run(slot)
    return work.finish(slot)


class _Sealing:
    """The state of one sealing: each method belongs to one stage and touches only its own fields."""

    def __init__(
        self,
        read_into: ReadInto,
        write: Write,
        *,
        check: Callable[[], None],
        progress: Callable[[int], None] | None,
        encryption: Encryption,
        digests: ObjectDigests,
        compressor: BlockCompressor | None,
    ) -> None:
        self._read_into = read_into
        self._write = write
        self._check = check
        self._progress = progress
        self._encryption = encryption
        self._digests = digests
        self._compressor = compressor
        self._lead: tuple[Piece, ...] = (GZIP_HEADER,) if compressor else ()
        self._source_sha256 = hashlib.sha256()
        self._source_size = 0
        self._crc32 = 0
        self._update_crc32 = crc32_function()

    def fill(self, slot: Slot) -> bool:
        """Read one block, or what is left of the source; return whether there may be more."""
        slot.size = 0
        while slot.size < BLOCK_BYTES:
            self._check()
            if slot.size == len(slot.room):
                slot.grow()
            rest = slot.room[slot.size :]
            count = self._read_into(rest)
            if count == 0:
                break
            if not 0 < count <= len(rest):
                raise ValueError("read_into returned a count that cannot be")
            slot.size += count
            if self._progress:
                self._progress(count)
        self._source_size += slot.size
        self._source_sha256.update(slot.block)
        if self._compressor:
            self._crc32 = self._update_crc32(slot.block, self._crc32)
        return slot.size == BLOCK_BYTES

    def compress(self, slot: Slot) -> None:
        if self._compressor is None:
            slot.pieces = [slot.block]
        else:
            slot.pieces = deflate_pieces(slot.block, slot.dictionary, self._compressor)

    def encrypt(self, slot: Slot) -> None:
        lead, self._lead = self._lead, ()
        slot.sealed = self._encryption.update([*lead, *slot.pieces], slot.space)
        slot.pieces = ()

    def deliver(self, slot: Slot) -> None:
        if slot.sealed:
            self._digests.update(slot.sealed)
            self._write(slot.sealed)

    def finish(self, slot: Slot) -> Sealed:
        """Close the gzip member and the last cipher block, once every block was delivered."""
        tail = (DEFLATE_END, gzip_trailer(self._crc32, self._source_size)) if self._compressor else ()
        slot.sealed = self._encryption.finish(tail, slot.space)
        self.deliver(slot)
        return Sealed(
            source_size=self._source_size,
            source_sha256=Digest(self._source_sha256.hexdigest()),
            object_size=self._digests.size,
            object_sha256=self._digests.sha256(),
            object_md5=self._digests.md5(),
        )


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
