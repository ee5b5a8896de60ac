"""The judge of Docker archives: which image an archive holds, and whether it holds all of it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.model.platforms import Platform
from publisher.sources.images.archive import ArchiveError, ArchiveJudge, Contents
from publisher.sources.images.inventory import DOCUMENT_LIMIT_BYTES, KEPT_LIMIT_BYTES, MEMBERS_LIMIT
from tests.support.images import (
    Image,
    as_json,
    hybrid_archive,
    hybrid_members,
    legacy_archive,
    legacy_members,
    sha256,
    tar_of,
)

TAG = "example/loader:1.4"
LAYERS = tuple(tar_of({f"app/{number}": bytes([number]) * 3000}) for number in range(3))
IMAGE = Image(layers=(*LAYERS, LAYERS[0]), variant="v8")
Members = dict[str, bytes | Path]


def judge(archive: bytes, *, piece: int = 1 << 16) -> Contents:
    judging = ArchiveJudge()
    for start in range(0, len(archive), piece):
        judging.feed(archive[start : start + piece])
    return judging.contents()


@pytest.mark.parametrize(
    "archive",
    [
        legacy_archive(IMAGE, TAG),
        hybrid_archive(IMAGE, TAG),
        hybrid_archive(IMAGE, TAG, compressed=True),
        legacy_archive(IMAGE, TAG, mtime=1_700_000_000),
        tar_of({f"./{name}": content for name, content in legacy_members(IMAGE, TAG).items()}),
        tar_of(dict(reversed(hybrid_members(IMAGE, TAG).items()))),
        tar_of(legacy_members(IMAGE, TAG), dialect=tarfile.PAX_FORMAT),
    ],
    ids=["legacy", "hybrid", "compressed layers", "other times", "dots", "other order", "pax"],
)
def test_an_image_is_known_by_its_configuration(archive: bytes) -> None:
    """However an image was saved, its id, platform and tags are the same; only the archive's own size differs."""
    assert judge(archive) == Contents(
        judge(legacy_archive(IMAGE)).config_digest, Platform("arm64", "v8"), (TAG,), len(archive)
    )
    assert judge(archive).config_digest.hex == IMAGE.config_digest


def test_an_untagged_archive_has_no_tags() -> None:
    """An image that was saved by its id has no tag (null in manifest.json), and that is no damage."""
    assert judge(legacy_archive(IMAGE)).tags == ()


def test_names_of_other_builders_are_understood() -> None:
    """crane names the configuration `sha256:...` and compresses layers; config and layers are proved all the same."""
    compressed = hybrid_members(IMAGE, compressed=True)
    blobs = [content for name, content in compressed.items() if name.startswith("blobs/sha256/") and content]
    layers = [blob for blob in blobs if isinstance(blob, bytes) and blob.startswith(b"\x1f\x8b")]
    names = [f"{sha256(layer)}.tar.gz" for layer in layers]
    entry = {"Config": f"sha256:{IMAGE.config_digest}", "RepoTags": [TAG], "Layers": [*names, names[0]]}
    archive = {f"sha256:{IMAGE.config_digest}": IMAGE.config, **dict(zip(names, layers, strict=True))}

    found = judge(tar_of({**archive, "manifest.json": as_json([entry])}))

    assert found.config_digest.hex == IMAGE.config_digest


def changed(name: str, content: bytes | Path | None) -> Callable[[Members], Members]:
    """Return a change: one member replaced, or left out."""

    def change(members: Members) -> Members:
        return {each: found for each, found in {**members, name: content}.items() if found is not None}

    return change


def entry(**fields: object) -> Callable[[Members], Members]:
    """Return a change of fields in manifest.json."""

    def change(members: Members) -> Members:
        [described] = json.loads(bytes(members["manifest.json"]))
        return {**members, "manifest.json": as_json([described | fields])}

    return change


FIRST_LAYER = next(name for name in legacy_members(IMAGE) if name.endswith("/layer.tar"))
CONFIG = f"{IMAGE.config_digest}.json"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (changed("manifest.json", None), "lacks manifest.json"),
        (changed("manifest.json", b"[{"), "something else than JSON where manifest.json"),
        (changed("manifest.json", b"[" * 10_000), "something else than JSON where manifest.json"),
        (changed("manifest.json", b"[]"), "does not describe an image"),
        (changed("manifest.json", b'[{"Config": 1, "Layers": []}]'), "does not describe an image"),
        (changed("manifest.json", b'[{"Config": "c", "Layers": [1]}]'), "does not describe an image"),
        (changed("manifest.json", b'[{"Config": "a", "Layers": []}, {}]'), "holds 2 images"),
        (entry(Config="config.json"), "lacks the configuration"),
        (entry(Config="../../etc/passwd"), "lacks the configuration"),
        (changed(CONFIG, Image("amd64").config), "not the one its name says"),
        (changed(CONFIG, b"{}" + b" " * DOCUMENT_LIMIT_BYTES), "4194306 bytes where the configuration"),
        (changed(FIRST_LAYER, None), "lacks layer 1 of 4"),
        (changed(FIRST_LAYER, Path("../elsewhere")), "lacks layer 1 of 4"),
        (changed(FIRST_LAYER, Path("layer.tar")), "lacks layer 1 of 4"),
        (changed(FIRST_LAYER, LAYERS[1]), "layer 1 is not the one"),
        (entry(Layers=[FIRST_LAYER]), "layers are not those"),
        (entry(Layers=[FIRST_LAYER] * 4), "layer 2 is not the one"),
    ],
)
def test_an_archive_that_is_not_all_of_one_image_is_refused(
    change: Callable[[Members], Members], complaint: str
) -> None:
    """What lacks a part, has a wrong one or holds several images is an error that says what, never a fingerprint."""
    with pytest.raises(ArchiveError, match=complaint):
        judge(tar_of(change(legacy_members(IMAGE, TAG))))


def test_a_compressed_layer_is_what_its_name_says() -> None:
    """A compressed layer cannot be compared with the configuration, so it has to be the blob it is named after."""
    members = hybrid_members(IMAGE, TAG, compressed=True)
    layer = next(name for name, content in members.items() if isinstance(content, bytes) and content[:1] == b"\x1f")
    members[layer] = bytes(members[layer])[:-1] + b"!"

    with pytest.raises(ArchiveError, match="layer 1 is not the one"):
        judge(tar_of(members))


def test_an_archive_of_several_platforms_is_refused() -> None:
    """An export of the containerd store names one image in manifest.json and holds all: a device could load another."""
    members = hybrid_members(Image("arm64"), TAG) | {
        name: content for name, content in hybrid_members(Image("amd64")).items() if name.startswith("blobs/")
    }

    with pytest.raises(ArchiveError, match="images for 2 platforms"):
        judge(tar_of(members))


def test_an_attestation_is_no_second_image() -> None:
    """BuildKit adds a configuration for an unknown platform, with the build's provenance; it is not counted."""
    attestation = as_json({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
    members = hybrid_members(Image(), TAG) | {f"blobs/sha256/{sha256(attestation)}": attestation}

    assert judge(tar_of(members)).config_digest.hex == Image().config_digest


def test_an_oci_archive_is_told_apart() -> None:
    """An OCI archive without manifest.json is refused with the reference that reads it."""
    members = hybrid_members(IMAGE, TAG)
    del members["manifest.json"]

    with pytest.raises(ArchiveError, match="is an OCI archive") as refused:
        judge(tar_of(members))

    assert refused.value.hint == "write oci-archive:path"


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00"])
def test_a_compressed_archive_is_told_apart(start: bytes) -> None:
    """A compressed archive is refused with what to do, rather than as rubbish."""
    with pytest.raises(ArchiveError, match="is compressed"):
        judge(start + bytes(2000))


def test_what_is_kept_of_an_archive_is_bounded() -> None:
    """Too many entries, or too many documents, end the reading: memory does not grow with an archive."""
    judging = ArchiveJudge()
    header = tarfile.TarInfo("a").tobuf()

    with pytest.raises(ArchiveError, match="two entries with one name"):
        judging.feed(header * 2)

    judging = ArchiveJudge()
    with pytest.raises(ArchiveError, match=f"more than {MEMBERS_LIMIT} entries"):
        judging.feed(b"".join(tarfile.TarInfo(str(number)).tobuf() for number in range(MEMBERS_LIMIT + 1)))

    judging, document = ArchiveJudge(), b"{" + bytes(DOCUMENT_LIMIT_BYTES - 1)
    archive = tar_of({str(number): document for number in range(KEPT_LIMIT_BYTES // DOCUMENT_LIMIT_BYTES + 1)})
    with pytest.raises(ArchiveError, match=f"more than {KEPT_LIMIT_BYTES} bytes of documents"):
        judging.feed(archive)


@given(st.data())
def test_a_flipped_byte_never_gives_another_image(data: st.DataObject) -> None:
    """Whatever byte of an archive changes, it is refused or still holds this very image, bit for bit."""
    archive = bytearray(ARCHIVE)
    archive[data.draw(st.integers(min_value=0, max_value=len(archive) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = judge(bytes(archive))
    except ArchiveError:
        return
    assert found.config_digest.hex == SMALL.config_digest
    with tarfile.open(fileobj=io.BytesIO(archive)) as told:
        layer = told.extractfile(next(name for name in told.getnames() if name.endswith("layer.tar")))
        assert layer is not None
        assert layer.read() == SMALL.layers[0]


SMALL = Image()
ARCHIVE = legacy_archive(SMALL, TAG)
