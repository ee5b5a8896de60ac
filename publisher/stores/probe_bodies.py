"""Bodies that a probe sends to see whether a store checks a digest: the right one, or another body's. Pure."""

from __future__ import annotations

from binascii import crc32
from dataclasses import replace

from publisher.stores.body import Body, BodyDigest
from publisher.stores.probe_traces import FIRST, SECOND


def put_body(digest: BodyDigest, *, wrong: bool = False) -> Body:
    """Return a body as objects are sent: with its SHA-256 in any case, and the digest in question."""
    body = part_body(digest, wrong=wrong)
    return body if body.sha256 is not None else replace(body, sha256=Body.of(FIRST).sha256)


def part_body(digest: BodyDigest, *, wrong: bool = False) -> Body:
    """Return a body as parts are sent: with one digest only."""
    told = SECOND if wrong else FIRST
    body, other = Body.of(FIRST), Body.of(told)
    match digest:
        case BodyDigest.SHA256:
            return replace(body, sha256=other.sha256, md5=None)
        case BodyDigest.MD5:
            return replace(body, sha256=None, md5=other.md5)
        case BodyDigest.CRC32:
            return replace(body, sha256=None, md5=None, crc32=crc32(told))
