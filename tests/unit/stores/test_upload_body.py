"""The body of an upload: honest about its length, its progress and its own failures."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from publisher.errors import LocalResourceError
from publisher.stores.port import Body
from publisher.stores.upload_body import UploadBody


def test_starting_over_is_reported_as_negative_progress() -> None:
    """A repeated request takes back what was counted, so that the sum stays the truth."""
    sent: list[int] = []
    upload = UploadBody(Body.of(b"abcdef"), sent.append)

    upload.read(4)
    upload.seek(0)
    upload.read()

    assert sent == [4, -4, 6]
    assert (len(upload), upload.tell()) == (6, 6)


def test_a_body_that_ends_early_is_not_sent_as_if_whole() -> None:
    """Fewer bytes than announced are an error, remembered for the caller behind the HTTP client."""
    upload = UploadBody(replace(Body.of(b"abc"), size_bytes=9), None)
    upload.read(3)

    with pytest.raises(LocalResourceError):
        upload.read(3)

    assert isinstance(upload.failure, LocalResourceError)


def test_bytes_beyond_the_announced_size_are_not_sent() -> None:
    """A body that grew is sent up to its announced size; the digests then tell."""
    upload = UploadBody(replace(Body.of(b"abcdef"), size_bytes=3), None)

    assert (upload.read(100), upload.read(100)) == (b"abc", b"")


def test_a_body_that_cannot_be_opened_is_a_local_problem() -> None:
    """A missing temporary file is an error of this machine."""

    def missing() -> io.BytesIO:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(LocalResourceError, match="No such file"):
        UploadBody(replace(Body.of(b""), open=missing), None)
