"""What a statement says of one stored object: an in-toto Statement v1 with a predicate of our own.

The object lies where devices download it, and its statement beside it: nothing in it may be a secret. It holds no data
key, no fingerprint of one, and of the facts about commit and job only those listed here: no commit message and no
person's name. Source: in-toto attestation framework, Statement v1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from publisher.errors import ProtocolError
from publisher.model import Digest

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:publisher:predicate:release:v1"

GIT_FACTS: Final = ("sha", "branch", "tag", "tags", "repository_url", "commit_date", "commit_time", "dirty")
CI_FACTS: Final = (
    *("system", "event", "pipeline_number", "pipeline_url", "job_name", "job_url"),
    *("source_branch", "pull_request"),
)
"""What is written down of where an artifact comes from: all facts but the author and the commit's message, because a
statement is as public as the object beside it. The plan and the report have those, too."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What binds a statement to one set of stored bytes, and what a checker compares.

    `name` is the object key; `sha256` and `size_bytes` are of the whole stored object. `source_sha256` is the source
    fingerprint: of a file its SHA-256, of an image the digest of its configuration. `compression` is `gzip` or `none`.
    """

    name: str
    identity: Mapping[str, str]
    sha256: str
    size_bytes: int
    source_sha256: str
    compression: str

    def differences(self, other: Claim) -> tuple[str, ...]:
        """Return the names, for people, of what the other claim says otherwise."""
        pairs = {
            "object key": (self.name, other.name),
            "object sha256": (self.sha256, other.sha256),
            "object size": (self.size_bytes, other.size_bytes),
            "identity": (dict(self.identity), dict(other.identity)),
            "source sha256": (self.source_sha256, other.source_sha256),
            "compression": (self.compression, other.compression),
        }
        return tuple(name for name, (mine, theirs) in pairs.items() if mine != theirs)


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim, and where it comes from. `created` is UTC; `git` and `ci` may hold more than is written down."""

    claim: Claim
    created: datetime
    tool_version: str
    manifest_sha256: str | None = None
    git: Mapping[str, str] = field(default_factory=dict)
    ci: Mapping[str, str] = field(default_factory=dict)

    def to_payload(self) -> bytes:
        """Return the statement as JSON with sorted names: the bytes that are signed."""
        claim = self.claim
        document = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": claim.name, "digest": {"sha256": claim.sha256}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "identity": dict(claim.identity),
                "object": {"size_bytes": claim.size_bytes},
                "source": {"sha256": claim.source_sha256},
                "compression": claim.compression,
                "manifest": {"sha256": self.manifest_sha256},
                "git": {name: self.git[name] for name in GIT_FACTS if name in self.git},
                "ci": {name: self.ci[name] for name in CI_FACTS if name in self.ci},
                "tool": {"name": "publisher", "version": self.tool_version},
                "created": self.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_claim(payload: bytes) -> Claim:
    """Return what a statement's payload claims; fields that a newer publisher added are ignored.

    Raises `ProtocolError` for another type of statement, for several subjects, and for anything that is none.
    """
    try:
        document = json.loads(payload)
        _require_types(document["_type"], document["predicateType"])
        [subject] = document["subject"]
        predicate = document["predicate"]
        return Claim(
            name=_text(subject["name"]),
            identity={str(name): _text(value) for name, value in predicate["identity"].items()},
            sha256=Digest(subject["digest"]["sha256"]).hex,
            size_bytes=_size(predicate["object"]["size_bytes"]),
            source_sha256=Digest(predicate["source"]["sha256"]).hex,
            compression=_text(predicate["compression"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProtocolError("not a statement of this publisher") from None


def _require_types(statement_type: object, predicate_type: object) -> None:
    if (statement_type, predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError("another type of statement")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed here")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a size is a whole number of bytes")
    return value
