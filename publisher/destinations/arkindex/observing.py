"""What a server holds for an artifact, as an observation. Pure."""

from __future__ import annotations

from publisher.destinations.arkindex.lookup import NoVersion
from publisher.destinations.arkindex.modes import compared
from publisher.destinations.arkindex.values import Version, Wanted, is_other_content, outdated_labels
from publisher.model import Certainty, ObjectFacts, Observation, State

UNSEEN = "this server does not tell which versions it has; one that is there already is kept as it is"
FIXED = "the server does not let them be changed (PartialUpdateWorkerVersion)"


def observation_of(found: Version | NoVersion, wanted: Wanted, *, can_relabel: bool) -> Observation:
    """Return the state of one worker version. `can_relabel`: the server lets the branch and tag of a version move.

    A server that cannot be asked permits a publish all the same: it keeps one version for each worker and revision
    itself, and says so when it is asked to make a second one.
    """
    if found is NoVersion.UNSEEN:
        return Observation(State.MISSING, Certainty.ASSUMED, UNSEEN)
    if found is NoVersion.ABSENT:
        return Observation(State.MISSING, Certainty.VERIFIED, "the worker has no version of this revision")
    facts = ObjectFacts(version_id=found.id)
    if is_other_content(found, wanted):
        detail = f"this revision is registered with another image, {found.image}"
        return Observation(State.CONFLICT, Certainty.VERIFIED, detail, object=facts)
    notes = compared(found, wanted)
    told = [
        f"{name} {found.labels[name] or '(none)'}, not {text}" for name, text in outdated_labels(found, wanted).items()
    ]
    if not told:
        return Observation(State.PUBLISHED, Certainty.VERIFIED, "registered", object=facts, notes=notes)
    detail = f"registered, with {' and '.join(told)}"
    if can_relabel:
        return Observation(State.OUTDATED, Certainty.VERIFIED, detail, object=facts, notes=notes)
    return Observation(State.PUBLISHED, Certainty.VERIFIED, detail, object=facts, notes=(*notes, f"{detail}; {FIXED}"))
