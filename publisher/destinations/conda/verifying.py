"""`verify` for packages: the index alone (`head`), or what the channel serves as well (`full`). Reads only."""

from __future__ import annotations

from publisher.destinations.conda.door import identity_of
from publisher.destinations.conda.looking import Looker
from publisher.destinations.conda.ports import Channel, Entry
from publisher.destinations.conda.seen import STATES, Look, Seen
from publisher.destinations.conda.serving import download_checked
from publisher.destinations.port import VerifyMode, VerifyResult
from publisher.errors import DamagedObjectError
from publisher.exit_codes import ExitCode
from publisher.model import (
    Certainty,
    Failure,
    ObjectFacts,
    Observation,
    ReadyArtifact,
    State,
    UnreadySource,
)
from publisher.reasons import Reason

DAMAGED_HINT = (
    "on the server, put the right file back or index the channel again; nothing can be replaced or deleted from here"
)


def observation_of(channel: Channel, item: ReadyArtifact, look: Look) -> Observation:
    """Return a look as the plan and the report show it."""
    return Observation(STATES[look.seen], Certainty.VERIFIED, look.detail, object=facts_of(channel, item, look))


def facts_of(channel: Channel, item: ReadyArtifact, look: Look) -> ObjectFacts | None:
    """Return what the channel has as the report shows it, or None where it has nothing that can be downloaded."""
    if look.seen in (Seen.ABSENT, Seen.REMOVED):
        return None
    is_same = look.seen in (Seen.SAME, Seen.UNLISTED_SAME)
    return ObjectFacts(
        url=channel.url(identity_of(item)),
        size_bytes=item.source.size_bytes if is_same else look.size_bytes,
        sha256=item.source.sha256.hex if is_same else look.sha256,
    )


def verify(channel: Channel, looker: Looker, item: ReadyArtifact, mode: VerifyMode) -> VerifyResult:
    """Compare an artifact with the channel. Raises `PublisherError` for what cannot be known."""
    listing = looker.listing(identity_of(item))
    observation = observation_of(channel, item, looker.look(item, listing))
    entry = listing.entries.get(identity_of(item).filename)
    if mode == "head" or observation.state is not State.PUBLISHED or entry is None:
        return VerifyResult(observation, content_compared=False)
    return VerifyResult(_served(channel, looker, item, entry, observation), content_compared=True)


def verify_uncompared(channel: Channel, looker: Looker, item: UnreadySource, mode: VerifyMode) -> VerifyResult:
    """The same without the source: whether the channel lists the name, and serves what it lists."""
    identity = identity_of(item)
    entry = looker.listing(identity).entries.get(identity.filename)
    if entry is None:
        missing = Observation(State.MISSING, Certainty.VERIFIED, f"not in {identity.subdir}/repodata.json")
        return VerifyResult(missing, content_compared=False)
    facts = ObjectFacts(url=channel.url(identity), size_bytes=entry.size_bytes, sha256=entry.sha256)
    detail = f"the channel lists it; source not compared: {item.failure.message}"
    observation = Observation(State.PUBLISHED, Certainty.VERIFIED, detail, object=facts)
    if mode == "full":
        observation = _served(channel, looker, item, entry, observation)
    return VerifyResult(observation, content_compared=False)


def _served(
    channel: Channel, looker: Looker, item: ReadyArtifact | UnreadySource, entry: Entry, observation: Observation
) -> Observation:
    try:
        looker.retried(lambda: download_checked(channel, identity_of(item), entry, _discard, check=looker.check))
    except DamagedObjectError as error:
        return damaged(error, observation)
    return observation


def damaged(error: DamagedObjectError, observation: Observation) -> Observation:
    """Return the observation of a file that is not what the index promises, with what a person does about it."""
    failure = Failure(Reason.DAMAGED_OBJECT, error.message, DAMAGED_HINT, False, int(ExitCode.NEEDS_A_PERSON))
    return Observation(State.DAMAGED, Certainty.VERIFIED, error.message, object=observation.object, failure=failure)


def _discard(_piece: bytes) -> None:
    pass
