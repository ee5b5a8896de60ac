"""What a conda package says of itself: read from what real builders made, refused for everything else."""

from __future__ import annotations

import bz2
import io
import json
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import Cancelled, SourceError
from publisher.model import FileSource
from publisher.sources.conda_package import PackageFacts, read_package
from publisher.sources.files import open_file
from tests.support.conda_packages import build_package, build_with_rattler_build, build_with_whl2conda, tar_bz2

INDEX = json.dumps({"name": "x", "version": "1.0", "build": "0", "subdir": "linux-64"}).encode()
FACTS = PackageFacts("x", "1.0", "0", "linux-64")
FORMATS = [".conda", ".tar.bz2"]


def go_on() -> None:
    """Never cancel."""


def read(content: bytes, name: str = "x-1.0-0.tar.bz2", **options: int) -> PackageFacts:
    return read_package(io.BytesIO(content), name, f"dist/{name}", go_on, **options)


def read_file(path: Path) -> PackageFacts:
    with path.open("rb") as file:
        return read_package(file, path.name, path.name, go_on)


def tar(files: dict[str, bytes]) -> bytes:
    return bz2.decompress(tar_bz2(files))


def conda(files: dict[str, bytes], *, stem: str = "x-1.0-0", compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a `.conda` whose info part holds these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as outer:
        outer.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        outer.writestr(f"info-{stem}.tar.zst", zstd.compress(tar(files)))
        outer.writestr(f"pkg-{stem}.tar.zst", zstd.compress(tar({"bin/x": b"x"})))
    return packed.getvalue()


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("subdir", ["noarch", "linux-64", None])
def test_both_formats_say_who_they_are(tmp_path: Path, extension: str, subdir: str | None) -> None:
    """Name, version, build and subdir come from the package itself; an old package may leave out the subdir."""
    path = build_package(tmp_path, "some-name", "1!2.0", "py310_0", subdir=subdir, extension=extension)

    facts = read_file(path)

    assert facts == PackageFacts("some-name", "1!2.0", "py310_0", subdir)
    assert f"{facts.stem}{extension}" == path.name


def test_packages_of_real_builders_are_read(tmp_path: Path) -> None:
    """rattler-build and whl2conda, builders that share no code with the reader, make what is understood."""
    built = [build_with_rattler_build(tmp_path / "a", "recipe-made")]
    built += [build_with_whl2conda(tmp_path / "b", "wheel-made", extension=extension) for extension in FORMATS]

    for path in built:
        facts = read_file(path)
        assert path.name.startswith(facts.stem)
        assert facts.subdir == "noarch"


def test_the_index_is_found_wherever_it_is() -> None:
    """Old builders do not write `info/` first; the first index in the package counts, as for indexers."""
    assert read(tar_bz2({"bin/x": bytes(300_000), "info/index.json": INDEX})) == FACTS
    assert read(conda({"info/files": b"", "info/index.json": INDEX}), "x-1.0-0.conda") == FACTS


BAD_INDEXES = {
    "nothing": None,
    "no JSON": b"{",
    "a list": b"[]",
    "too deep": b"[" * 100_000,
    "no name": json.dumps({"version": "1", "build": "0"}).encode(),
    "a path as name": json.dumps({"name": "../x", "version": "1", "build": "0"}).encode(),
    "a number as version": json.dumps({"name": "x", "version": 1.0, "build": "0"}).encode(),
    "a space in the build": json.dumps({"name": "x", "version": "1", "build": "a b"}).encode(),
    "a path as subdir": json.dumps({"name": "x", "version": "1", "build": "0", "subdir": "../noarch"}).encode(),
    "too large": b" " * (1 << 20) + b"{}",
}


@pytest.mark.parametrize("pack", [tar_bz2, conda], ids=FORMATS[::-1])
@pytest.mark.parametrize("index", BAD_INDEXES.values(), ids=BAD_INDEXES)
def test_an_index_that_says_nothing_sound_is_refused(pack: Callable[[dict[str, bytes]], bytes], index: bytes) -> None:
    """What cannot be a part of a file name or a folder of a channel is never taken over from a package."""
    files = {"info/files": b""} if index is None else {"info/index.json": index}
    name = "x-1.0-0.tar.bz2" if pack is tar_bz2 else "x-1.0-0.conda"

    with pytest.raises(SourceError, match=rf"^dist/{name} is not a conda package: "):
        read(pack(files), name)


def link_to_index() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("info/index.json")
        member.type, member.linkname = tarfile.SYMTYPE, "../../secret.json"
        archive.addfile(member)
    return bz2.compress(packed.getvalue())


def encrypted_zip() -> bytes:
    """Return a zip whose entry is flagged as encrypted."""
    content = bytearray(conda({"info/index.json": INDEX}))
    for start in (content.find(b"PK\x01\x02", content.find(b"PK\x01\x02") + 1), content.find(b"PK\x03\x04", 4)):
        offset = start + (8 if content[start + 2] == 1 else 6)
        content[offset] |= 1
    return bytes(content)


NOT_PACKAGES = {
    "empty tar.bz2": ("x-1.0-0.tar.bz2", b""),
    "empty conda": ("x-1.0-0.conda", b""),
    "text": ("x-1.0-0.conda", b"<html>not found</html>"),
    "a tar that is not compressed": ("x-1.0-0.tar.bz2", tar({"info/index.json": INDEX})),
    "the other format": ("x-1.0-0.conda", tar_bz2({"info/index.json": INDEX})),
    "half of a tar.bz2": ("x-1.0-0.tar.bz2", tar_bz2({"a": os.urandom(50_000), "info/index.json": INDEX})[:9000]),
    "half of a conda": ("x-1.0-0.conda", conda({"info/index.json": INDEX})[:300]),
    "a renamed conda": ("y-1.0-0.conda", conda({"info/index.json": INDEX})),
    "a compressed zip": ("x-1.0-0.conda", conda({"info/index.json": INDEX}, compression=zipfile.ZIP_DEFLATED)),
    "an encrypted zip": ("x-1.0-0.conda", encrypted_zip()),
    "a link for the index": ("x-1.0-0.tar.bz2", link_to_index()),
    "a path that leads out": ("x-1.0-0.tar.bz2", tar_bz2({"../../etc/cron.d/x": b"", "info/index.json": INDEX})),
    "an absolute path": ("x-1.0-0.tar.bz2", tar_bz2({"/etc/cron.d/x": b"", "info/index.json": INDEX})),
    "another extension": ("x-1.0-0.zip", conda({"info/index.json": INDEX})),
}


@pytest.mark.parametrize(("name", "content"), NOT_PACKAGES.values(), ids=NOT_PACKAGES)
def test_what_is_no_package_is_refused_with_a_reason(name: str, content: bytes) -> None:
    """A file that is no conda package is an error of the source that says so, whatever is wrong with it."""
    with pytest.raises(SourceError, match=rf"^dist/{name} is not a conda package: ") as caught:
        read(content, name)

    assert caught.value.hint


@pytest.mark.parametrize("pack", [tar_bz2, conda], ids=FORMATS[::-1])
def test_a_bomb_is_refused_at_the_limit(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    """A small file that unpacks to a large one before its index is given up at the limit, and takes no memory."""
    bomb = pack({"bin/zeros": bytes(64 << 20), "info/index.json": INDEX})
    name = "x-1.0-0.tar.bz2" if pack is tar_bz2 else "x-1.0-0.conda"
    assert len(bomb) < 100_000
    tracemalloc.start()

    with pytest.raises(SourceError, match="too much has to be unpacked"):
        read(bomb, name, limit_bytes=32 << 20)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert read(bomb, name) == FACTS


def test_a_forged_length_takes_no_memory(tmp_path: Path) -> None:
    """An extended header that announces 3 GiB, and a zip directory of that length, are refused before they are read."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30
    forged_tar = bz2.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    end = b"PK\x05\x06" + bytes(4) + (1).to_bytes(2, "little") * 2 + (5 << 20).to_bytes(4, "little") + bytes(6)
    forged_zip = tmp_path / "x-1.0-0.conda"
    forged_zip.write_bytes(bytes(6 << 20) + end)
    tracemalloc.start()

    with pytest.raises(SourceError, match="too much has to be unpacked"):
        read(forged_tar)
    source = FileSource(forged_zip, tmp_path, forged_zip.name)
    with open_file(source) as file, file.beside() as beside, pytest.raises(SourceError, match="too much"):
        read_package(beside, forged_zip.name, forged_zip.name, go_on)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_many_entries_are_refused() -> None:
    """A zip with more entries than the format has is not looked through."""
    packed = io.BytesIO(conda({"info/index.json": INDEX}))
    with zipfile.ZipFile(packed, "a") as outer:
        for number in range(100):
            outer.writestr(f"{number}", b"")

    with pytest.raises(SourceError, match="too many entries"):
        read(packed.getvalue(), "x-1.0-0.conda")


def test_reading_can_be_cancelled() -> None:
    """A stop request ends the search for the index of a large package."""

    def stop() -> None:
        raise Cancelled("stopped on request")

    with pytest.raises(Cancelled):
        read_package(io.BytesIO(tar_bz2({"info/index.json": INDEX})), "x-1.0-0.tar.bz2", "x", stop)


WHOLE = {
    "x-1.0-0.tar.bz2": tar_bz2({"info/index.json": INDEX, "bin/x": bytes(2000)}),
    "x-1.0-0.conda": conda({"info/index.json": INDEX, "info/files": b"bin/x\n"}),
}


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    name=st.sampled_from(sorted(WHOLE)),
    damages=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    length=st.floats(0, 1),
)
def test_damage_is_read_or_refused(name: str, damages: list[tuple[float, int]], length: float) -> None:
    """However a package is damaged, reading it gives facts or an error of the source, and nothing else."""
    content = bytearray(WHOLE[name])
    for where, value in damages:
        content[int(where * (len(content) - 1))] = value
    try:
        facts = read(bytes(content[: int(length * len(content))]) if length < 0.5 else bytes(content), name)
    except SourceError:
        return
    assert facts.name
