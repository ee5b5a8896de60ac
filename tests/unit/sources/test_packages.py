"""Conda packages as sources: the fingerprint is the file's, and a package has to be what the manifest says it is."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from publisher.errors import SourceError, SourceMismatchError
from publisher.model import Digest, FileSource, PackageSource, SourceFacts
from publisher.sources.facts import facts_of
from tests.support.conda_packages import build_package, index_json


def source(path: Path, *, subdir: str = "linux-64", filename: str | None = None, **expected: str) -> PackageSource:
    file = FileSource(path, path.parent, f"dist/{path.name}")
    return PackageSource(file, filename or path.name, subdir, tuple(expected.items()))


def read(package: PackageSource) -> SourceFacts:
    return facts_of(package, lambda: None)


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_a_package_that_is_what_is_said_is_read(tmp_path: Path, extension: str) -> None:
    """Its facts are those of the file, as the channel's index will have them."""
    path = build_package(tmp_path, "x", subdir="linux-64", extension=extension)

    facts = read(source(path, name="x", version="1.0", build="0"))

    content = path.read_bytes()
    assert facts == SourceFacts(len(content), Digest(sha256(content).hexdigest()))


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"name": "y"}, "has the name x, and the manifest says y"),
        ({"version": "1.1"}, "has the version 1.0, and the manifest says 1.1"),
        ({"build": "1"}, "has the build 0, and the manifest says 1"),
        ({"subdir": "noarch"}, "is for linux-64, and the manifest says noarch"),
    ],
)
def test_another_package_than_the_manifest_says_is_refused(
    tmp_path: Path, expected: dict[str, str], message: str
) -> None:
    """Name, version, build and platform are compared with the package's own; both are named."""
    path = build_package(tmp_path, "x", subdir="linux-64")

    with pytest.raises(SourceMismatchError, match=message) as caught:
        read(source(path, **expected))

    assert caught.value.exit_code == 3
    assert caught.value.message.startswith("dist/x-1.0-0.tar.bz2 ")


def test_a_renamed_package_is_refused(tmp_path: Path) -> None:
    """A channel lists a package under its own name, whatever its file is called."""
    path = build_package(tmp_path, "x", subdir="linux-64", filename="y-1.0-0.tar.bz2")

    with pytest.raises(SourceMismatchError, match=r"y-1\.0-0\.tar\.bz2, and is the package x-1\.0-0") as caught:
        read(source(path))

    assert "rename the file to x-1.0-0.tar.bz2" in str(caught.value.hint)


def test_a_renamed_conda_is_refused(tmp_path: Path) -> None:
    """In the newer format the name is inside, too; the message says what the file is."""
    path = build_package(tmp_path, "x", subdir="linux-64", extension=".conda", filename="y-1.0-0.conda")

    with pytest.raises(SourceError, match=r"it is x-1\.0-0\.conda, renamed"):
        read(source(path))


def test_an_old_package_without_a_subdir_is_taken_at_the_manifests_word(tmp_path: Path) -> None:
    """Where the package does not say its platform the manifest does."""
    path = build_package(tmp_path, "x", index=index_json("x", "1.0", "0", None))

    assert read(source(path, subdir="linux-64")).size_bytes == path.stat().st_size


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    """A file with the name of a package only is an error of the source."""
    path = tmp_path / "x-1.0-0.conda"
    path.write_bytes(b"<html>")

    with pytest.raises(SourceError, match=r"^dist/x-1\.0-0\.conda is not a conda package: "):
        read(source(path))
