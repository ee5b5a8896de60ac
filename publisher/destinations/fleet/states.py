"""The decision table: from what a registry and a store answered to the state of one artifact. Pure.

First match wins, in the order of `publisher.model.State`. An answer that is missing is an exception before this point:
nothing here turns an error into "absent".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from publisher.destinations.fleet.values import Marks, Receipt, Sealed
from publisher.model import Certainty, FleetIdentity, State
from publisher.registries.port import NoRow, Row
from publisher.stores.port import ObjectInfo


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the manifest asks for. `source_sha256` is of the plaintext; `compression` is `gzip` or `none`.

    Without a `source_sha256` the source was not read yet: then only `MISSING` and `UNKNOWN` mean anything.
    """

    identity: FleetIdentity
    source_sha256: str
    compression: str

    def read_as(self, mine: Sealed) -> Wanted:
        """Return the same with the source that was read for `mine`, if it was not known before."""
        return self if self.source_sha256 else replace(self, source_sha256=mine.source_sha256)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the destination answered. `receipt` is read only where it matters; `escrowed` is what another run left."""

    row: Row | NoRow
    object: ObjectInfo | None
    receipt: Receipt | None = None
    escrowed: Sealed | None = None
    marks: Marks | None = field(init=False, repr=False, compare=False)
    """What the object says of itself, read once: every row of the table asks for it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", Marks.read(self.object.metadata) if self.object else None)


@dataclass(frozen=True, slots=True)
class Classified:
    state: State
    detail: str
    certainty: Certainty = Certainty.VERIFIED


def lacks_source(seen: Seen) -> bool:
    """Say whether the object of a registered row does not name its source, so that a receipt may know it.

    The metadata may be lost, and that of an object whose source was read while it went up names none.
    """
    is_silent = seen.marks is None or not seen.marks.source_sha256
    return isinstance(seen.row, Row) and seen.object is not None and is_silent


def nothing_names_source(seen: Seen) -> bool:
    """Say whether nothing was found that names the source of a registered object which does not name it itself."""
    return lacks_source(seen) and seen.marks is not None and seen.receipt is None and seen.escrowed is None


def needs_escrow(wanted: Wanted, seen: Seen) -> str | None:
    """Return the nonce whose escrow record decides between unfinished and orphan, or None.

    It also knows the source of an object that was registered a moment ago and has no receipt yet.
    """
    registered = isinstance(seen.row, Row) or seen.receipt is not None
    marks = seen.marks
    if marks is None or marks.identity_sha256 != wanted.identity.sha256:
        return None
    return None if registered and (marks.source_sha256 or seen.receipt is not None) else marks.nonce


def classify(wanted: Wanted, seen: Seen, *, registry: str) -> Classified:
    """Return the state. `registry` is the registry's location, which a receipt must name to count as proof."""
    marks = seen.marks
    if marks is not None and marks.identity_sha256 != wanted.identity.sha256:
        return Classified(
            State.COLLISION,
            f"the object {wanted.identity.object_key} belongs to another artifact with the same object key; "
            "choose names whose object keys differ",
        )
    if isinstance(seen.row, Row):
        return _registered(wanted, seen, sha256=seen.row.sha256.hex, size_bytes=seen.row.size_bytes)
    if seen.receipt is not None:
        receipt = seen.receipt
        if receipt.registry != registry:
            return Classified(
                State.UNKNOWN,
                f"a receipt says that this artifact was registered at {receipt.registry}, and this registry has no "
                "lookup to ask",
                Certainty.UNKNOWN,
            )
        if receipt.identity_sha256 != wanted.identity.sha256:
            return Classified(State.COLLISION, f"the object {wanted.identity.object_key} is another artifact's")
        return _registered(wanted, seen, sha256=receipt.sha256, size_bytes=receipt.size_bytes)
    return _unregistered(wanted, seen)


def _registered(wanted: Wanted, seen: Seen, *, sha256: str, size_bytes: int) -> Classified:
    stored, marks, receipt = seen.object, seen.marks, seen.receipt
    if stored is None:
        return Classified(State.DAMAGED, "registered, but the object is not in the store")
    if stored.size_bytes != size_bytes:
        return Classified(
            State.DAMAGED, f"registered with {size_bytes} bytes, but the object has {stored.size_bytes} bytes"
        )
    if marks is not None and marks.sha256 is not None and marks.sha256 != sha256:
        return Classified(
            State.DAMAGED, f"registered with sha256 {sha256[:12]}..., but the object says {marks.sha256[:12]}..."
        )
    source, compression = (marks.source_sha256, marks.compression) if marks else ("", "")
    if not source and receipt is not None and receipt.sha256 == sha256:
        source, compression = receipt.source_sha256, receipt.compression
    if not source and seen.escrowed is not None and seen.escrowed.sha256.hex == sha256:
        source, compression = seen.escrowed.source_sha256, seen.escrowed.compression
    if not source:
        return Classified(State.PUBLISHED, "already registered; the content was not compared", Certainty.ASSUMED)
    differs = _content_differs(wanted, source, compression)
    if differs:
        return Classified(State.CONFLICT, f"this version is already published with other content: {differs}")
    if seen.row is NoRow.UNSEEN:
        return Classified(State.PUBLISHED, "already registered, says the receipt of that run", Certainty.ASSUMED)
    return Classified(State.PUBLISHED, "already registered with the same content")


def _unregistered(wanted: Wanted, seen: Seen) -> Classified:
    stored, marks = seen.object, seen.marks
    if stored is None:
        return Classified(State.MISSING, "not registered")
    if marks is None:
        return Classified(
            State.ORPHAN,
            f"an object of {stored.size_bytes} bytes is in the store, not registered and not written by this protocol",
        )
    source = marks.source_sha256 or (seen.escrowed.source_sha256 if seen.escrowed else "")
    differs = _content_differs(wanted, source, marks.compression) if source else ""
    if differs:
        return Classified(State.CONFLICT, f"an unfinished publish of this version has other content: {differs}")
    if seen.escrowed is None:
        return Classified(
            State.ORPHAN,
            "an earlier run stored the object and died before registering it, and its key cannot be recovered "
            f"(nonce {marks.nonce[:8]})",
        )
    return Classified(State.UNFINISHED, "stored by an earlier run, not registered yet")


def _content_differs(wanted: Wanted, source_sha256: str, compression: str) -> str:
    if source_sha256 != wanted.source_sha256:
        return f"sha256 {source_sha256[:12]}... there, {wanted.source_sha256[:12]}... here"
    if compression and compression != wanted.compression:
        return f"compression {compression} there, {wanted.compression} here"
    return ""
