"""A request under way, and everything that can become of it.

A request is applied when it is delivered, which may be after its sender gave up or died; the sender hears an answer
only while it waits. Answers are what the adapters make of them: a create that was not answered is AMBIGUOUS, a
registration NoAnswer, everything else a TransportError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    NotFoundError,
    ProtocolError,
    RejectedError,
    TransportError,
)
from publisher.registries.port import NoAnswer, NoRow, Refused
from publisher.stores.port import CreateAnswer, UploadGone


@dataclass(frozen=True, slots=True)
class Fate:
    """`applied` times the request takes effect now; `stays` leaves it (or a copy) under way; `answer` makes what the
    sender hears, or is None for the honest answer of the last application.
    """

    name: str
    applied: int = 0
    stays: bool = False
    answer: Callable[[], object] | None = None


@dataclass(slots=True, eq=False)
class Message:
    """One request. `apply` changes the world and returns the honest answer."""

    sender: str
    operation: str
    what: str
    apply: Callable[[], object]
    fates: tuple[Fate, ...]
    writes: bool


DELIVERED = Fate("delivered", applied=1)


def _silence() -> object:
    return TransportError("no answer")


def _forbidden() -> object:
    return CredentialsError("refused: 403")


def _unclear() -> object:
    return CreateAnswer.AMBIGUOUS


def _no_answer() -> object:
    return NoAnswer(TransportError("no answer"))


def _undelivered(silence: Callable[[], object]) -> tuple[Fate, ...]:
    return (
        Fate("request lost", answer=silence),
        Fate("answer lost", applied=1, answer=silence),
        Fate("delayed beyond the time-out", stays=True, answer=silence),
        Fate("delivered, and a copy is delayed", applied=1, stays=True),
        Fate("delivered twice", applied=2),
    )


READ_FATES = (
    Fate("time-out", answer=_silence),
    Fate("503", answer=lambda: TransportError("503", retry_after_s=2.0)),
    Fate("403", answer=_forbidden),
)
LOOKUP_FATES = (*READ_FATES, Fate("200 with HTML", answer=lambda: ProtocolError("HTML instead of JSON")))
STALE_LOOKUP = Fate("stale: absent", answer=lambda: NoRow.ABSENT)
WRITE_FATES = (*_undelivered(_silence), Fate("503", answer=_silence), Fate("403", answer=_forbidden))
CREATE_FATES = (
    *_undelivered(_unclear),
    Fate("409", answer=lambda: CreateAnswer.BUSY),
    Fate("delivered twice, the second answered 409", applied=1, answer=lambda: CreateAnswer.BUSY),
    Fate("503", answer=_unclear),
    Fate("no connection", answer=_silence),
    Fate("403", answer=_forbidden),
)
CREATE_OBJECT_FATES = (
    *CREATE_FATES,
    Fate("501", answer=lambda: CapabilityError("501 NotImplemented")),
    Fate("a lie: created", answer=lambda: CreateAnswer.CREATED),
    Fate("a lie: exists", answer=lambda: CreateAnswer.EXISTS),
)
COMPLETE_FATES = (
    *CREATE_OBJECT_FATES,
    Fate("404 NoSuchUpload, not true", answer=lambda: UploadGone.GONE),
    Fate("404 NoSuchUpload, done before", applied=1, answer=lambda: UploadGone.GONE),
)
PART_FATES = (*WRITE_FATES, Fate("404 NoSuchUpload", answer=lambda: NotFoundError("404 NoSuchUpload")))
PUT_FATES = (
    *_undelivered(_unclear),
    Fate("503", answer=_unclear),
    Fate("no connection", answer=_silence),
    Fate("403", answer=_forbidden),
)
REGISTER_FATES = (
    *_undelivered(_no_answer),
    Fate("502", answer=_no_answer),
    Fate("200 with HTML", answer=lambda: NoAnswer(ProtocolError("HTML instead of JSON"))),
    Fate("429", answer=lambda: Refused(TransportError("429", retry_after_s=30.0))),
    Fate("401", answer=lambda: Refused(CredentialsError("refused: 401"))),
    Fate("422", answer=lambda: Refused(RejectedError("refused: 422", status=422))),
    Fate("422, yet done", applied=1, answer=lambda: Refused(RejectedError("refused: 422", status=422))),
    Fate("409 for another reason", answer=lambda: Refused(RejectedError("409", status=409), business=True)),
)
