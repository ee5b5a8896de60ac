"""What the fleet protocol may ask of the world. It yields these; a driver performs them and sends the answer."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.destinations.fleet.values import Evidence, Receipt, Sealed
from publisher.destinations.stepping import Effect
from publisher.registries.port import ClaimRecord, NoRow, RegisterAnswer, Row
from publisher.stores.port import CompleteAnswer, CreateAnswer, ObjectInfo
from publisher.stores.terms import StoreTerms


@dataclass(frozen=True, slots=True)
class Lookup(Effect[Row | NoRow]):
    """Ask the registry for our identity."""


@dataclass(frozen=True, slots=True)
class Head(Effect[ObjectInfo | None]):
    """Ask the store what is under our object key."""


@dataclass(frozen=True, slots=True)
class ReadReceipt(Effect[Receipt | None]):
    pass


@dataclass(frozen=True, slots=True)
class EscrowGet(Effect[Sealed | None]):
    """Fetch what an earlier run left under `nonce`; None if there is nothing, or the key cannot be unwrapped by us."""

    nonce: str


@dataclass(frozen=True, slots=True)
class CheckStore(Effect[StoreTerms]):
    """Make sure that the store honours create-if-absent; answer what else a publish may rely on.

    Raises `CapabilityError`.
    """


@dataclass(frozen=True, slots=True)
class ReadSource(Effect[str]):
    """Read the source and return its fingerprint in hex: it was not read while planning, and is to be compared."""


@dataclass(frozen=True, slots=True)
class Seal(Effect[Sealed]):
    """Draw a key and a nonce, compress, encrypt and hash the source; the bytes wait for `Create`, here or as parts.

    Nothing of it is an object yet. Raises `UploadLostError` if the parts are gone before all of them were sent.
    """


@dataclass(frozen=True, slots=True)
class EscrowPut(Effect[None]):
    """Store the wrapped key durably: from here on another run can finish."""

    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Create(Effect[CompleteAnswer]):
    """Send the one conditional request that can make the object exist."""

    sealed: Sealed


@dataclass(frozen=True, slots=True)
class PutClaim(Effect[ClaimRecord]):
    """Claim our object key if nobody has; answer the claim that is there."""

    claim: ClaimRecord


@dataclass(frozen=True, slots=True)
class SealAgain(Effect[bool]):
    """Seal the source with the key and nonce of another run; answer whether the same bytes came out."""

    theirs: Sealed


@dataclass(frozen=True, slots=True)
class Overwrite(Effect[CreateAnswer]):
    """Store the object without a condition: only bytes that a claim pins, or on a person's word."""

    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Discard(Effect[None]):
    """Let go of bytes of our own that can never become the object any more; their upload in parts is aborted."""

    nonce: str


@dataclass(frozen=True, slots=True)
class ReadBack(Effect[None]):
    """Download the object and compare it with `sealed`; if `opened`, also decrypt and compare the source.

    Raises `DamagedObjectError`.
    """

    sealed: Sealed
    opened: bool


@dataclass(frozen=True, slots=True)
class WriteStatement(Effect[str | None]):
    """Sign what is about to be registered and store the statement once; nothing is done where nothing is signed.

    Answers what a person should know of it, if anything.
    """

    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Register(Effect[RegisterAnswer]):
    """Send the registration; always the same bytes for the same `sealed`."""

    sealed: Sealed


@dataclass(frozen=True, slots=True)
class WriteReceipt(Effect[None]):
    sealed: Sealed
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class EscrowDrop(Effect[None]):
    nonce: str


@dataclass(frozen=True, slots=True)
class Pause(Effect[bool]):
    """Wait before trying again. False when attempts or time are used up, or a stop was requested: do not try again."""

    attempt: int
    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Now(Effect[float]):
    """Read the monotonic clock, in seconds."""
