"""The SDK's errors in our words. No vendor exception, secret, header or query string gets past this module.

What the store said is shown as its error code only: messages of a store may quote the request, keys included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from publisher.errors import (
    CapabilityError,
    CredentialsError,
    NotFoundError,
    ProtocolError,
    PublisherError,
    RejectedError,
    TransportError,
)
from publisher.http.wire import Failure, WireError
from publisher.stores.s3_answers import NotS3Error, RefusedError, http_date

FAILURES = (WireError, RefusedError, NotS3Error)
"""What can be said of a request whose answer is not a success."""

MAX_RETRY_AFTER_S = 60.0

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CUT_SHORT = frozenset({"IncompleteBody", "RequestTimeout", "ClientDisconnected", "RequestTimeoutException"})
_THROTTLED = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"})
_CREDENTIALS = {
    "InvalidAccessKeyId": "the access key is not known there: check S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "the secret key is wrong, or something on the way rewrites requests: check S3_SECRET_KEY",
    "ExpiredToken": "the credentials have expired: get new ones",
    "InvalidToken": "the credentials are not valid: get new ones",
    "AccountProblem": "the account is suspended: ask its owner",
    "AccessDenied": "these credentials may not do this: ask for GetObject and PutObject on the bucket's objects",
}
_DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "ContentSHA256Mismatch"})


class Site:
    """Where requests go, for messages: what was asked of which endpoint and bucket."""

    __slots__ = ("location",)

    def __init__(self, location: str) -> None:
        self.location = location

    @contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """Raise what a request inside raises as one of ours; `action` reads like 'reading x'."""
        try:
            yield
        except FAILURES as error:
            raise self.translate(error, action) from None

    def translate(self, error: WireError | RefusedError | NotS3Error, action: str) -> PublisherError:
        if isinstance(error, RefusedError):
            return self._refusal(error, action)
        if isinstance(error, NotS3Error):
            return ProtocolError(
                f"{action}: {self.location} sent an answer that is not S3's",
                hint="is the endpoint an S3 API, or a web page or proxy in front of one?",
            )
        if error.failure is Failure.UNTRUSTED:
            return RejectedError(
                f"{action}: the certificate of {self.location} is not trusted",
                hint="set S3_CA_FILE to the certificate authority's PEM file, and check the endpoint's host name",
            )
        if error.is_unsent:
            hint = "check the endpoint's host, port and scheme, the network and the proxy"
            return TransportError(f"{action}: cannot connect to {self.location} ({error.failure.value})", hint=hint)
        return TransportError(f"{action}: no whole answer from {self.location} ({error.failure.value})")

    def _refusal(self, error: RefusedError, action: str) -> PublisherError:
        status, code, headers = error.status, code_of(error), error.headers
        said = f"{action}: {self.location} answered {status}" + (f" {code}" if code and code != str(status) else "")
        if (status >= 500 and status != 501) or status in {408, 429} or code in _THROTTLED:
            return TransportError(said, hint=None, retry_after_s=_retry_after(headers))
        if code in _CUT_SHORT:
            return TransportError(said, hint="the request was cut on its way: check the network")
        if code == "RequestTimeTooSkewed":
            return CredentialsError(
                f"{action}: {self.location} refuses requests because {_skew(headers)}",
                hint="set this machine's clock (NTP); S3 accepts 15 minutes of difference",
            )
        if region := _other_region(error, code=code):
            return RejectedError(said, hint=f"the bucket is in another region: {region}", status=status)
        if status in {401, 403} or code in _CREDENTIALS:
            hint = _CREDENTIALS.get(code) or (
                "the store refused these credentials; it also says so for an object that is not there"
                " when the credentials may not list the bucket"
            )
            return CredentialsError(said, hint=hint)
        if status == 501 or code in {"NotImplemented", "UnsupportedOperation"} or _about_condition(error):
            return CapabilityError(said, hint="the store does not support conditional writes (If-None-Match, If-Match)")
        if code == "NoSuchBucket":
            return no_bucket(self.location)
        if status == 404:
            return NotFoundError(said)
        if code in _DAMAGED:
            hint = "the bytes changed on their way, or do not match their digest"
            return RejectedError(said, hint=hint, status=status)
        if 300 <= status < 400:
            hint = "check S3_ENDPOINT, S3_REGION and S3_ADDRESSING_STYLE: redirects are not followed"
            return RejectedError(said, hint=hint, status=status)
        return RejectedError(said, status=status)


def no_bucket(location: str) -> RejectedError:
    return RejectedError(
        f"there is no bucket {location}", hint="create the bucket, or check S3_BUCKET and S3_ENDPOINT", status=404
    )


def code_of(error: RefusedError) -> str:
    """Return the store's error code if it looks like one, else an empty string."""
    code = error.details.get("Code", "")
    return code if _CODE.fullmatch(code) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), MAX_RETRY_AFTER_S)
    moment = http_date(value)
    return None if moment is None else min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _skew(headers: Mapping[str, str]) -> str:
    theirs = http_date(headers.get("date", ""))
    if theirs is None:
        return "this machine's clock is wrong"
    minutes = round((datetime.now(UTC) - theirs).total_seconds() / 60)
    return (
        f"this machine's clock is {abs(minutes)} min {'ahead' if minutes >= 0 else 'behind'} (off by {minutes:+d} min)"
    )


def _other_region(error: RefusedError, *, code: str) -> str | None:
    """Return advice if the answer says that the bucket lives in another region."""
    redirected = code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
    region = error.headers.get("x-amz-bucket-region") or error.details.get("Region", "")
    if not redirected and not (error.status in {301, 307, 400} and region):
        return None
    return f"set S3_REGION to {region}" if _CODE.fullmatch(region) else "check S3_REGION and S3_ENDPOINT"


def _about_condition(error: RefusedError) -> bool:
    """Tell whether a 400 complains of the condition header, in its message or its header field."""
    text = " ".join(error.details.get(name, "") for name in ("Message", "Header", "ArgumentName"))
    return "if-none-match" in text.lower() or "if-match" in text.lower()
