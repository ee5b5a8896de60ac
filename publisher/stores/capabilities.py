"""What a probe can find out about a store, and what follows from it. Values only; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from publisher.stores.body import BodyDigest

CLOCK_WARN_S = 60.0
CLOCK_FAIL_S = 600.0


class Enforcement(StrEnum):
    """What became of a condition, from good to bad."""

    ENFORCED = "enforced"
    REFUSED = "refused"
    RACY = "racy"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class UploadCapabilities:
    """What was found out about uploads in parts.

    `replayed_complete` is what a second completion of the same upload is answered: `created`, `exists`, `gone`,
    `busy` or `ambiguous`; nothing where that was not asked.
    """

    conditional_complete: Enforcement
    checks_part_md5: bool = False
    checks_part_sha256: bool = False
    checks_part_crc32: bool = False
    keeps_upload_metadata: bool = False
    consistent_reads: bool = False
    lists_uploads: bool = False
    aborts_uploads: bool = False
    replayed_complete: str = ""
    notes: tuple[str, ...] = ()

    @property
    def part_digests(self) -> frozenset[BodyDigest]:
        """What each part has to carry so that the store refuses damaged ones: the cheapest digest it was seen to check.

        Empty where it checks none.
        """
        checks = (
            (self.checks_part_crc32, BodyDigest.CRC32),
            (self.checks_part_sha256, BodyDigest.SHA256),
            (self.checks_part_md5, BodyDigest.MD5),
        )
        return _first(checks)

    def problems(self) -> tuple[str, ...]:
        """Return one sentence for each reason why nothing may be streamed to this store in parts."""
        return tuple(self._problems())

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence for each weakness that costs time or care, not safety."""
        return tuple(self._warnings())

    def _problems(self) -> Iterator[str]:
        match self.conditional_complete:
            case Enforcement.IGNORED:
                yield "the store completes an upload over an existing object in spite of If-None-Match"
            case Enforcement.RACY:
                yield "the store's conditional completion is not atomic: several uploads won one race"
            case Enforcement.REFUSED:
                yield "the store refuses uploads in parts, or their conditional completion"
        if self.conditional_complete is Enforcement.REFUSED:
            return
        if not self.part_digests:
            yield "the store does not check the parts of an upload"
        if not self.keeps_upload_metadata:
            yield "the store does not keep the metadata of an upload"
        if not self.consistent_reads:
            yield "the store does not show an upload as it was sent, right after its completion"

    def _warnings(self) -> Iterator[str]:
        if self.conditional_complete is not Enforcement.REFUSED and not (self.lists_uploads and self.aborts_uploads):
            yield "the store does not list or abort open uploads: those of killed runs stay and cost money"
        yield from self.notes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The probe's findings about single requests, and about uploads in parts if those were asked for.

    `clock_offset_s` is the server's clock minus ours; `server` is what it called itself; `notes` concern no promise.
    `if_match` is needed by `publish repair` only.
    """

    conditional_put: Enforcement
    checks_md5: bool = False
    checks_payload_sha256: bool = False
    checks_crc32: bool = False
    keeps_metadata: bool = False
    consistent_reads: bool = False
    if_match: bool = False
    clock_offset_s: float | None = None
    server: str = ""
    notes: tuple[str, ...] = ()
    uploads: UploadCapabilities | None = None

    @property
    def put_digests(self) -> frozenset[BodyDigest]:
        """What a body has to carry so that the store refuses damaged bytes; empty where it checks nothing.

        The signed SHA-256 comes first: that of a whole object is known in any case. Else the cheapest one it checks.
        """
        checks = (
            (self.checks_payload_sha256, BodyDigest.SHA256),
            (self.checks_crc32, BodyDigest.CRC32),
            (self.checks_md5, BodyDigest.MD5),
        )
        return _first(checks)

    @property
    def checks_bodies(self) -> bool:
        """Whether bytes that were damaged on their way are refused, if they carry the `put_digests`."""
        return bool(self.put_digests)

    def problems(self) -> tuple[str, ...]:
        """Return one sentence for each reason why publishing to this store is not safe; empty if none was found."""
        return tuple(self._problems())

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence for each weakness that costs time or care, not safety."""
        return tuple(self._warnings())

    def _problems(self) -> Iterator[str]:
        match self.conditional_put:
            case Enforcement.IGNORED:
                yield "the store does not honour create-if-absent: it overwrote an object in spite of If-None-Match"
            case Enforcement.RACY:
                yield "the store's create-if-absent is not atomic: several writers won one race"
            case Enforcement.REFUSED:
                yield "the store refuses create-if-absent (If-None-Match: *)"
        if self.conditional_put is not Enforcement.ENFORCED:
            return
        if not self.keeps_metadata:
            yield "the store does not keep metadata: nobody can prove whose object is there"
        if not self.consistent_reads:
            yield "the store does not show an object as it was written, right after writing it"
        if self.clock_offset_s is not None and abs(self.clock_offset_s) > CLOCK_FAIL_S:
            yield f"this machine's clock and the store's are {abs(self.clock_offset_s) / 60:.0f} min apart"

    def _warnings(self) -> Iterator[str]:
        if not self.checks_bodies:
            yield "the store checks no digest (signed SHA-256, CRC-32, Content-MD5): every upload is read back in full"
        if self.clock_offset_s is not None and CLOCK_WARN_S < abs(self.clock_offset_s) <= CLOCK_FAIL_S:
            yield f"this machine's clock and the store's are {abs(self.clock_offset_s):.0f} s apart"
        yield from self.notes


def stricter(one: Capabilities, other: Capabilities) -> Capabilities:
    """Return the worse of both in each respect; what only one of them knows counts."""
    offsets = [offset for offset in (one.clock_offset_s, other.clock_offset_s) if offset is not None]
    return Capabilities(
        _worse(one.conditional_put, other.conditional_put),
        checks_md5=one.checks_md5 and other.checks_md5,
        checks_payload_sha256=one.checks_payload_sha256 and other.checks_payload_sha256,
        checks_crc32=one.checks_crc32 and other.checks_crc32,
        keeps_metadata=one.keeps_metadata and other.keeps_metadata,
        consistent_reads=one.consistent_reads and other.consistent_reads,
        if_match=one.if_match and other.if_match,
        clock_offset_s=max(offsets, key=abs, default=None),
        server=other.server or one.server,
        notes=_both(one.notes, other.notes),
        uploads=stricter_uploads(one.uploads, other.uploads)
        if one.uploads and other.uploads
        else one.uploads or other.uploads,
    )


def stricter_uploads(one: UploadCapabilities, other: UploadCapabilities) -> UploadCapabilities:
    """Return the worse of both in each respect."""
    return UploadCapabilities(
        _worse(one.conditional_complete, other.conditional_complete),
        checks_part_md5=one.checks_part_md5 and other.checks_part_md5,
        checks_part_sha256=one.checks_part_sha256 and other.checks_part_sha256,
        checks_part_crc32=one.checks_part_crc32 and other.checks_part_crc32,
        keeps_upload_metadata=one.keeps_upload_metadata and other.keeps_upload_metadata,
        consistent_reads=one.consistent_reads and other.consistent_reads,
        lists_uploads=one.lists_uploads and other.lists_uploads,
        aborts_uploads=one.aborts_uploads and other.aborts_uploads,
        replayed_complete=other.replayed_complete or one.replayed_complete,
        notes=_both(one.notes, other.notes),
    )


def _first(checks: Iterable[tuple[bool, BodyDigest]]) -> frozenset[BodyDigest]:
    return frozenset([digest for is_checked, digest in checks if is_checked][:1])


def _worse(one: Enforcement, other: Enforcement) -> Enforcement:
    return max(one, other, key=list(Enforcement).index)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
