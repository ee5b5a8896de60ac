"""The answer of kinds that have nothing to repair: what is there, explained, and never changed.

A channel, an artifact repository and a list of worker versions keep one thing for each name. There is no second half
that a crash could leave behind, and no kept key from which a damaged half could be made again.
"""

from __future__ import annotations

from publisher.exit_codes import ExitCode
from publisher.model import Failure, Observation, Outcome, State, Status
from publisher.reasons import HINTS, Reason

_REASONS = {
    State.COLLISION: Reason.OBJECT_COLLISION,
    State.DAMAGED: Reason.DAMAGED_OBJECT,
    State.CONFLICT: Reason.CONTENT_CONFLICT,
    State.ORPHAN: Reason.ORPHAN_OBJECT,
}
_TO_APPLY = {
    State.MISSING: (Reason.NOT_REGISTERED, "nothing to repair; `publish apply` publishes it"),
    State.UNFINISHED: (Reason.UNFINISHED_UPLOAD, "nothing is changed by a repair; `publish apply` finishes it"),
    State.OUTDATED: (Reason.LABELS_OUTDATED, "nothing is changed by a repair; `publish apply` moves the labels"),
}


def explained(observation: Observation) -> Outcome:
    """Return the outcome of a repair by a kind that repairs nothing: skipped where a person has nothing to do."""
    match observation.state:
        case State.PUBLISHED:
            return Outcome(Status.SKIPPED, Reason.ALREADY_REGISTERED, object=observation.object)
        case State.MISSING | State.UNFINISHED | State.OUTDATED:
            reason, note = _TO_APPLY[observation.state]
            return Outcome(Status.SKIPPED, reason, object=observation.object, notes=(note,))
        case State.UNKNOWN:
            failure = observation.failure or _failure(Reason.LOOKUP_FAILED, observation, ExitCode.FAILED)
            return Outcome(Status.FAILED, Reason.LOOKUP_FAILED, failure=failure)
        case State.COLLISION | State.DAMAGED | State.CONFLICT | State.ORPHAN:
            reason = _REASONS[observation.state]
            failure = observation.failure or _failure(reason, observation, ExitCode.NEEDS_A_PERSON)
            note = "this kind of destination has no repair: nothing was changed"
            return Outcome(Status.BLOCKED, reason, object=observation.object, failure=failure, notes=(note,))


def _failure(reason: Reason, observation: Observation, code: ExitCode) -> Failure:
    return Failure(reason, observation.detail, HINTS[reason], code is ExitCode.FAILED, int(code))
