"""What must hold when everybody has ended: outcomes tell the truth, a fault-free run finishes, no key and no file left.

RERUN, NOKEY and CLEAN of the test catalogue (DESIGN.md, "Testing").
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from publisher.model import DataKey, Status
from publisher.reasons import Reason
from tests.simulation.engine.process import Process
from tests.simulation.engine.scheduler import Violation
from tests.simulation.engine.world import World
from tests.support.kinds import fleet_of

GOOD = frozenset({Status.PUBLISHED, Status.ADOPTED, Status.SKIPPED})


def check_truth(world: World, process: Process, fingerprint: str) -> None:
    """An outcome claims no more than what is there. `fingerprint` is that of the source to publish."""
    outcome = process.outcome
    if outcome is None:
        return
    stored = world.store.objects.get(fleet_of(process.item.artifact).object_key)
    marks = stored.metadata if stored else {}
    is_ours = marks.get("publish-identity") == fleet_of(process.item.artifact).sha256
    is_same = world.source_of(marks) == fingerprint
    claim = f"{process.name} says {outcome.status} ({outcome.reason})"
    if outcome.status in GOOD and not (is_ours and is_same and world.row_of(fleet_of(process.item.artifact))):
        raise Violation(f"TRUTH: {claim}, and no such artifact is registered")
    if outcome.reason == Reason.CONTENT_CONFLICT and is_same:
        raise Violation(f"TRUTH: {claim}, and the content is the same")
    if outcome.reason == Reason.OBJECT_COLLISION and is_ours:
        raise Violation(f"TRUTH: {claim}, and the object is its own")
    if outcome.reason in (Reason.DAMAGED_OBJECT, "object_damaged"):
        raise Violation(f"TRUTH: {claim}, and nothing is damaged")
    if outcome.status is Status.CANCELLED and process.stopped_at is None:
        raise Violation(f"TRUTH: {claim}, and nobody asked for it")


def check_final(world: World, process: Process, fingerprint: str, *, rule: str) -> None:
    """Where nothing failed, everybody ends well, or is blocked by an artifact that was there first."""
    outcome = process.outcome
    if outcome is None:
        raise Violation(f"{rule}: {process.name} never ended")
    if outcome.status in GOOD:
        return
    key = fleet_of(process.item.artifact).object_key
    stored, claim = world.store.objects.get(key), world.claim_of(key)
    marks = stored.metadata if stored else {}
    if stored is None and claim is not None:
        # Whoever claimed first decides, whether or not the object ever came.
        marks = {"publish-identity": claim.identity_sha256, "publish-nonce": claim.nonce}
    if marks.get("publish-identity") != fleet_of(process.item.artifact).sha256:
        allowed = {Reason.OBJECT_COLLISION}
    elif world.source_of(marks) != fingerprint:
        allowed = {Reason.CONTENT_CONFLICT}
    else:
        allowed = {Reason.ORPHAN_OBJECT} if world.scenario.escrow == "none" else set()
    if outcome.reason not in allowed:
        why = outcome.failure.message if outcome.failure else "no failure"
        raise Violation(f"{rule}: {process.name} ends {outcome.status} ({outcome.reason}): {why}")


def check_one_row(world: World) -> None:
    identities = [row.identity for row in world.rows]
    if world.scenario.registry.on_duplicate != "append" and len(identities) != len(set(identities)):
        raise Violation("ONE ROW: an identity has two rows")


def check_no_key(processes: Iterable[Process], keys: Sequence[DataKey], logged: Sequence[str]) -> None:
    """No data key, whole or in pieces of 16 characters, in events, outcomes or logs."""
    said = "\n".join([*(repr(p.events) + repr(p.outcome) for p in processes), *logged])
    for key in keys:
        raw = key.reveal()
        forms = (raw.hex(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode())
        pieces = {form[start : start + 16] for form in forms for start in (0, 16)}
        if repr(raw) in said or any(piece in said for piece in pieces):
            raise Violation("NOKEY: a data key was told")


def check_clean(world: World, spool: Path) -> None:
    """No spool is left, nor an open upload of an object that is registered, whoever was killed while sending it.

    Requests that are still under way may open one later; an orphan waits for a person, its leftovers with it.
    """
    if any(spool.iterdir()):
        raise Violation("CLEAN: a spool was left behind")
    registered = {row.identity.object_key for row in world.rows}
    left = [upload.key for upload in world.store.uploads.values() if upload.key in registered]
    if left and world.scenario.leftovers != "pending" and world.scenario.escrow != "none":
        raise Violation(f"CLEAN: {len(left)} uploads in parts were left open")
