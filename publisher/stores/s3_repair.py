"""What `publish repair` asks of an S3 bucket: replace one certain object, keep a copy, look at older versions.

The only place that overwrites, and never without `If-Match`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from urllib.parse import quote

from publisher.errors import CapabilityError, NotFoundError, RejectedError
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import Body, ReplaceAnswer, VersionInfo
from publisher.stores.s3_answers import Element, RefusedError, document_of, listed_key, moment
from publisher.stores.s3_errors import code_of
from publisher.stores.s3_objects import S3Objects, object_headers

MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that S3 copies by one request (API reference, CopyObject)."""


class S3Repair(S3Objects):
    """The port `RepairStore` over one bucket."""

    def replace(self, key: str, body: Body, *, metadata: Mapping[str, str], if_match: str) -> ReplaceAnswer:
        require_key(key)
        headers = object_headers(key, metadata) | {"if-match": if_match}
        status = self._put(key, body, headers, progress=None, refusals={404, 409, 412}, action=f"replacing {key}")
        if status in {404, 409, 412}:
            return ReplaceAnswer.CHANGED
        return ReplaceAnswer.REPLACED if status == 200 else ReplaceAnswer.AMBIGUOUS

    def copy_to_control(self, key: str, control_key: str) -> None:
        require_key(key)
        require_control_key(control_key)
        action = f"copying {key}"
        source = self.head(key)
        if source is None:
            raise NotFoundError(f"{action}: nothing is there in {self.location}")
        if source.size_bytes > MAX_COPY_BYTES:
            raise CapabilityError(f"{action}: objects above 5 GiB are not copied by one request")
        copy = self.head(control_key)
        if copy is None:
            self._asked(action, lambda: self._copy(key, control_key))
            copy = self.head(control_key)
        if copy is None or copy.size_bytes != source.size_bytes:
            raise RejectedError(f"{action}: another object is at {control_key}", hint="look at both, then delete it")

    def _copy(self, key: str, control_key: str) -> None:
        source = quote(f"/{self._options.bucket}/{key}", safe="/~")
        answer = self._bucket.ask("PUT", control_key, headers={"x-amz-copy-source": source})
        document_of(answer, "CopyObjectResult")

    def versions(self, key: str) -> Sequence[VersionInfo]:
        require_key(key)

        def listed() -> tuple[VersionInfo, ...]:
            try:
                return tuple(self._versions(key))
            except RefusedError as error:
                if error.status in {405, 501} or code_of(error) == "NotImplemented":
                    return ()
                raise

        found = self._asked(f"listing the versions of {key}", listed)
        return sorted(found, key=lambda version: version.last_modified, reverse=True)

    def read_version(self, key: str, version_id: str) -> AbstractContextManager[Iterator[bytes]]:
        require_key(key)
        return self._opened(key, query=[("versionId", version_id)], action=f"reading an older version of {key}")

    def _versions(self, key: str) -> Iterator[VersionInfo]:
        query = [("versions", ""), ("prefix", key)]
        for _, page in self._listed(query, "ListVersionsResult", ("key-marker", "version-id-marker")):
            yield from _older(page, key)
            # Keys come in order, and no other key with this prefix comes before the key itself.
            if any(listed_key(entry, page) != key for entry in page.each("Version")):
                return


def _older(page: Element, key: str) -> Iterator[VersionInfo]:
    for entry in page.each("Version"):
        texts = entry.texts
        if listed_key(entry, page) == key and texts.get("IsLatest") != "true":
            yield VersionInfo(
                texts.get("VersionId", ""),
                int(texts.get("Size", "0")),
                texts.get("ETag", ""),
                moment(texts.get("LastModified", "")) or datetime.min.replace(tzinfo=UTC),
            )
