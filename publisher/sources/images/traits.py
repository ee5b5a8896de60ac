"""What is known of an image before its bytes are read, whoever was asked."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.model import Digest
from publisher.model.platforms import Platform


@dataclass(frozen=True, slots=True)
class Traits:
    """`config_digest` is the image's id: the SHA-256 of its configuration. `size_bytes` estimates its archive."""

    config_digest: Digest
    platform: Platform
    size_bytes: int
