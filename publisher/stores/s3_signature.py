"""AWS Signature Version 4 for requests to S3, with digests of bodies that are known beforehand. Pure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Everything that is sent is signed
but for what proxies may change, so that nobody on the way can take a condition off a request. The tests compare every
signature with botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs for one key and region. Safe to share between threads."""

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._region = region
        self._derived: tuple[str, hmac.HMAC] = ("", hmac.new(b"", digestmod="sha256"))

    def signed(
        self, method: str, path: str, query: str, headers: Mapping[str, str], *, payload: str, now: float
    ) -> dict[str, str]:
        """Return `headers` (lower case, `host` among them) with those that prove who asks.

        `path` and `query` are those of the request line: percent-encoded, the query's names in order, each with `=`.
        `payload` is the SHA-256 of the body in hex, or `UNSIGNED`. `now` counts from the epoch in seconds.
        """
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        sent = {**headers, "x-amz-date": moment, "x-amz-content-sha256": payload}
        names = sorted(sent)
        lines = "".join([f"{name}:{' '.join(sent[name].split())}\n" for name in names])
        listed = ";".join(names)
        request = f"{method}\n{path}\n{query}\n{lines}\n{listed}\n{payload}"
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        mac = self._keyed(moment[:8]).copy()
        mac.update(to_sign.encode())
        sent["authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key}/{scope}, SignedHeaders={listed}, Signature={mac.hexdigest()}"
        )
        return sent

    def _keyed(self, day: str) -> hmac.HMAC:
        """Return the code that begins with the day's key; it is to be copied."""
        known_day, keyed = self._derived
        if known_day != day:
            key = f"AWS4{self._secret_key}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            keyed = hmac.new(key, digestmod="sha256")
            self._derived = (day, keyed)
        return keyed
