"""What a store really does with uploads in parts, found out by trying, like `probe`.

Not needed for single requests, and so not before the first write: `publish doctor` asks, and whoever wants to stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from publisher.errors import CapabilityError, DestinationError
from publisher.stores.capabilities import Enforcement, UploadCapabilities
from publisher.stores.port import Body, BodyDigest, CompleteAnswer, CreateAnswer, MultipartStore, UploadGone
from publisher.stores.probe_bodies import part_body
from publisher.stores.probe_traces import FIRST, METADATA, SECOND, Traces, unclear
from publisher.stores.race import Race


def probe_uploads(store: MultipartStore, *, new_id: Callable[[], str]) -> UploadCapabilities:
    """Find out what `store` does with uploads of a few bytes, which are aborted or deleted afterwards.

    Raises like `probe`: an incomplete probe is none. What could not be removed is a note.
    """
    traces = Traces(store, new_id=new_id)
    try:
        found = _Uploads(store, traces).ask()
    finally:
        left = traces.remove()
    return replace(found, notes=(*found.notes, *left))


class _Uploads:
    """One run, with one method for each question."""

    def __init__(self, store: MultipartStore, traces: Traces) -> None:
        self._store = store
        self._traces = traces

    def ask(self) -> UploadCapabilities:
        key = self._traces.new_key()
        try:
            first = self._writer(key, FIRST)
            second = self._writer(key, SECOND)
            answer = first()
            seen, bytes_seen = self._store.head(key), self._traces.bytes_of(key)
            again = second()
        except CapabilityError:
            return UploadCapabilities(Enforcement.REFUSED)
        if answer is not CreateAnswer.CREATED or again not in {CreateAnswer.CREATED, CreateAnswer.EXISTS}:
            raise unclear(self._store)
        is_ignored = again is CreateAnswer.CREATED or self._traces.bytes_of(key) != FIRST
        conditional = Enforcement.IGNORED if is_ignored else self._race()
        lists, aborts = self._lists_and_aborts()
        return UploadCapabilities(
            conditional,
            checks_part_md5=self._checks(BodyDigest.MD5),
            checks_part_sha256=self._checks(BodyDigest.SHA256),
            checks_part_crc32=self._checks(BodyDigest.CRC32),
            keeps_upload_metadata=seen is not None and METADATA.items() <= seen.metadata.items(),
            consistent_reads=bytes_seen == FIRST,
            lists_uploads=lists,
            aborts_uploads=aborts,
            replayed_complete=self._replayed(),
        )

    def _race(self) -> Enforcement:
        verdict = Race(self._writer, new_key=self._traces.new_key, bytes_of=self._traces.bytes_of).run()
        if verdict is None:
            raise unclear(self._store)
        return verdict

    def _writer(self, key: str, data: bytes) -> Callable[[], CompleteAnswer]:
        upload_id = self._traces.start_upload(self._store, key)
        part = self._store.upload_part(key, upload_id, 1, Body.of(data))
        return lambda: self._store.complete_if_absent(key, upload_id, [part])

    def _checks(self, digest: BodyDigest) -> bool:
        """Tell whether a damaged part is refused by this digest alone, and good ones become an object.

        Some do not know a digest's header and refuse whatever has it; some call a wrong digest a wrong signature (403).
        """
        key = self._traces.new_key()
        try:
            upload_id = self._traces.start_upload(self._store, key, {digest})
            part = self._store.upload_part(key, upload_id, 1, part_body(digest))
            answer = self._store.complete_if_absent(key, upload_id, [part])
        except DestinationError:
            return False
        if answer is not CreateAnswer.CREATED:
            raise unclear(self._store)
        key = self._traces.new_key()
        upload_id = self._traces.start_upload(self._store, key, {digest})
        try:
            self._store.upload_part(key, upload_id, 1, part_body(digest, wrong=True))
        except DestinationError:
            return True
        return False

    def _replayed(self) -> str:
        complete = self._writer(self._traces.new_key(), FIRST)
        try:
            complete()
            return str(complete().value)
        except DestinationError:
            return str(UploadGone.GONE.value)

    def _lists_and_aborts(self) -> tuple[bool, bool]:
        key = self._traces.new_key()
        upload_id = self._traces.start_upload(self._store, key)
        part = self._store.upload_part(key, upload_id, 1, Body.of(FIRST))
        lists = self._lists(key, upload_id)
        try:
            self._store.abort_upload(key, upload_id)
            answer = self._store.complete_if_absent(key, upload_id, [part])
        except DestinationError:
            return lists, False
        is_gone = answer is not CreateAnswer.CREATED and self._store.head(key) is None
        return lists, is_gone and not self._lists(key, upload_id)

    def _lists(self, key: str, upload_id: str) -> bool:
        try:
            return any(upload.upload_id == upload_id for upload in self._store.open_uploads(key))
        except DestinationError:
            return False
