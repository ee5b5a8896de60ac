"""Uploads in parts to an S3 bucket. An object appears by one completion, which never replaces what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from xml.etree import ElementTree

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
from publisher.stores.s3_answers import document_of, http_date, listed_key, moment
from publisher.stores.s3_objects import S3Objects, object_headers
from publisher.stores.upload_body import crc32_text

_ANSWERS: Mapping[int, CompleteAnswer] = {
    200: CreateAnswer.CREATED,
    412: CreateAnswer.EXISTS,
    409: CreateAnswer.BUSY,
    404: UploadGone.GONE,
}
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class S3Uploads(S3Objects):
    """The port `MultipartStore` over one bucket."""

    def start_upload(self, key: str, *, metadata: Mapping[str, str], digests: Collection[BodyDigest] = ()) -> str:
        require_key(key)
        action = f"starting an upload of {key}"
        headers = object_headers(key, metadata)
        if BodyDigest.CRC32 in digests:
            headers["x-amz-checksum-algorithm"] = "CRC32"
        with self._site.translated(action):
            # Sent once: a lost answer leaves an upload behind, and so would every repetition.
            answer = self._bucket.ask("POST", key, query=[("uploads", "")], headers=headers)
            upload_id = document_of(answer, "InitiateMultipartUploadResult").texts.get("UploadId")
        if not upload_id:
            raise ProtocolError(f"{action}: {self.location} gave no upload id")
        return upload_id

    def upload_part(
        self, key: str, upload_id: str, number: int, body: Body, progress: Progress | None = None
    ) -> SentPart:
        require_key(key)
        action = f"sending part {number} of {key}"
        query = [("partNumber", str(number)), ("uploadId", upload_id)]
        with self._site.translated(action):
            etag = self._bucket.store(key, body, query=query, progress=progress).headers.get("etag")
        if not etag:
            raise ProtocolError(f"{action}: {self.location} gave the part no ETag")
        return SentPart(etag, body.crc32)

    def complete_if_absent(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        return self._complete(key, upload_id, parts, is_conditional=True)

    def complete(self, key: str, upload_id: str, parts: Sequence[SentPart]) -> CompleteAnswer:
        return self._complete(key, upload_id, parts, is_conditional=False)

    def _complete(self, key: str, upload_id: str, parts: Sequence[SentPart], *, is_conditional: bool) -> CompleteAnswer:
        require_key(key)

        def complete() -> bool:
            answer = self._bucket.ask(
                "POST",
                key,
                query=[("uploadId", upload_id)],
                headers={"content-type": "application/xml"} | ({"if-none-match": "*"} if is_conditional else {}),
                body=_list_of(parts),
            )
            done = document_of(answer, "CompleteMultipartUploadResult").texts
            # Ceph leaves the ETag empty.
            return bool(done.get("ETag") or done.get("Key"))

        status = self._once(complete, refusals={404, 409, 412}, action=f"completing the upload of {key}")
        return _ANSWERS.get(status, CreateAnswer.AMBIGUOUS)

    def abort_upload(self, key: str, upload_id: str) -> None:
        require_key(key)
        query = [("uploadId", upload_id)]
        self._asked(f"aborting an upload of {key}", lambda: self._unless_absent("DELETE", key, query=query))

    def open_uploads(self, prefix: str) -> Sequence[OpenUpload]:
        return self._asked("listing open uploads", lambda: tuple(self._open_uploads(prefix)))

    def _open_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        query = [("uploads", ""), ("prefix", prefix)]
        for headers, page in self._listed(query, "ListMultipartUploadsResult", ("key-marker", "upload-id-marker")):
            now = http_date(headers.get("date", ""))
            for entry in page.each("Upload"):
                started = moment(entry.texts.get("Initiated", ""))
                age_s = (now - started).total_seconds() if now and started else None
                yield OpenUpload(listed_key(entry, page), entry.texts.get("UploadId", ""), age_s)


def _list_of(parts: Sequence[SentPart]) -> bytes:
    root = ElementTree.Element("CompleteMultipartUpload", xmlns=_NAMESPACE)
    for number, part in enumerate(parts, start=1):
        entry = ElementTree.SubElement(root, "Part")
        ElementTree.SubElement(entry, "ETag").text = part.etag
        if part.crc32 is not None:
            ElementTree.SubElement(entry, "ChecksumCRC32").text = crc32_text(part.crc32)
        ElementTree.SubElement(entry, "PartNumber").text = str(number)
    return ElementTree.tostring(root)
