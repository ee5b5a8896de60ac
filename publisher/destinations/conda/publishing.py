"""Publishes one package: look, send, look again. The thin half: what follows from what was seen is `deciding`.

A stop is obeyed until the end of the form is sent, without which no server stores anything. From there on the
answer is waited for, and the channel is looked at once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from publisher.cancellation import Cancellation
from publisher.destinations.conda.deciding import Next, is_ours, next_step, unseen, why
from publisher.destinations.conda.door import identity_of
from publisher.destinations.conda.looking import Looker
from publisher.destinations.conda.ports import Answered, Channel, Handler, Received
from publisher.destinations.conda.seen import Look, Seen
from publisher.destinations.conda.sending import pieces_of
from publisher.destinations.conda.verifying import DAMAGED_HINT, facts_of
from publisher.destinations.port import Host, VerifyMode
from publisher.errors import Cancelled, DamagedObjectError, DestinationError, PublisherError
from publisher.events import Progress, Retrying, Step, StepStarted
from publisher.exit_codes import ExitCode
from publisher.model import Failure, Outcome, ReadyArtifact, Status, failure_from
from publisher.reasons import HINTS, Reason
from publisher.retry import RetryPolicy

UPLOADS = 3
"""How often a file is sent at most: again only after a failure and a look that shows that it is not there."""
WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""Between looks for a package that should be visible: the index is written inside the request, caches may lag."""
SHORT_WAITS = 5
"""How many of these pass before a file whose upload had no answer is sent again: to send it twice does no harm."""
PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class CondaPorts:
    """`waits_s` are the pauses between looks for a package that the server accepted."""

    channel: Channel
    handler: Handler
    retry: RetryPolicy
    verify: VerifyMode = "head"
    waits_s: Sequence[float] = WAITS_S


class Publishing:
    """One attempt to publish one package; use it once."""

    def __init__(self, ports: CondaPorts, item: ReadyArtifact, host: Host) -> None:
        self._ports = ports
        self._item = item
        self._host = host
        self._identity = identity_of(item)
        self._received: list[Received] = []
        self._waits = list(ports.waits_s)
        self._uploaded_bytes = 0
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._step = Step.PREPARE
        self._step_started_at = self._started_at = host.monotonic()
        self._progress_at = 0.0

    def run(self) -> Outcome:
        """Return how it ended; never raises for what the world does."""
        try:
            self._host.cancellation.check()
            before = self._look(self._host.cancellation)
            if before.seen is Seen.SAME:
                return self._outcome(Status.SKIPPED, Reason.ALREADY_REGISTERED, before)
            if before.seen in (Seen.ABSENT, Seen.UNLISTED_SAME):
                after = self._upload(before)
                if after.seen is Seen.SAME:
                    return self._published(before, after)
                before = after
            return self._outcome(Status.BLOCKED, Reason.CONTENT_CONFLICT, before, _conflict(before))
        except PublisherError as error:
            return self._outcome(_status_of(error), error.code, None, failure_from(error))

    def _upload(self, before: Look) -> Look:
        """Send the file until the channel shows it, or something else under its name. Raises what ends it."""
        for attempt in range(1, UPLOADS + 1):
            answered = self._send()
            self._received.append(answered.received)
            if answered.received is Received.REFUSED and answered.error is not None:
                raise answered.error
            look, step = self._look_after(answered, may_repeat=attempt < UPLOADS)
            if step is not Next.AGAIN:
                return look
            self._pause(attempt, answered)
            before = self._look(self._host.cancellation)
            if before.seen not in (Seen.ABSENT, Seen.UNLISTED_SAME):
                return before
        raise RuntimeError("an upload was to be repeated without an attempt left")

    def _send(self) -> Answered:
        size_bytes = self._item.source.size_bytes
        self._enter(Step.UPLOAD, size_bytes)
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            self._uploaded_bytes += more
            now = self._host.monotonic()
            if now - self._progress_at >= PROGRESS_EVERY_S or done >= size_bytes:
                self._progress_at = now
                self._host.emit(Progress(self._item.artifact.id, Step.UPLOAD, done, size_bytes))

        check = self._host.cancellation.check
        check()
        pieces = pieces_of(self._item, check=check, commit=self._commit, count=count)
        return self._ports.handler.upload(self._identity, size_bytes, pieces)

    def _commit(self) -> None:
        self._host.cancellation.check()
        self._host.commit()

    def _look_after(self, answered: Answered, *, may_repeat: bool) -> tuple[Look, Next]:
        """Look until it is known what came of an upload. Raises what ends it."""
        self._enter(Step.VERIFY)
        last = len(self._waits) - SHORT_WAITS if may_repeat and answered.received is Received.LOST else 0
        while True:
            try:
                # An unset token: what was sent may be stored, so that a stop must not keep us from looking.
                look = self._look(Cancellation(), is_proof=True)
            except PublisherError as error:
                raise unseen(answered, error, self._identity) from error
            is_stopping = self._host.cancellation.requested
            step = next_step(
                answered.received,
                look,
                may_wait=len(self._waits) > max(0, last) and not is_stopping,
                may_repeat=may_repeat and not is_stopping,
            )
            if step is Next.STOP:
                raise why(answered, look, self._identity)
            if step is not Next.WAIT:
                return look, step
            self._host.cancellation.wait(self._waits.pop(0))

    def _look(self, cancellation: Cancellation, *, is_proof: bool = False) -> Look:
        looker = Looker(self._ports.channel, self._ports.retry, cancellation)
        return looker.look(self._item, is_proof=is_proof)

    def _pause(self, attempt: int, answered: Answered) -> None:
        wait_s = self._ports.retry.wait_s(attempt, getattr(answered.error, "retry_after_s", None))
        message = answered.error.message if answered.error else answered.received.value
        self._host.emit(Retrying(self._item.artifact.id, attempt, wait_s, message))
        self._host.cancellation.wait(wait_s)
        self._host.cancellation.check()

    def _published(self, before: Look, after: Look) -> Outcome:
        if self._ports.verify == "full":
            self._require_served()
        was_ours = is_ours(self._received)
        status = Status.PUBLISHED if was_ours else Status.ADOPTED
        reason = Reason.UNFINISHED_UPLOAD if before.seen is Seen.UNLISTED_SAME else Reason.NOT_REGISTERED
        notes = () if self._received[-1] is Received.ACCEPTED else (_despite(self._received[-1]),)
        return self._outcome(status, reason, after, notes=notes)

    def _require_served(self) -> None:
        looker = Looker(self._ports.channel, self._ports.retry, Cancellation())
        if looker.stored(self._item) is not True:
            raise DamagedObjectError(
                "the channel lists this package, but serves another file or none", hint=DAMAGED_HINT
            )

    def _outcome(
        self,
        status: Status,
        reason: str,
        look: Look | None,
        failure: Failure | None = None,
        *,
        notes: tuple[str, ...] = (),
    ) -> Outcome:
        self._account()
        is_there = status in (Status.PUBLISHED, Status.ADOPTED)
        return Outcome(
            status=status,
            reason=str(reason),
            verification=self._ports.verify if is_there else None,
            object=facts_of(self._ports.channel, self._item, look) if look else None,
            failure=failure,
            attempts=len(self._received),
            uploaded_bytes=self._uploaded_bytes,
            seconds={**self._seconds, "total": self._host.monotonic() - self._started_at},
            notes=notes,
        )

    def _enter(self, step: Step, total_bytes: int | None = None) -> None:
        self._account()
        self._step = step
        self._host.emit(StepStarted(self._item.artifact.id, step, total_bytes))

    def _account(self) -> None:
        now = self._host.monotonic()
        self._seconds[self._step.value] += now - self._step_started_at
        self._step_started_at = now


def _conflict(look: Look) -> Failure:
    hint = HINTS[Reason.CONTENT_CONFLICT]
    return Failure(Reason.CONTENT_CONFLICT, look.detail, hint, False, int(ExitCode.NEEDS_A_PERSON))


def _despite(received: Received) -> str:
    return f"the channel shows the package, although the upload ended as: {received.value}"


def _status_of(error: PublisherError) -> Status:
    if isinstance(error, Cancelled):
        return Status.CANCELLED
    is_for_a_person = isinstance(error, DestinationError) and error.exit_code == ExitCode.NEEDS_A_PERSON
    return Status.BLOCKED if is_for_a_person else Status.FAILED
