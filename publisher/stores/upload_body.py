"""The body of an upload as an HTTP client wants it: a file that knows its digest and length, and counts."""

from __future__ import annotations

import io
from base64 import b64encode

from publisher.errors import LocalResourceError, PublisherError
from publisher.stores.port import Body, Progress


class UploadBody:
    """Streams a `Body` and reports progress; what goes wrong on this side is kept in `failure`.

    The HTTP client turns every exception of a body into "connection closed", so the caller asks for `failure` first.
    """

    def __init__(self, body: Body, progress: Progress | None) -> None:
        self.sha256_hex = body.sha256.hex if body.sha256 else None
        self.failure: PublisherError | None = None
        self._size = body.size_bytes
        self._position = 0
        self._progress = progress
        try:
            self._file = body.open()
        except OSError as error:
            raise _unreadable(error) from error

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Start over; only the beginning of the body is a place to go to."""
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("an upload starts over or not at all")
        self._file.seek(0)
        if self._progress and self._position:
            self._progress(-self._position)
        self._position = 0
        return 0

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._position if size < 0 else min(size, self._size - self._position)
        try:
            data = self._file.read(wanted) if wanted else b""
        except OSError as error:
            self.failure = _unreadable(error)
            raise self.failure from error
        if wanted and not data:
            self.failure = LocalResourceError("the prepared bytes ended early", hint="was the temporary file changed?")
            raise self.failure
        self._position += len(data)
        if self._progress and data:
            self._progress(len(data))
        return data

    def close(self) -> None:
        self._file.close()


def crc32_text(value: int) -> str:
    """Return a CRC-32 as the S3 API spells it: base64 of four bytes, the most significant first."""
    return b64encode(value.to_bytes(4, "big")).decode()


def _unreadable(error: OSError) -> LocalResourceError:
    return LocalResourceError(f"cannot read the prepared bytes: {error.strerror or error}")
