"""What `publish repair` asks of an S3 bucket: replace one certain object, keep a copy, look at older versions.

The only place that overwrites, and never without `If-Match`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from publisher.errors import CapabilityError, NotFoundError, RejectedError
from publisher.stores.keys import require_control_key, require_key
from publisher.stores.port import Body, ReplaceAnswer, VersionInfo
from publisher.stores.s3_errors import code_of, status_of
from publisher.stores.s3_objects import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that S3 copies by one request (API reference, CopyObject)."""


class S3Repair(S3Objects):
    """The port `RepairStore` over one bucket."""

    def replace(self, key: str, body: Body, *, metadata: Mapping[str, str], if_match: str) -> ReplaceAnswer:
        require_key(key)
        request = self._put_request(key, body, metadata=metadata)
        request["IfMatch"] = if_match
        status = self._put(request, body, progress=None, refusals={404, 409, 412}, action=f"replacing {key}")
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
            with self._site.translated(action):
                self._reading.copy_object(
                    Bucket=self._options.bucket,
                    Key=control_key,
                    CopySource={"Bucket": self._options.bucket, "Key": key},
                )
            copy = self.head(control_key)
        if copy is None or copy.size_bytes != source.size_bytes:
            raise RejectedError(f"{action}: another object is at {control_key}", hint="look at both, then delete it")

    def versions(self, key: str) -> Sequence[VersionInfo]:
        require_key(key)
        with self._site.translated(f"listing the versions of {key}"):
            try:
                return sorted(self._versions(key), key=lambda version: version.last_modified, reverse=True)
            except ClientError as error:
                if status_of(error) not in {405, 501} and code_of(error) != "NotImplemented":
                    raise
        return ()

    def read_version(self, key: str, version_id: str) -> AbstractContextManager[Iterator[bytes]]:
        require_key(key)
        return self._opened(key, version_id=version_id, action=f"reading an older version of {key}")

    def _versions(self, key: str) -> Iterator[VersionInfo]:
        paginator = self._reading.get_paginator("list_object_versions")
        for page in paginator.paginate(Bucket=self._options.bucket, Prefix=key):
            yield from _older(page, key)
            # Keys come in order, and no other key with this prefix comes before the key itself.
            if any(entry.get("Key") != key for entry in page.get("Versions", [])):
                return


def _older(page: ListObjectVersionsOutputTypeDef, key: str) -> Iterator[VersionInfo]:
    for entry in page.get("Versions", []):
        if entry.get("Key") == key and not entry.get("IsLatest"):
            yield VersionInfo(entry["VersionId"], entry["Size"], entry.get("ETag", ""), entry["LastModified"])
