"""Signed statements beside the objects: written once before the registration, found again by whoever verifies.

A statement lies at `{object key}.intoto.jsonl`. Like the object it is never overwritten: one that is already there is
kept if it is signed by this run's key and says the same, as after a run that was killed. Anything else there (a rotated
key, an object that a person removed, somebody's rubbish) stays, and this run's statement goes to a second name which
holds the object's digest and the key's id, so that it cannot be taken by an honest writer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from publisher.destinations.fleet.values import Sealed
from publisher.destinations.port import RunFacts
from publisher.errors import DamagedObjectError, InputError, NotFoundError, TransportError
from publisher.model import FleetIdentity
from publisher.statements.checking import LIMIT_BYTES, Checked, best, check
from publisher.statements.envelope import Envelope, Signer, Verifier
from publisher.statements.statement import PAYLOAD_TYPE, Claim, Statement
from publisher.stores.keys import require_key
from publisher.stores.port import Body, CreateAnswer, ObjectStore
from publisher.version import __version__

SUFFIX = ".intoto.jsonl"


class ObjectStatements:
    """Signs and writes statements. `now` is the wall clock in UTC: a statement says when it was made."""

    def __init__(self, store: ObjectStore, signer: Signer, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._signer = signer
        self._now = now

    def require_room(self, identity: FleetIdentity) -> None:
        """Raise `InputError` if a statement of this artifact could not be stored: ask before the object is."""
        longest = _second_key(identity.object_key, "0" * 64, self._signer.public)
        try:
            require_key(longest)
        except ValueError:
            raise InputError(
                f"the object key {identity.object_key} is too long to store a signed statement beside it",
                hint="shorten a name, or publish without PUBLISH_SIGNING_KEY",
            ) from None

    def keep(self, identity: FleetIdentity, sealed: Sealed, run: RunFacts) -> str | None:
        """Make sure that a statement of ours is there; return what a person should know of it, if anything.

        May be repeated. Raises `DamagedObjectError` if both names hold something else, and the store's errors.
        """
        self.require_room(identity)
        claim = claim_of(identity, sealed)
        statement = Statement(
            claim,
            created=self._now(),
            tool_version=__version__,
            manifest_sha256=run.manifest_sha256,
            git=run.provenance.git,
            ci=run.provenance.ci,
        )
        line = Envelope.signed(PAYLOAD_TYPE, statement.to_payload(), self._signer).to_line()
        first = _first_key(claim.name)
        if self._is_ours(_write_once(self._store, first, line), claim):
            return None
        second = _second_key(claim.name, claim.sha256, self._signer.public)
        if self._is_ours(_write_once(self._store, second, line), claim):
            return f"{first} holds another statement; this one is at {second}"
        raise DamagedObjectError(
            f"{first} and {second} both hold something that this key did not sign for this object",
            hint="nothing was registered; find out who wrote them, and remove them by hand",
        )

    def _is_ours(self, data: bytes, claim: Claim) -> bool:
        return check(data, claim, [self._signer.public]).is_valid


def claim_of(identity: FleetIdentity, sealed: Sealed) -> Claim:
    """Return what a statement about these sealed bytes has to say."""
    return Claim(
        name=identity.object_key,
        identity=identity.fields(),
        sha256=sealed.sha256.hex,
        size_bytes=sealed.size_bytes,
        source_sha256=sealed.source_sha256,
        compression=sealed.compression,
    )


def find_statement(store: ObjectStore, claim: Claim, trusted: Sequence[Verifier]) -> Checked:
    """Return the best statement of what `claim` describes. Raises the store's errors: not knowing is not missing."""
    found = []
    for key in (_first_key(claim.name), *(_second_key(claim.name, claim.sha256, signer) for signer in trusted)):
        try:
            found.append(check(_read(store, key), claim, trusted))
        except NotFoundError:
            continue
        if found[-1].is_valid:
            break
    return best(found)


def _first_key(object_key: str) -> str:
    return f"{object_key}{SUFFIX}"


def _second_key(object_key: str, sha256: str, signer: Verifier) -> str:
    return f"{object_key}.{sha256[:16]}.{signer.keyid[:16]}{SUFFIX}"


def _write_once(store: ObjectStore, key: str, data: bytes) -> bytes:
    """Put `data` if nothing is there, and return what is there afterwards."""
    if store.create(key, Body.of(data), metadata={}) is CreateAnswer.CREATED:
        return data
    try:
        return _read(store, key)
    except NotFoundError:
        raise TransportError(
            f"{key} could not be written: the store gave no clear answer",
            hint="nothing was registered without its statement; run the same command again",
        ) from None


def _read(store: ObjectStore, key: str) -> bytes:
    """Return the object, cut one byte behind what can be a statement."""
    data = bytearray()
    with store.read(key) as pieces:
        for piece in pieces:
            data += piece
            if len(data) > LIMIT_BYTES:
                break
    return bytes(data)
