"""An image as a source: its facts while planning, its stream while publishing, and what is proved at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.errors import Cancelled, InternalError, SourceChangedError, SourceError
from publisher.model import Digest, FileSetSource, FileSource, ImageSource, SourceFacts
from publisher.sources.facts import facts_of
from publisher.sources.fingerprints import fingerprint_like
from publisher.sources.images.stream import BLOCK_BYTES, ImageStream
from publisher.sources.opening import open_source
from tests.support.images import Image, hybrid_archive, legacy_archive, tar_of

IMAGE = Image(layers=(tar_of({"weights": bytes(range(256)) * 12_000}),))


def never() -> None:
    """Do not ask to stop."""


def source_of(folder: Path, archive: bytes, architecture: str = "arm64") -> ImageSource:
    (folder / "loader.tar").write_bytes(archive)
    local = FileSource(folder / "loader.tar", folder, "loader.tar")
    return ImageSource("docker-archive:loader.tar", "docker-archive:loader.tar", local, architecture)


def read(source: ImageSource, planned: SourceFacts, *, room: int = 1 << 16) -> bytes:
    buffer, content = bytearray(room), bytearray()
    with open_source(source) as stream:
        while count := stream.read_into(memoryview(buffer)):
            content += buffer[:count]
        stream.check_unchanged(Digest(hashlib.sha256(content).hexdigest()), planned)
    return bytes(content)


@pytest.mark.parametrize("room", [1000, BLOCK_BYTES, 5 * BLOCK_BYTES])
def test_the_archive_passes_as_it_is(tmp_path: Path, room: int) -> None:
    """What is published is the archive, byte for byte, however much is asked for at once."""
    archive = legacy_archive(IMAGE)
    source = source_of(tmp_path, archive)

    facts = facts_of(source, never)

    assert facts == SourceFacts(len(archive), Digest(IMAGE.config_digest))
    assert read(source, facts, room=room) == archive


@pytest.mark.parametrize(
    ("architecture", "image", "fits"),
    [
        ("aarch64", Image("arm64", variant="v8"), True),
        ("armv7", Image("arm", variant="v6"), True),
        ("jetson", Image("amd64"), True),
        ("amd64", Image("arm64"), False),
        ("arm64", Image("arm", variant="v7"), False),
        ("armv6", Image("arm", variant="v7"), False),
    ],
)
def test_an_image_for_another_processor_is_refused(tmp_path: Path, architecture: str, image: Image, fits: bool) -> None:
    """The architecture of the artifact is compared with the image's, if it is the name of a processor."""
    source = source_of(tmp_path, legacy_archive(image), architecture)

    if fits:
        assert facts_of(source, never).sha256.hex == image.config_digest
        return
    with pytest.raises(SourceError, match=f"is for linux/{image.architecture}.*architecture is {architecture}"):
        facts_of(source, never)


def test_an_archive_that_is_no_image_is_an_error_of_the_plan(tmp_path: Path) -> None:
    """A tar of something else, a cut archive and a compressed one have no fingerprint."""
    for content, complaint in (
        (tar_of({"a": b"b"}), "lacks manifest.json"),
        (legacy_archive(IMAGE)[:-10240], "is cut short"),
        (b"\x1f\x8b" + bytes(100), "is compressed"),
        (b"", "is cut short"),
    ):
        with pytest.raises(SourceError, match=complaint):
            facts_of(source_of(tmp_path, content), never)


def test_another_image_than_the_planned_one_is_not_published(tmp_path: Path) -> None:
    """The same image in other bytes is what was planned; another image is not, however like it looks."""
    facts = facts_of(source_of(tmp_path, legacy_archive(IMAGE)), never)

    read(source_of(tmp_path, hybrid_archive(IMAGE)), facts)
    with pytest.raises(SourceChangedError, match="another image than the planned one"):
        read(source_of(tmp_path, legacy_archive(Image(labels={"rebuilt": "yes"}))), facts)


def test_an_archive_that_was_not_read_to_its_end_proves_nothing(tmp_path: Path) -> None:
    """Whoever stops reading early cannot have the image checked."""
    source = source_of(tmp_path, legacy_archive(IMAGE))
    facts = facts_of(source, never)

    with open_source(source) as stream:
        stream.read_into(memoryview(bytearray(1000)))
        with pytest.raises(SourceChangedError, match="was not read to its end"):
            stream.check_unchanged(facts.sha256, facts)


def stream_of(fill: Callable[[memoryview], int], *, finish: Callable[[], None] = never) -> ImageStream:
    return ImageStream(fill, finish, shown="the image", check=never)


def test_the_end_is_told_only_after_a_good_end() -> None:
    """A complete archive of a program that then fails is an error instead of an end, so that nobody seals it."""
    rest = bytearray(legacy_archive(IMAGE))

    def fill(buffer: memoryview) -> int:
        count = min(len(buffer), len(rest))
        buffer[:count] = rest[:count]
        del rest[:count]
        return count

    def fail() -> None:
        raise SourceError("the tool failed")

    stream = stream_of(fill, finish=fail)
    buffer = memoryview(bytearray(4 * BLOCK_BYTES))
    try:
        read_bytes = [stream.read_into(buffer) for _ in range(-(-len(legacy_archive(IMAGE)) // BLOCK_BYTES))]
        with pytest.raises(SourceError, match="the tool failed"):
            stream.read_into(buffer)
    finally:
        stream.close()

    assert sum(read_bytes) == len(legacy_archive(IMAGE))


def test_a_failure_while_reading_is_passed_on() -> None:
    """What the reading thread meets reaches whoever reads, as it is."""

    def fill(_buffer: memoryview) -> int:
        raise OSError("the disk")

    stream = stream_of(fill)
    try:
        with pytest.raises(OSError, match="the disk"):
            stream.read_into(memoryview(bytearray(10)))
    finally:
        stream.close()


def test_waiting_for_bytes_can_be_stopped(tmp_path: Path) -> None:
    """While nothing comes, the stop request is asked for."""

    def stop() -> None:
        raise Cancelled("stopped")

    with (
        pytest.raises(Cancelled),
        open_source(source_of(tmp_path, legacy_archive(IMAGE)), stop) as stream,
    ):
        stream.read_into(memoryview(bytearray(10)))


def test_an_opened_archive_has_the_fingerprint_of_its_image(tmp_path: Path) -> None:
    """What was opened again is compared by the image's id; what is no archive has none; a file is its bytes."""
    source = source_of(tmp_path, b"")
    of_image = fingerprint_like(source)
    for piece in (hybrid_archive(IMAGE)[:700], hybrid_archive(IMAGE)[700:]):
        of_image.update(piece)
    of_rubbish, of_nothing = fingerprint_like(source), fingerprint_like(source)
    of_rubbish.update(b"rubbish" * 100)
    of_rubbish.update(b"more")
    assert source.local is not None
    of_file = fingerprint_like(source.local)
    of_file.update(b"content")

    assert of_image.digest() == Digest(IMAGE.config_digest)
    assert (of_rubbish.digest(), of_nothing.digest()) == (None, None)
    assert of_file.digest() == Digest(hashlib.sha256(b"content").hexdigest())
    with pytest.raises(InternalError):
        fingerprint_like(FileSetSource((), "dist/*"))
