"""Uploads in parts to an S3 bucket. An object appears by one completion, which never replaces what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from publisher.errors import ProtocolError
from publisher.stores.keys import require_key
from publisher.stores.port import (
    Body,
    BodyDigest,
    CompleteAnswer,
    CreateAnswer,
    OpenUpload,
    Progress,
    SentPart,
    UploadGone,
)
from publisher.stores.s3_errors import server_time, status_of
from publisher.stores.s3_objects import SDK_ERRORS, S3Objects, digest_headers, object_headers
from publisher.stores.upload_body import UploadBody, crc32_text

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CreateMultipartUploadRequestTypeDef

_ANSWERS: Mapping[int, CompleteAnswer] = {
    200: CreateAnswer.CREATED,
    412: CreateAnswer.EXISTS,
    409: CreateAnswer.BUSY,
    404: UploadGone.GONE,
}


class S3Uploads(S3Objects):
    """The port `MultipartStore` over one bucket."""

    def start_upload(self, key: str, *, metadata: Mapping[str, str], digests: Collection[BodyDigest] = ()) -> str:
        require_key(key)
        action = f"starting an upload of {key}"
        request: CreateMultipartUploadRequestTypeDef = {"Bucket": self._options.bucket, "Key": key}
        request |= object_headers(key, metadata)  # type: ignore[typeddict-item]  # a part of it
        if BodyDigest.CRC32 in digests:
            request["ChecksumAlgorithm"] = "CRC32"
        with self._site.translated(action):
            # Sent once: a lost answer leaves an upload behind, and so would every repetition.
            answer = self._clients.once.create_multipart_upload(**request)
        if not answer.get("UploadId"):
            raise ProtocolError(f"{action}: {self.location} gave no upload id")
        return answer["UploadId"]

    def upload_part(
        self, key: str, upload_id: str, number: int, body: Body, progress: Progress | None = None
    ) -> SentPart:
        require_key(key)
        action = f"sending part {number} of {key}"
        with closing(UploadBody(body, progress)) as upload:
            try:
                answer = self._clients.once.upload_part(
                    Bucket=self._options.bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=upload,  # type: ignore[arg-type]  # the SDK wants no more than read, seek and a length
                    **digest_headers(body),
                )
            except SDK_ERRORS as error:
                raise upload.failure or self._site.translate(error, action) from None
        if not answer.get("ETag"):
            raise ProtocolError(f"{action}: the answer of {self.location} was cut")
        return SentPart(answer["ETag"], body.crc32)

    def complete_if_absent(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        return self._complete(key, upload_id, parts, is_conditional=True)

    def complete(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        return self._complete(key, upload_id, parts, is_conditional=False)

    def _complete(self, key: str, upload_id: str, parts: Sequence[SentPart], *, is_conditional: bool) -> CompleteAnswer:
        require_key(key)
        listed = [_listed(number, part) for number, part in enumerate(parts, start=1)]
        status = self._once(
            lambda: self._clients.once.complete_multipart_upload(
                Bucket=self._options.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
                **({"IfNoneMatch": "*"} if is_conditional else {}),  # type: ignore[arg-type]  # the one key it may be
            ),
            refusals={404, 409, 412},
            action=f"completing the upload of {key}",
        )
        return _ANSWERS.get(status, CreateAnswer.AMBIGUOUS)

    def abort_upload(self, key: str, upload_id: str) -> None:
        require_key(key)
        with self._site.translated(f"aborting an upload of {key}"):
            try:
                self._reading.abort_multipart_upload(Bucket=self._options.bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if status_of(error) != 404:
                    raise

    def open_uploads(self, prefix: str) -> Sequence[OpenUpload]:
        with self._site.translated("listing open uploads"):
            return tuple(self._open_uploads(prefix))

    def _open_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        paginator = self._reading.get_paginator("list_multipart_uploads")
        for page in paginator.paginate(Bucket=self._options.bucket, Prefix=prefix):
            now = server_time(page["ResponseMetadata"]["HTTPHeaders"])
            for entry in page.get("Uploads", []):
                started = entry.get("Initiated")
                age_s = (now - started).total_seconds() if now and started else None
                yield OpenUpload(entry["Key"], entry["UploadId"], age_s)


def _listed(number: int, part: SentPart) -> CompletedPartTypeDef:
    listed: CompletedPartTypeDef = {"PartNumber": number, "ETag": part.etag}
    if part.crc32 is not None:
        listed["ChecksumCRC32"] = crc32_text(part.crc32)
    return listed
