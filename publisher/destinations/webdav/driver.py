"""The writing half of the recipe's driver: uploads, moves and deletes parts, keeps time and tells progress.

Thin on purpose: what to do next is decided in `recipe`. A stop is obeyed at once, in the middle of an upload too,
except between the first and the last rename of one artifact, which are short and belong together.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from publisher.destinations.port import Host
from publisher.destinations.stepping import Effect
from publisher.destinations.webdav.effects import (
    Compare,
    Discard,
    MakeFolder,
    Move,
    NamePart,
    Pause,
    RemoteFile,
    Upload,
)
from publisher.destinations.webdav.paths import folder_of, part_of
from publisher.destinations.webdav.ports import MoveAnswer, Repository
from publisher.destinations.webdav.reader import Reader
from publisher.errors import PublisherError, SourceChangedError
from publisher.events import Progress, Retrying, Step, StepStarted
from publisher.http import PIECE_BYTES, StreamedBody
from publisher.model import ArtifactId, FileSource
from publisher.retry import RetryPolicy
from publisher.sources.files import open_file

PROGRESS_EVERY_S = 0.1


class Driver(Reader):
    """Publishes one artifact of `total_bytes`, whose `sources` are by their path at the repository."""

    def __init__(
        self,
        repository: Repository,
        sources: Mapping[str, FileSource],
        artifact_id: ArtifactId,
        host: Host,
        *,
        total_bytes: int,
        retry: RetryPolicy,
    ) -> None:
        super().__init__(
            repository, cancellation=host.cancellation, retry=retry, notice=self._retrying, count=self._tell
        )
        self._sources = sources
        self._id = artifact_id
        self._host = host
        self._step = Step.PREPARE
        self._step_started_at = host.monotonic()
        self._total_bytes, self._done_bytes = total_bytes, 0
        self._progress_at = 0.0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.attempts = 0
        self.uploaded_bytes = 0
        self.placed: list[str] = []
        self.left: list[str] = []
        """Parts that could not be deleted."""

    def perform(self, effect: Effect[Any]) -> Any:
        match effect:
            case Discard(part):
                return self._discard(part)
            case Pause(attempt, why, retry_after_s):
                return self._pause(attempt, why, retry_after_s)
            case Move(part, target):
                if not self.placed:
                    self._cancellation.check()
                    self._host.commit()
                return self._move(part, target)
        self._cancellation.check()
        match effect:
            case NamePart(wanted):
                return part_of(wanted.path, secrets.token_hex(16))
            case MakeFolder(path):
                self._repository.enter(folder_of(path))
                return self._retried(lambda: self._repository.make_folder(folder_of(path)))
            case Upload(part, wanted):
                return self._upload(part, wanted)
            case Compare() if self.attempts:
                self._enter(Step.VERIFY)
        return super().perform(effect)

    def close(self) -> None:
        """Account for the last step."""
        now = self._host.monotonic()
        self.seconds[self._step.value] += now - self._step_started_at
        self._step_started_at = now

    def _upload(self, part: str, wanted: RemoteFile) -> None:
        self._enter(Step.UPLOAD)
        self.attempts += 1
        before = self._done_bytes
        self._repository.upload(part, lambda: StreamedBody(wanted.size_bytes, self._pieces(wanted, before)))
        self.uploaded_bytes += wanted.size_bytes

    def _move(self, part: str, target: str) -> MoveAnswer:
        self._enter(Step.REGISTER)
        answer = self._repository.move(part, target)
        if answer is MoveAnswer.MOVED:
            self.placed.append(target)
        return answer

    def _discard(self, part: str) -> None:
        try:
            self._repository.discard(part)
        except PublisherError:
            self.left.append(part)
            raise

    def _pieces(self, wanted: RemoteFile, done_before: int) -> Iterator[bytes]:
        """Read the source; its last piece is held back until it is certain that all of it is what was planned.

        So a server never gets the whole of another file. `done_before` is the progress to begin from, each time anew.
        """
        source, digest, held, seen = self._sources[wanted.path], sha256(), b"", 0
        self._done_bytes = done_before
        buffer = memoryview(bytearray(PIECE_BYTES))
        with open_file(source) as file:
            while count := file.read_into(buffer):
                self._cancellation.check()
                seen += count
                if seen > wanted.size_bytes:
                    break
                digest.update(buffer[:count])
                if held:
                    yield held
                    self._tell(len(held))
                held = bytes(buffer[:count])
            if seen == wanted.size_bytes:
                file.check_untouched()
            if (seen, digest.hexdigest()) != (wanted.size_bytes, wanted.sha256):
                raise SourceChangedError(
                    f"{source.shown} changed since it was planned", hint="run the same command again"
                )
            yield held
            self._tell(len(held))

    def _pause(self, attempt: int, why: str, retry_after_s: float | None) -> bool:
        if attempt >= self._retry.attempts or (self._cancellation.requested and not self.placed):
            return False
        wait_s = self._retry.wait_s(attempt, retry_after_s)
        self._retrying(attempt, wait_s, why)
        if self._cancellation.requested:
            self._host.sleep(min(wait_s, 1.0))
        else:
            self._cancellation.wait(wait_s)
        return bool(self.placed) or not self._cancellation.requested

    def _retrying(self, attempt: int, wait_s: float, why: str) -> None:
        self._host.emit(Retrying(self._id, attempt, wait_s, why))

    def _enter(self, step: Step) -> None:
        """Begin a step unless it is the current one: the files of one artifact are counted together."""
        if step is self._step:
            return
        self.close()
        self._step, self._done_bytes = step, 0
        self._host.emit(StepStarted(self._id, step, None if step is Step.REGISTER else self._total_bytes))

    def _tell(self, more: int) -> None:
        self._done_bytes += more
        now = self._host.monotonic()
        is_due = now - self._progress_at >= PROGRESS_EVERY_S or self._done_bytes == self._total_bytes
        if is_due and self._step is not Step.PREPARE:
            self._progress_at = now
            self._host.emit(Progress(self._id, self._step, self._done_bytes, self._total_bytes))
