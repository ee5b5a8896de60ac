"""The one-artifact form: the same rules as a manifest, errors that name the flag."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from publisher.manifest import Manifest, ManifestError, artifact_from_flags
from publisher.model import Compression
from tests.support.kinds import file_of


def from_flags(file: Path, **changes: str) -> Manifest:
    names = {"resource_name": "m", "dev_stage": "dev", "architecture": "arm64", "version": "2026-04-15"} | changes
    return artifact_from_flags(file=file, **names)


def test_flags_make_a_manifest_of_one(tmp_path: Path) -> None:
    """Five flags give one artifact for the destination `fleet`, with the file's folder as root."""
    file = tmp_path / "model.trt"
    file.touch()

    manifest = from_flags(file, compression="none")

    (artifact,) = manifest.artifacts
    assert str(artifact.id) == "fleet:dev/m/arm64/2026-04-15"
    assert (file_of(artifact).path, file_of(artifact).root) == (file, tmp_path)
    assert artifact.compression is Compression.NONE
    assert artifact.line == 0
    assert artifact.origins["version"].where == "--version"
    assert manifest.destinations["fleet"].kind == "fleet"
    assert len(manifest.sha256) == 64


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    """At a command line any file may be named, through a link too."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "real.trt").touch()
    (tmp_path / "latest.trt").symlink_to("store/real.trt")

    source = file_of(from_flags(tmp_path / "latest.trt").artifacts[0])

    assert source.path == tmp_path / "store" / "real.trt"
    assert source.root == tmp_path / "store"


def test_every_wrong_flag_is_named(tmp_path: Path) -> None:
    """All problems of the flags come at once, each with its flag."""
    with pytest.raises(ManifestError) as caught:
        from_flags(tmp_path / "missing", version="", architecture="a/b", compression="gzip")

    found = {item.field_path: item.message for item in caught.value.diagnostics}
    assert found == {
        "--architecture": "`a/b` is not allowed as architecture: it holds `/` (character 2)",
        "--compression": "there is no such compression",
        "--file": f"there is no file `{tmp_path / 'missing'}`",
        "--version": "version is empty",
    }
    assert caught.value.message == "4 problems in the arguments"


@pytest.mark.timeout(10)
def test_a_fifo_is_refused_without_opening_it(tmp_path: Path) -> None:
    """F4: the one-artifact form never hangs on a FIFO either."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ManifestError) as caught:
        from_flags(tmp_path / "pipe")

    assert "is a FIFO" in caught.value.diagnostics[0].message
