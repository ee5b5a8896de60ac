"""The fingerprint of an image, taken from the bytes of its archive as they pass."""

from __future__ import annotations

from publisher.model import Digest
from publisher.sources.images.archive import ArchiveError, ArchiveJudge


class ImageFingerprint:
    """The config digest of the image in an archive, if that is whole: its bytes differ between two exports."""

    def __init__(self) -> None:
        self._judge = ArchiveJudge()
        self._is_broken = False

    def update(self, piece: bytes | memoryview) -> None:
        if self._is_broken:
            return
        try:
            self._judge.feed(piece)
        except ArchiveError:
            self._is_broken = True

    def digest(self) -> Digest | None:
        if self._is_broken:
            return None
        try:
            return self._judge.contents().config_digest
        except ArchiveError:
            return None
