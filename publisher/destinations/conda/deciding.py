"""What follows from an upload's answer and a look at the channel after it: one table, pure.

The answer alone never decides. A 200 proves that an index command ended well, not that clients can see the package; a
401 is a bad token or a file that is there; a 500 may come after the file was written. What the channel shows decides,
and the answer says what to make of what it does not show. Source: contracts, "Hazards".
"""

from __future__ import annotations

from enum import Enum

from publisher.destinations.conda.ports import Answered, Received
from publisher.destinations.conda.seen import Look, Seen
from publisher.errors import DestinationError, OutcomeUnknownError, PublisherError, TransportError
from publisher.model import CondaIdentity


class Next(Enum):
    DONE = "done"
    CONFLICT = "conflict"
    WAIT = "wait"
    """Look again a little later."""
    AGAIN = "again"
    """Send the file again, after one more look."""
    STOP = "stop"
    """Give up with the error of `why`."""


class NotIndexedError(DestinationError):
    """The file is stored, and no client can see it: running again does not change that."""

    code = "not_indexed"


_MAY_HAVE_STORED = frozenset({Received.ACCEPTED, Received.FAILED, Received.LOST})
"""After these the server may have our file and still be busy with its index."""
_MAY_BE_REPEATED = frozenset({Received.FAILED, Received.LOST, Received.UNSENT})


def next_step(received: Received, look: Look, *, may_wait: bool, may_repeat: bool) -> Next:
    """Decide. `may_wait` and `may_repeat` say whether there is time, and an attempt, left."""
    match look.seen:
        case Seen.SAME:
            return Next.DONE
        case Seen.OTHER | Seen.REMOVED | Seen.UNLISTED_OTHER:
            return Next.CONFLICT
        case Seen.ABSENT | Seen.UNLISTED_SAME:
            pass
    is_expected = received in (Received.ACCEPTED, Received.LOST)
    if is_expected and may_wait:
        return Next.WAIT
    return Next.AGAIN if received in _MAY_BE_REPEATED and may_repeat else Next.STOP


def is_ours(received: list[Received]) -> bool:
    """Say whether what the channel shows may have come from one of these uploads, rather than from another run."""
    return any(answer in _MAY_HAVE_STORED for answer in received)


def why(answered: Answered, look: Look, identity: CondaIdentity) -> PublisherError:
    """Return what ends an upload that the channel does not show."""
    name = identity.path
    if look.seen is Seen.UNLISTED_SAME:
        return _not_indexed(answered, name)
    match answered.received:
        case Received.ACCEPTED:
            return OutcomeUnknownError(
                f"the server accepted {name}, but the channel does not show it",
                hint="does this server write to the channel of CONDA_CHANNEL_URL, and to this subdir "
                "(CONDA_UPLOAD_SUBDIR)? a cache may be behind; run again",
            )
        case Received.LOST:
            return OutcomeUnknownError(
                f"no answer to the upload of {name}: {_said(answered)}",
                hint="the server may still be busy with it; running again settles it",
            )
        case Received.FAILED:
            return TransportError(f"the server failed, and {name} is not stored: {_said(answered)}", hint=_hint(name))
    return answered.error or OutcomeUnknownError(f"the upload of {name} ended without an answer")


def unseen(answered: Answered, error: PublisherError, identity: CondaIdentity) -> PublisherError:
    """Return what ends an upload after which the channel could not be read."""
    if answered.received is Received.UNSENT and answered.error is not None:
        return answered.error
    return OutcomeUnknownError(
        f"{identity.path} was sent ({_said(answered)}), but the channel cannot be read: {error.message}",
        hint="running again settles it",
    )


def _not_indexed(answered: Answered, name: str) -> PublisherError:
    if answered.received in (Received.ACCEPTED, Received.LOST):
        return OutcomeUnknownError(
            f"{name} is stored, but the channel's index does not list it yet", hint="run again after a while"
        )
    return NotIndexedError(
        f"{name} is stored, but the channel's index does not list it: {_said(answered)}",
        hint="on the server, run `conda index` on the channel; the next upload to this subdir does it, too",
    )


def _hint(name: str) -> str:
    if name.endswith(".conda"):
        return "the second generation of the handler takes .tar.bz2 only, and fails so for .conda"
    return "look at the server's log: its index may fail, or (first generation) the folder of the subdir is missing"


def _said(answered: Answered) -> str:
    return answered.error.message if answered.error is not None else answered.received.value
