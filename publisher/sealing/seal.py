"""Seal a source: compress, encrypt and hash it in one pass, with flat memory.

The story only; block compression is in `compress`, the cipher in `encrypt`, threads in `pipeline`.
It refuses to open files, to keep a key, and to turn anybody's exception into another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from publisher.model import Compression, DataKey, Digest
from publisher.sealing.compress import BLOCK_BYTES, BlockCompressor, Piece, compressor_for, deflate_pieces
from publisher.sealing.encrypt import Encryption
from publisher.sealing.format import DEFLATE_END, GZIP_HEADER, derive_iv, gzip_trailer
from publisher.sealing.pipeline import Pipeline, Slot

ReadInto = Callable[[memoryview], int]
"""Fills the start of a buffer and returns how many bytes it put there; 0 means the end. May return less than fits."""

Write = Callable[[memoryview], object]
"""Takes the next bytes of the object, all of them. The view is valid during the call only."""


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
    workers: int = 2,
    content_md5: bool = True,
    compressor: BlockCompressor | None = None,
) -> Sealed:
    """Read a source to its end, hand its sealed object to `write` and return sizes and digests of both.

    `read_into`, `check` and `progress` are called in the caller's thread, `write` in order but in another thread as
    soon as the source is a block (1 MiB) or longer; a smaller source needs no thread. `check` is asked before every
    read and raises to cancel; `progress` gets the number of source bytes read since its last call.
    `workers` is the number of compressing threads. `content_md5=False` saves a fifth of the CPU time where no store
    needs the MD5. `compressor` replaces the one chosen for `fast` or `best`.

    The same source, key, compression and compressor give the same bytes. An exception of any of the callables leaves
    as itself, after all threads have ended; what was written until then is worthless.
    """
    chosen = None if compression is Compression.NONE else compressor or compressor_for(compression)
    md5 = hashlib.md5(usedforsecurity=False) if content_md5 else None
    work = _Sealing(read_into, write, encryption=Encryption(key, derive_iv(key)), compressor=chosen, md5=md5)
    slot = Slot()
    work.fill(slot, check, progress)
    if slot.size < BLOCK_BYTES:
        work.deliver(work.encrypt(work.compress(slot), slot))
    else:
        with Pipeline(compress=work.compress, encrypt=work.encrypt, deliver=work.deliver, workers=workers) as pipeline:
            pipeline.submit(slot)
            while slot.size == BLOCK_BYTES:
                previous, slot = slot, pipeline.free_slot()
                slot.follow(previous)
                work.fill(slot, check, progress)
                pipeline.submit(slot)
            pipeline.drain()
    return work.finish(slot)


class _Sealing:
    """The state of one sealing: each method belongs to one stage and touches only its own fields."""

    def __init__(
        self,
        read_into: ReadInto,
        write: Write,
        *,
        encryption: Encryption,
        compressor: BlockCompressor | None,
        md5: hashlib._Hash | None,
    ) -> None:
        self._read_into = read_into
        self._write = write
        self._encryption = encryption
        self._compressor = compressor
        self._lead: tuple[Piece, ...] = (GZIP_HEADER,) if compressor else ()
        self._source_sha256 = hashlib.sha256()
        self._source_size = 0
        self._crc32 = 0
        self._object_md5 = md5

    def fill(self, slot: Slot, check: Callable[[], None], progress: Callable[[int], None] | None) -> None:
        """Read one block, or what is left of the source."""
        room, slot.size = slot.room, 0
        while slot.size < BLOCK_BYTES:
            check()
            rest = room[slot.size :]
            count = self._read_into(rest)
            if count == 0:
                break
            if not 0 < count <= len(rest):
                raise ValueError("read_into returned a count that cannot be")
            slot.size += count
            if progress:
                progress(count)
        self._source_size += slot.size
        self._source_sha256.update(slot.block)
        if self._compressor:
            self._crc32 = self._compressor.crc32(slot.block, self._crc32)

    def compress(self, slot: Slot) -> list[Piece]:
        if self._compressor is None:
            return [slot.block]
        return deflate_pieces(slot.block, slot.dictionary, self._compressor)

    def encrypt(self, pieces: list[Piece], slot: Slot) -> memoryview:
        lead, self._lead = self._lead, ()
        return self._encryption.update([*lead, *pieces], slot.space)

    def deliver(self, sealed: memoryview) -> None:
        if not sealed:
            return
        if self._object_md5:
            self._object_md5.update(sealed)
        self._write(sealed)

    def finish(self, slot: Slot) -> Sealed:
        """Close the gzip member and the last cipher block, once every block was delivered."""
        tail = (DEFLATE_END, gzip_trailer(self._crc32, self._source_size)) if self._compressor else ()
        self.deliver(self._encryption.finish(tail, slot.space))
        return Sealed(
            source_size=self._source_size,
            source_sha256=Digest(self._source_sha256.hexdigest()),
            object_size=self._encryption.object_size,
            object_sha256=Digest(self._encryption.object_sha256()),
            object_md5=self._object_md5.digest() if self._object_md5 else b"",
        )
