"""Does a file of statements hold one that a trusted key signed and that says what was found? Pure.

A file holds one envelope a line (JSON lines), so that others can add theirs; one that holds is enough. The payload is
not read before its signature was verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from publisher.errors import ProtocolError
from publisher.statements.envelope import Envelope, Verifier
from publisher.statements.statement import PAYLOAD_TYPE, Claim, read_claim

LIMIT_BYTES = 256 * 1024
"""A file of statements longer than this is not read."""

LINES_LIMIT = 64


class Verdict(StrEnum):
    """What became of the search, the best first."""

    VALID = "valid"
    MISMATCH = "mismatch"
    """Signed by a trusted key, but about something else."""
    UNTRUSTED = "untrusted"
    """Signed by nobody who is trusted, or changed after it was signed."""
    UNREADABLE = "unreadable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Checked:
    """`detail` is a sentence for people; `keyid` names the trusted key of a valid statement."""

    verdict: Verdict
    detail: str
    keyid: str | None = None

    @property
    def is_valid(self) -> bool:
        return self.verdict is Verdict.VALID


MISSING = Checked(Verdict.MISSING, "there is no signed statement")


def check(data: bytes, claim: Claim, trusted: Sequence[Verifier]) -> Checked:
    """Return what the best line of `data` is worth for the object that `claim` describes."""
    if len(data) > LIMIT_BYTES:
        return Checked(Verdict.UNREADABLE, f"the statement is larger than {LIMIT_BYTES} bytes")
    lines = [line for line in data.split(b"\n") if line.strip()][:LINES_LIMIT]
    return best(_check_line(line, claim, trusted) for line in lines)


def best(found: Iterable[Checked]) -> Checked:
    """Return the best of several; `MISSING` if there is none."""
    ranks = list(Verdict)
    return min(found, key=lambda checked: ranks.index(checked.verdict), default=MISSING)


def _check_line(line: bytes, claim: Claim, trusted: Sequence[Verifier]) -> Checked:
    try:
        envelope = Envelope.parse(line)
    except ProtocolError:
        return Checked(Verdict.UNREADABLE, "the statement is not a signed envelope")
    signer = envelope.signer_of(trusted)
    if signer is None:
        return Checked(Verdict.UNTRUSTED, "no trusted key signed the statement as it is")
    stated = _claim_in(envelope)
    if stated is None:
        return Checked(Verdict.MISMATCH, "what the trusted key signed is not a statement about an artifact")
    differences = claim.differences(stated)
    if differences:
        return Checked(Verdict.MISMATCH, f"the signed statement is about something else: {', '.join(differences)}")
    return Checked(Verdict.VALID, f"signed by {signer.keyid[:16]}", signer.keyid)


def _claim_in(envelope: Envelope) -> Claim | None:
    if envelope.payload_type != PAYLOAD_TYPE:
        return None
    try:
        return read_claim(envelope.payload)
    except ProtocolError:
        return None
