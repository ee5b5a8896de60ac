"""The middle of the driver: seals, brings the bytes to the store, keeps account of steps, bytes and time.

Decides only where sealed bytes wait; which request is sent, and when, is the protocol's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from publisher.cancellation import Cancellation
from publisher.destinations.fleet.door import identity_of
from publisher.destinations.fleet.ports import FleetPorts
from publisher.destinations.fleet.reader import Reader
from publisher.destinations.fleet.spool import Spool, sealed_bound
from publisher.destinations.fleet.staging import Held, Staged
from publisher.destinations.fleet.streaming import StreamedUpload
from publisher.destinations.fleet.values import Marks, Sealed
from publisher.destinations.port import Host
from publisher.events import Progress as ProgressEvent
from publisher.events import Retrying, Step, StepStarted
from publisher.model import DataKey, FileSource, FleetIdentity, ReadyArtifact
from publisher.sealing.format import new_data_key, new_nonce
from publisher.sealing.seal import Sealed as Made
from publisher.sealing.seal import seal
from publisher.sources.facts import facts_of
from publisher.sources.opening import open_source
from publisher.stores.port import (
    Body,
    BodyDigest,
    CompleteAnswer,
    CreateAnswer,
    MultipartStore,
    Progress,
    UnconditionalStore,
)
from publisher.stores.terms import StoreTerms

PROGRESS_EVERY_S = 0.1
_PIECE_BYTES = 1 << 20


class Sender(Reader):
    """Makes and sends the bytes of one artifact. Close it: sealed bytes that became no object go with it."""

    def __init__(self, ports: FleetPorts, item: ReadyArtifact, host: Host) -> None:
        self.identity: FleetIdentity = identity_of(item)
        super().__init__(ports, self.identity, cancellation=host.cancellation, notice=self._retrying)
        self._item = item
        self._host = host
        self._terms = StoreTerms()
        self._staged: dict[str, Staged] = {}
        self._is_committed = False
        self._step = Step.PREPARE
        self._step_started_at = host.monotonic()
        self._progress_at = 0.0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.attempts = 0
        self.uploaded_bytes = 0
        self.notes: list[str] = []
        self.has_streamed = False
        self.was_confirmed = True
        """Whether the store said of the last create that it made the object; else only the nonce says so."""
        self.source_sha256: str | None = None
        """The source fingerprint in hex, if it was found out only here."""
        self.is_stored = False
        """Whether the object is there and was verified, so that nothing but its registration is missing."""

    def close(self) -> None:
        self._account()
        for nonce in list(self._staged):
            self._discard(nonce)

    def _seal(self) -> Sealed:
        key, nonce = new_data_key(), new_nonce()
        staged, made = self._sealed_with(key, nonce, lambda: self._stage(nonce))
        return Sealed(
            nonce=nonce,
            key=key,
            sha256=made.object_sha256,
            size_bytes=made.object_size,
            source_sha256=self._fingerprint(made),
            compression=self._item.artifact.compression.wire,
            is_streamed=staged.is_streamed,
        )

    def _read_source(self) -> str:
        self._enter(Step.PREPARE, self._item.source.size_bytes)
        facts = facts_of(self._item.artifact.source, self._host.cancellation.check)
        self._item = replace(self._item, source=facts)
        self.source_sha256 = facts.sha256.hex
        return self.source_sha256

    def _fingerprint(self, made: Made) -> str:
        """Return the source fingerprint: the planned one, which was compared, or that of the file just read."""
        if self._item.source.fingerprint is not None:
            return self._item.source.sha256.hex
        self.source_sha256 = made.source_sha256.hex
        return self.source_sha256

    def _seal_again(self, theirs: Sealed) -> bool:
        _, made = self._sealed_with(theirs.key, theirs.nonce, self._spool)
        if made.object_sha256 == theirs.sha256:
            return True
        self._discard(theirs.nonce)
        return False

    def _sealed_with(self, key: DataKey, nonce: str, stage: Callable[[], Staged]) -> tuple[Staged, Made]:
        facts, artifact = self._item.source, self._item.artifact
        with self._ports.effort.sealing:
            self._host.cancellation.check()
            staged = self._staged[nonce] = stage()
            is_stream = isinstance(staged, StreamedUpload)
            self._enter(Step.UPLOAD if is_stream else Step.PREPARE, facts.size_bytes)
            with open_source(artifact.source, self._host.cancellation.check) as source:
                made = seal(
                    source.read_into,
                    staged.write,
                    key=key,
                    compression=artifact.compression,
                    check=self._host.cancellation.check,
                    progress=self._counter(facts.size_bytes),
                    expected_bytes=facts.size_bytes,
                    content_md5=BodyDigest.MD5 in self._terms.put_digests and not is_stream,
                )
                source.check_unchanged(made.source_sha256, facts)
        staged.finish(made)
        self.has_streamed = self.has_streamed or staged.is_streamed
        return staged, made

    def _stage(self, nonce: str) -> Staged:
        """Choose where the sealed bytes go: memory for small ones, the store in parts if it allows that, or a file."""
        facts, artifact, effort = self._item.source, self._item.artifact, self._ports.effort
        # Only a file's size is known beforehand; that of an image is a guess.
        if sealed_bound(facts.size_bytes) <= effort.held_bytes and isinstance(artifact.source, FileSource):
            return Held(self._terms.put_digests)
        if not self._terms.streams:
            return self._spool()
        source = facts.fingerprint.hex if facts.fingerprint else ""
        marks = Marks(nonce, self.identity.sha256, source, artifact.compression.wire, None, None)
        return self._upload(marks.metadata(), facts.size_bytes, is_conditional=True)

    def _spool(self) -> Spool:
        size, digests = self._item.source.size_bytes, self._terms.put_digests
        return Spool.make(self._ports.spool_folder, source_bytes=size, digests=digests)

    def _upload(self, metadata: Mapping[str, str], size_bytes: int, *, is_conditional: bool) -> StreamedUpload:
        effort = self._ports.effort
        return StreamedUpload(
            cast("MultipartStore", self._ports.store),
            self.identity.object_key,
            metadata=metadata,
            digests=self._terms.part_digests,
            part_bytes=effort.part_bytes(size_bytes),
            buffers=effort.buffers,
            threads=effort.part_threads,
            repeat=self.retried,
            is_conditional=is_conditional,
        )

    def _commit(self, sealed: Sealed) -> Staged:
        """Begin what must be finished: from here to the registration a stop must not cut retries short."""
        if not sealed.is_streamed:
            self._enter(Step.UPLOAD, sealed.size_bytes)
        self.attempts += 1
        self._host.commit()
        self._is_committed = True
        # An unset token takes the place of the run's.
        self._cancellation = Cancellation()
        return self._staged[sealed.nonce]

    def _create(self, sealed: Sealed) -> CompleteAnswer:
        answer = self._commit(sealed).create(
            self._ports.store,
            self.identity.object_key,
            metadata=Marks.of(self.identity, sealed).metadata(),
            progress=self._counter(sealed.size_bytes),
        )
        self.was_confirmed = answer is CreateAnswer.CREATED
        if self.was_confirmed:
            self.uploaded_bytes += sealed.size_bytes
        return answer

    def _overwrite(self, sealed: Sealed) -> CreateAnswer:
        body = self._staged[sealed.nonce].body
        if body is None:
            raise RuntimeError("only whole bytes can be stored without a condition")
        store, key = cast("UnconditionalStore", self._ports.store), self.identity.object_key
        metadata, progress = Marks.of(self.identity, sealed).metadata(), self._counter(sealed.size_bytes)
        if sealed.size_bytes <= self._terms.put_limit_bytes:
            self._commit(sealed)
            answer: CompleteAnswer = store.put(key, body, metadata=metadata, progress=progress)
        else:
            answer = self._overwrite_in_parts(sealed, body, metadata, progress)
        if answer is CreateAnswer.CREATED:
            self.uploaded_bytes += sealed.size_bytes
            return answer
        return CreateAnswer.AMBIGUOUS

    def _overwrite_in_parts(
        self, sealed: Sealed, body: Body, metadata: Mapping[str, str], progress: Progress
    ) -> CompleteAnswer:
        self._enter(Step.UPLOAD, sealed.size_bytes)
        upload = self._upload(metadata, sealed.size_bytes, is_conditional=False)
        try:
            with body.open() as file:
                while piece := file.read(_PIECE_BYTES):
                    upload.write(memoryview(piece))
                    progress(len(piece))
                    if not self._is_committed:
                        self._host.cancellation.check()
            upload.finish_parts()
            self._commit(sealed)
            return upload.create(self._ports.store, self.identity.object_key, metadata=metadata, progress=None)
        finally:
            self._note(upload.discard())

    def _discard(self, nonce: str) -> None:
        self._note(self._staged.pop(nonce).discard())

    def _give_up(self, nonce: str) -> None:
        staged = self._staged.get(nonce)
        if isinstance(staged, StreamedUpload):
            self._note(staged.abort())

    def _note(self, left: str | None) -> None:
        if left is not None:
            self.notes.append(left)

    def _retrying(self, attempt: int, wait_s: float, why: str) -> None:
        self._host.emit(Retrying(self._item.artifact.id, attempt, wait_s, why))

    def _enter(self, step: Step, total_bytes: int | None = None) -> None:
        self._account()
        self._step = step
        self._host.emit(StepStarted(self._item.artifact.id, step, total_bytes))

    def _account(self) -> None:
        now = self._host.monotonic()
        self.seconds[self._step.value] += now - self._step_started_at
        self._step_started_at = now

    def _counter(self, total_bytes: int) -> Callable[[int], None]:
        step, done = self._step, 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            now = self._host.monotonic()
            if now - self._progress_at >= PROGRESS_EVERY_S or done == total_bytes:
                self._progress_at = now
                # The size of an image was a guess.
                self._host.emit(ProgressEvent(self._item.artifact.id, step, done, max(done, total_bytes)))

        return count
