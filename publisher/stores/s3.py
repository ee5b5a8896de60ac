"""An S3 bucket as an object store. Knows requests and answers, no protocol; each port is a module of its own."""

from __future__ import annotations

from publisher.stores.s3_repair import S3Repair
from publisher.stores.s3_uploads import S3Uploads


class S3Store(S3Uploads, S3Repair):
    """One bucket of an S3-compatible service, as `ProbedStore`. Safe to share between threads."""
